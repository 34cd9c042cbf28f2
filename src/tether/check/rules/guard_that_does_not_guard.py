"""guard-that-does-not-guard: getattr() with a default around a read that raises something else."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, EXPIRED, PERSISTENT, UNLOADED, surely
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("guard",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the guarded read surely raises, and not AttributeError."""
    instance = event.instance
    assert instance is not None
    facts, kind, sure, mapping, _ = event.detail
    if not sure or not (surely(facts, UNLOADED) or surely(facts, EXPIRED)):
        return None
    detached = surely(instance.states, DETACHED)
    awaited = event.asynchronous and surely(instance.states, PERSISTENT)
    if awaited and kind == "relationship" and mapping.is_many(event.attribute) is None:
        return None
    if not detached and not awaited:
        return None
    name = named(instance, event.attribute)
    raised = "DetachedInstanceError" if detached else "MissingGreenlet"
    return teller.finding(
        "guard-that-does-not-guard",
        event,
        f"reading `{name}` of this `{shown(instance)}` raises {raised}, which is no AttributeError",
        [("loaded", instance.loaded), ("expired", instance.expired), ("detached", instance.detached)],
        subject=name,
    )
