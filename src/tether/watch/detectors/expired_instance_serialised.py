"""Runtime half of expired-instance-serialised: the bytes are about to be made, without what was expired."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.expired_instance_serialised import HAZARD
from tether.watch.detectors.base import Detector, listed, story, used
from tether.watch.events import SerialisedEmpty


class ExpiredInstanceSerialised(Detector):
    """An expired instance was pickled or dumped: it arrives empty."""

    hazard = HAZARD

    def serialised_empty(self, event: SerialisedEmpty) -> Iterator[Finding]:
        """Report it with what expired it."""
        instance = event.instance
        where = used(event.site)
        cause = instance.expired.cause if instance.expired is not None else ""
        why = f"{cause} has expired" if cause else "is expired in"
        message = f"{event.how} of `{instance.identity}` leaves out {listed(event.missing)}, which {why} it"
        if cause:
            message = (
                f"{event.how} of `{instance.identity}` leaves out {listed(event.missing)}: {cause} expired it"
            )
        help = "session.refresh(instance) before, or take the values out before the commit (expire_on_commit=False)"
        yield self.hazard.at(
            where,
            message,
            places=story(instance.loaded, instance.expired, where),
            help=help,
            subject=instance.class_name,
        )
