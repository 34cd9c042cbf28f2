"""Runtime half of outdated-read: what this process has committed itself; other processes cannot be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.core.finding import Finding
from tether.core.states import Cause
from tether.hazards.outdated_read import HAZARD
from tether.watch import events
from tether.watch.detectors.base import Detector, story, used


class OutdatedRead(Detector):
    """A detached row was read after this process had committed a newer version of it."""

    hazard = HAZARD

    def outdated_read(self, event: events.OutdatedRead) -> Iterator[Finding]:
        """Report the first read of each attribute after the commit."""
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute}"
        where = used(event.site)
        done = "deleted" if event.operation == "DELETE" else "changed"
        message = f"`{name}` is read on a detached `{instance.identity}`, but its row was {done} since"
        newer = replace(used(event.committed, "committed"), cause=Cause.COMMIT)
        yield self.hazard.at(
            where,
            message,
            places=story(instance.loaded, instance.detached, newer, where),
            help="load the row again where it is read: `session.get(...)`",
            subject=name,
        )
