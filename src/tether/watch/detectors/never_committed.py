"""Runtime half of never-committed: a transaction that ends with work in it, by neither commit nor rollback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.core.finding import Finding
from tether.core.states import Cause
from tether.hazards.never_committed import HAZARD
from tether.watch.detectors.base import Detector, listed, story, used
from tether.watch.events import WorkAbandoned


class NeverCommitted(Detector):
    """Rows were added or flushed, and the Session ended without commit or rollback."""

    hazard = HAZARD

    def work_abandoned(self, event: WorkAbandoned) -> Iterator[Finding]:
        """Report once for all rows that went together."""
        _, _, operation, flushed, made = event.rows[0]
        names = sorted({row[0] for row in event.rows})
        done = what_was_done({row[2] for row in event.rows})
        what = (
            f"{listed(names)} was {done}" if len(event.rows) == 1 else f"rows of {listed(names)} were {done}"
        )
        message = f"{what}, and {ending(event.cause)} without a commit: the database undoes it"
        role = _ROLES.get(operation, "changed")
        first = used(made, role) if made is not None else None
        then = used(flushed, "flushed") if flushed is not made else None
        where = replace(used(event.site, "closed"), cause=event.cause)
        if event.cause in (Cause.GARBAGE_COLLECTION, Cause.EXIT):
            where, then = then or first or used(None), None
            first = None if where is first else first
        opened = used(event.created, "opened") if event.created is not None else None
        help = "session.commit() before the Session ends, or `with Session.begin() as session:`"
        yield self.hazard.at(
            where, message, places=story(opened, first, then, where), help=help, subject=", ".join(names)
        )


_ROLES = {"add": "created", "INSERT": "created", "delete": "deleted"}


def what_was_done(operations: set[str]) -> str:
    """Return what the program did to the rows, as part of a sentence."""
    if operations == {"add"}:
        return "added"
    return "marked to be deleted" if operations == {"delete"} else "flushed"


def ending(cause: Cause) -> str:
    """Return how the Session ended, as part of a sentence."""
    if cause is Cause.GARBAGE_COLLECTION:
        return "its Session was garbage-collected"
    return "the process ended" if cause is Cause.EXIT else "its Session was closed"
