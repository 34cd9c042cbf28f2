"""copy-shares-state: a copy.copy() of an instance is written; a dynamic relationship of a detached one answers []."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, surely
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("write", "read")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for a write to a copy, or a read that surely gives nothing."""
    instance = event.instance
    assert instance is not None
    name = named(instance, event.attribute)
    if event.kind == "write":
        if "shallow copy" not in instance.flags:
            return None
        message = f"`{name}` is changed on a copy.copy(), which shares SQLAlchemy's state with the original"
    else:
        _, kind, sure, mapping, _ = event.detail
        if not sure or kind != "relationship" or not surely(instance.states, DETACHED):
            return None
        if mapping.lazy(event.attribute) != "dynamic":
            return None
        message = (
            f"`{name}` is a dynamic relationship of a detached `{shown(instance)}`: it answers with nothing"
        )
    return teller.finding(
        "copy-shares-state",
        event,
        message,
        [("loaded", instance.loaded), ("detached", instance.detached)],
        subject=name,
    )
