"""expired-read-after-close: a column that was expired is read on an instance that is surely detached."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, EXPIRED, surely
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("read",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the read surely raises DetachedInstanceError."""
    instance = event.instance
    assert instance is not None
    facts, _, sure, _, _ = event.detail
    if not (sure and surely(instance.states, DETACHED) and surely(facts, EXPIRED)):
        return None
    name = named(instance, event.attribute)
    cause = instance.expired.cause if instance.expired else ""
    why = f"{cause} had expired it" if cause else "its value was expired"
    return teller.finding(
        "expired-read-after-close",
        event,
        f"`{event.path or name}` is read, but `{shown(instance)}` is detached and {why}",
        [("loaded", instance.loaded), ("expired", instance.expired), ("detached", instance.detached)],
        subject=name,
    )
