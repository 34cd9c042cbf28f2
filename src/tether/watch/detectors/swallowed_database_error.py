"""Runtime half of swallowed-database-error: the Session is used again, and refuses."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.swallowed_database_error import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import UsedAfterFailure


class SwallowedDatabaseError(Detector):
    """The Session went on after a flush or statement had failed and the error was caught."""

    hazard = HAZARD

    def used_after_failure(self, event: UsedAfterFailure) -> Iterator[Finding]:
        """Report the use, with the line where the failure was caught somewhere above."""
        where = used(event.site)
        failed = used(event.failed, "failed")
        message = f"the Session is used after {event.error} was caught and before any rollback, so it refuses all work"
        help = (
            "session.rollback() in the except block, or `with session.begin_nested():` around what may fail"
        )
        yield self.hazard.at(where, message, places=story(failed, where), help=help, subject="Session")
