"""write-while-detached: an attribute of a detached instance is changed, and nothing brings it back."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, surely
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("lost write",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for a write that was not brought back until the function ended."""
    instance = event.instance
    assert instance is not None
    if (
        not surely(instance.states, DETACHED)
        or instance.merged is not None
        or "shallow copy" in instance.flags
    ):
        return None
    name = named(instance, event.attribute)
    return teller.finding(
        "write-while-detached",
        event,
        f"`{name}` is changed, but `{shown(instance)}` is detached, so the change is lost",
        [("loaded", instance.loaded), ("detached", instance.detached)],
        subject=name,
    )
