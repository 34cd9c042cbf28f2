"""instance-kept: a row is put where it outlives its Session."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("kept", "kept by object")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a hint for an instance that goes into a global, a class, or a cache.

    In foreign programs twelve of thirteen such lines were harmless: the row was expunged before, loaded again or put
    aside before anybody read it (docs/proof/check.md).
    """
    if event.kind == "kept by object":
        return kept_by_object(event, teller)
    instance = event.instance
    assert instance is not None
    return teller.finding(
        "instance-kept",
        event,
        f"`{shown(instance)}` is kept in {event.detail}, which outlives the Session",
        [("loaded", instance.loaded)],
        subject=shown(instance),
        severity="hint",
        used="kept",
    )


def kept_by_object(event: Event, teller: Teller) -> Finding:
    """Return the finding for a row that some methods of its object put back into the Session, and this one does not."""
    owner, attribute, kept, example = event.detail
    return teller.finding(
        "instance-kept",
        event,
        f"`self.{attribute}` is used here as its Session left it: other methods of {owner} first put it back",
        [("kept", kept), ("added", example)],
        subject=f"{owner}.{attribute}",
    )
