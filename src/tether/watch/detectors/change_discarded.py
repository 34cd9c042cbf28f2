"""Runtime half of change-discarded: net changes only, and only if the instance never brings them back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.core.config import Config
from tether.core.finding import Finding, Severity
from tether.core.states import Cause
from tether.hazards.change_discarded import HAZARD
from tether.watch.detectors.base import Detector, listed, story, used
from tether.watch.events import ChangesDropped, InstanceGone, InstanceReturned


class ChangeDiscarded(Detector):
    """An unflushed change was dropped."""

    hazard = HAZARD

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.waiting: dict[int, ChangesDropped] = {}

    def changes_dropped(self, event: ChangesDropped) -> Iterator[Finding]:
        """Report what is forgotten for good; wait where the instance still holds the change."""
        if event.can_return:
            self.waiting[event.instance.token] = event
        else:
            yield self.finding(event, event.attributes).times(event.count)

    def instance_returned(self, event: InstanceReturned) -> None:
        """Forget it: the change was carried over."""
        self.waiting.pop(event.token, None)

    def instance_gone(self, event: InstanceGone) -> Iterator[Finding]:
        """Report what still differed when the instance went."""
        dropped = self.waiting.pop(event.token, None)
        if dropped is not None:
            left = tuple(name for name in dropped.attributes if name in event.attributes)
            if left:
                yield self.finding(dropped, left)

    def finding(self, event: ChangesDropped, names: tuple[str, ...]) -> Finding:
        """Return the finding for one instance."""
        instance, cause = event.instance, event.cause
        subject = f"{instance.class_name}.{names[0]}"
        is_silent = cause in (Cause.GARBAGE_COLLECTION, Cause.EXIT)
        where = instance.changed or instance.loaded if is_silent else used(event.site, role_of(cause))
        changed = listed(f"{instance.class_name}.{name}" for name in names)
        message = f"{changed} was changed and not flushed; {by(cause)}"
        places = story(instance.loaded, instance.changed, None if is_silent else where)
        severity: Severity = "warning" if cause is Cause.ROLLBACK else "error"
        where = replace(where, cause=cause)
        places = tuple(where if place.role == where.role else place for place in places)
        return self.hazard.at(
            where, message, places=places, help=advice(cause), subject=subject, severity=severity
        )


def role_of(cause: Cause) -> str:
    """Return the part the dropping line plays."""
    expiring = (Cause.REFRESH, Cause.EXPIRE, Cause.EXPIRE_ALL, Cause.ROLLBACK, Cause.POPULATE_EXISTING)
    return "expired" if cause in expiring else "detached"


def by(cause: Cause) -> str:
    """Return how the change was dropped, as the end of a sentence."""
    if cause is Cause.GARBAGE_COLLECTION:
        return "its Session was garbage-collected, and the change with it"
    if cause is Cause.EXIT:
        return "the process ended before any flush"
    return f"{cause} drops the change"


def advice(cause: Cause) -> str:
    """Return what keeps the change."""
    if cause in (Cause.REFRESH, Cause.EXPIRE, Cause.EXPIRE_ALL):
        return f"session.flush() before the {cause}"
    if cause is Cause.POPULATE_EXISTING:
        return "session.flush() before the query, or leave autoflush on"
    if cause is Cause.ROLLBACK:
        return (
            "commit what should stay before the rollback; if it should go, # tether: allow[change-discarded]"
        )
    return "session.commit() before the Session ends"
