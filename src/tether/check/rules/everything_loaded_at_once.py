"""everything-loaded-at-once: every row of a table is put in a list that is only iterated."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

KINDS = ("left list",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the list surely is used for one loop and nothing else."""
    if event.detail.uses != frozenset({"iterated"}):
        return None
    return teller.finding(
        "everything-loaded-at-once",
        event,
        "every row is loaded into a list that is only iterated",
        [],
        used="loaded",
        severity="hint",
    )
