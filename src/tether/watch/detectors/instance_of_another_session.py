"""Runtime half of instance-of-another-session: SQLAlchemy has just refused the instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.core.finding import Finding
from tether.hazards.instance_of_another_session import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import SessionRefused


class InstanceOfAnotherSession(Detector):
    """A row of one Session was given to another, or a detached one to a method that needs a persistent one."""

    hazard = HAZARD

    def session_refused(self, event: SessionRefused) -> Iterator[Finding]:
        """Report what was refused, and which Session has the instance."""
        instance = event.instance
        where = used(event.site)
        held = "is in another Session" if event.elsewhere else "is in no Session"
        if event.original is not None:
            held = "is a second instance of a row that the Session has already"
        message = f"{event.method}() refuses `{instance.identity}`, which {held}"
        joined = used(event.attached, "attached") if event.attached is not None else None
        original = replace(event.original, role="original") if event.original is not None else None
        places = story(original, instance.loaded, joined, instance.detached, where)
        help = "`instance = session.merge(instance)`, or load it in this Session: `session.get(...)`"
        yield self.hazard.at(where, message, places=places, help=help, subject=instance.class_name)
