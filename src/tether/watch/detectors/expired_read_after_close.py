"""Runtime half of expired-read-after-close: the commit or rollback that expired, then the end of the Session."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.core.states import Cause
from tether.hazards.expired_read_after_close import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import LoadRefused


class ExpiredReadAfterClose(Detector):
    """A column was read on an instance that was expired and then detached."""

    hazard = HAZARD

    def load_refused(self, event: LoadRefused) -> Iterator[Finding]:
        """Report a read of a column whose value was thrown away before the Session ended."""
        if event.kind != "expired":
            return
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute or '?'}"
        cause = instance.expired.cause if instance.expired is not None else ""
        why = f"{cause} had expired it" if cause else "its value was expired"
        message = f"`{name}` is read, but `{instance.identity}` is detached and {why}"
        where = used(event.site)
        places = story(instance.loaded, instance.expired, instance.detached, where)
        yield self.hazard.at(where, message, places=places, help=advice(cause), subject=name)


def advice(cause: str) -> str:
    """Return what keeps the value: it depends on what expired it."""
    if cause == Cause.COMMIT:
        return "expire_on_commit=False on the Session or sessionmaker, or read the value before the commit"
    if cause == Cause.ROLLBACK:
        return "read the value before the rollback (expire_on_commit=False does not help: a rollback always expires)"
    return "read the value while the Session is open"
