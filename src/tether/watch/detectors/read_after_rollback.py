"""Runtime half of read-after-rollback: the refusal of implicit-io-in-async, when a rollback is to blame."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.core.states import Cause
from tether.hazards.read_after_rollback import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import AwaitRefused


class ReadAfterRollback(Detector):
    """In async code, an attribute was read after a rollback had expired it."""

    hazard = HAZARD

    def await_refused(self, event: AwaitRefused) -> Iterator[Finding]:
        """Report a read that a rollback made impossible."""
        if event.cause is not Cause.ROLLBACK:
            return
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute or '?'}"
        where = used(event.site)
        expired = f"which expired every attribute of `{instance.identity}`"
        message = f"`{name}` is read without await after a rollback, {expired}"
        yield self.hazard.at(
            where,
            message,
            places=story(instance.loaded, instance.expired, where),
            help="read the value before the rollback, or `await session.refresh(instance)` after it",
            subject=name,
        )
