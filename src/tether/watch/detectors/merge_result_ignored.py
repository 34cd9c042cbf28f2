"""Runtime half of merge-result-ignored: the argument of merge() is written to afterwards and never comes back."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.config import Config
from tether.core.finding import Finding
from tether.hazards.merge_result_ignored import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import DetachedWrite, InstanceGone, InstanceReturned


class MergeResultIgnored(Detector):
    """The argument of ``merge()`` was changed after the merge; the result is another instance."""

    hazard = HAZARD

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.waiting: dict[int, dict[str, DetachedWrite]] = {}

    def detached_write(self, event: DetachedWrite) -> None:
        """Remember the first write of each attribute after the merge."""
        if event.merged is not None:
            self.waiting.setdefault(event.instance.token, {}).setdefault(event.attribute, event)

    def instance_returned(self, event: InstanceReturned) -> None:
        """Forget it: it was merged again, or added."""
        self.waiting.pop(event.token, None)

    def instance_gone(self, event: InstanceGone) -> Iterator[Finding]:
        """Report what was written after the merge and really differs."""
        for attribute, write in self.waiting.pop(event.token, {}).items():
            if attribute in event.attributes:
                yield self.finding(write)

    def finding(self, write: DetachedWrite) -> Finding:
        """Return the finding for one write."""
        instance = write.instance
        name = f"{instance.class_name}.{write.attribute}"
        where = used(write.site)
        copies = "`merge()` returned another instance, which is the one in the Session"
        message = (
            f"`{name}` is changed on the instance that was given to merge(); {copies}, so the change is lost"
        )
        places = story(instance.loaded, used(write.merged, "merged"), where)
        help = "`instance = session.merge(instance)`, and change the result"
        return self.hazard.at(where, message, places=places, help=help, subject=name)
