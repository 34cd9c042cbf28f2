"""Runtime half of write-while-detached: a write is lost only if its instance never comes back, so wait."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.config import Config
from tether.core.finding import Finding
from tether.hazards.write_while_detached import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import DetachedWrite, InstanceGone, InstanceReturned


class WriteWhileDetached(Detector):
    """A detached instance was changed and never brought back."""

    hazard = HAZARD

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.waiting: dict[int, dict[str, DetachedWrite]] = {}

    def detached_write(self, event: DetachedWrite) -> None:
        """Remember the first write of each attribute; one after ``merge()`` is merge-result-ignored's."""
        if event.merged is None:
            self.waiting.setdefault(event.instance.token, {}).setdefault(event.attribute, event)

    def instance_returned(self, event: InstanceReturned) -> None:
        """Forget it: the change travels with the instance."""
        self.waiting.pop(event.token, None)

    def instance_gone(self, event: InstanceGone) -> Iterator[Finding]:
        """Report what was written and really differs."""
        for attribute, write in self.waiting.pop(event.token, {}).items():
            if attribute in event.attributes:
                yield self.finding(write)

    def finding(self, write: DetachedWrite) -> Finding:
        """Return the finding for one write."""
        instance = write.instance
        name = f"{instance.class_name}.{write.attribute}"
        where = used(write.site)
        message = f"`{name}` is changed, but `{instance.identity}` is detached, so the change is lost"
        places = story(instance.loaded, instance.detached, where)
        help = "change it before the Session ends, or bring it back: `instance = session.merge(instance)`, then commit"
        return self.hazard.at(where, message, places=places, help=help, subject=name)
