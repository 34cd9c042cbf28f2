"""Runtime half of instance-kept: looked for once, when the watch ends."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.instance_kept import HAZARD
from tether.watch import events
from tether.watch.detectors.base import Detector, story


class InstanceKept(Detector):
    """A detached row is held by a module-level container, a class or a cache."""

    hazard = HAZARD

    def instance_kept(self, event: events.InstanceKept) -> Iterator[Finding]:
        """Report the row at the line that loaded it."""
        instance = event.instance
        message = (
            f"`{instance.identity}` is detached and kept in {event.keeper}, where its data only grows older"
        )
        places = story(instance.loaded, instance.detached)
        help = "keep plain values or the primary key, and load the row where it is needed"
        yield self.hazard.at(
            instance.loaded,
            message,
            places=places,
            help=help,
            subject=f"{instance.class_name} in {event.keeper}",
        )
