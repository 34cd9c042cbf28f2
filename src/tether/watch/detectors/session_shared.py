"""Runtime half of session-shared: overlap only; one thread after the other is legal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.core.finding import Finding, Place
from tether.hazards.session_shared import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import SessionOverlap
from tether.watch.recorder import BEFORE


class SessionShared(Detector):
    """Two threads or tasks were inside one Session at the same time."""

    hazard = HAZARD

    def session_overlap(self, event: SessionOverlap) -> Iterator[Finding]:
        """Report the one that came second, with the line the first is at."""
        who = "task" if event.tasks else "thread"
        where = used(event.here)
        created = used(event.created, "opened") if event.created is not None else Place("opened", note=BEFORE)
        other = used(event.there, "changed") if event.there is not None else None
        other = replace(other, role="inside") if other is not None else None
        message = f"{event.method}() begins while another {who} is still inside the same Session"
        help = f"one Session for each {who}: open it inside the {'coroutine' if event.tasks else 'thread'}"
        yield self.hazard.at(
            where, message, places=story(created, other, where), help=help, subject="Session"
        )
