"""Runtime half of instance-handed-over: rows that still depend on a Session here, and Sessions in use."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.instance_handed_over import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import HandedOver


class InstanceHandedOver(Detector):
    """A row or Session was passed to a thread, process, queue or background task."""

    hazard = HAZARD

    def handed_over(self, event: HandedOver) -> Iterator[Finding]:
        """Report what was passed, and why it still depends on this side."""
        where = used(event.site)
        loaded = event.instance.loaded if event.instance is not None else None
        expired = event.instance.expired if event.instance is not None and event.reason == "expired" else None
        message = f"{reason(event)} is passed to {event.receiver}"
        help = "pass the primary key and load the row on the other side, in a Session of its own"
        if event.instance is None:
            help = "open a Session on the other side"
        yield self.hazard.at(
            where,
            message,
            places=story(loaded, expired, where),
            help=help,
            subject=f"{event.what} to {event.receiver}",
        )


def reason(event: HandedOver) -> str:
    """Return what is handed over and what ties it to this side."""
    if event.instance is None:
        return "a Session whose transaction is open here"
    if event.reason == "expired":
        return f"an expired `{event.what}`, whose columns cannot be read any more,"
    return f"a `{event.what}` that is still in a Session here"
