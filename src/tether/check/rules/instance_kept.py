"""instance-kept: a row is put where it outlives its Session."""

from __future__ import annotations

from tether.check.events import Event
from tether.check.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("kept",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for an instance that goes into a global, a class, or a cache."""
    instance = event.instance
    assert instance is not None
    return teller.finding(
        "instance-kept",
        event,
        f"`{shown(instance)}` is kept in {event.detail}, which outlives the Session",
        [("loaded", instance.loaded)],
        subject=shown(instance),
        used="kept",
    )
