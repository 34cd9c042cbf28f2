"""instance-returned-from-session: a row leaves the scope that closes its Session, and what is not loaded is read."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, EXPIRED, UNLOADED, surely
from tether.check.rules.implicit_io_in_async import look as look_for_io
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("returned",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if making the response surely raises."""
    instance = event.instance
    assert instance is not None
    facts = event.detail[0]
    if not surely(instance.states, DETACHED):
        return look_for_io(event, teller)
    if not (surely(facts, UNLOADED) or surely(facts, EXPIRED)):
        return None
    name = named(instance, event.attribute)
    root = event.path.partition(".")[0] or shown(instance)
    why = "was expired" if surely(facts, EXPIRED) else "was never loaded"
    return teller.finding(
        "instance-returned-from-session",
        event,
        f"`{root}` is returned detached, and the response reads `{event.path or name}`, which {why}",
        [("loaded", instance.loaded), ("expired", instance.expired), ("detached", instance.detached)],
        subject=name,
        used="returned",
    )
