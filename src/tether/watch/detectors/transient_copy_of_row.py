"""Runtime half of transient-copy-of-row: a new instance with the primary key of a row that exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.core.config import Config
from tether.core.finding import Finding
from tether.hazards.transient_copy_of_row import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import CopyAdded, InsertRefused


class TransientCopyOfRow(Detector):
    """``Model(id=existing)`` was added: an INSERT that fails."""

    hazard = HAZARD

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.told: set[int] = set()

    def copy_added(self, event: CopyAdded) -> Iterator[Finding]:
        """Report a copy whose original is in the same Session; the flush will fail."""
        instance = event.instance
        self.told.add(instance.token)
        where = used(event.site)
        message = f"a new `{instance.identity}` is added, but the row with its primary key is already in this Session"
        original = replace(event.original.loaded, role="original")
        yield self.hazard.at(
            where,
            message,
            places=story(original, instance.loaded, where),
            help=ADVICE,
            subject=instance.class_name,
        )

    def insert_refused(self, event: InsertRefused) -> Iterator[Finding]:
        """Report a copy of a row that only the database knew."""
        instance = event.instance
        if instance.token in self.told:
            return
        where = used(event.site)
        copied = "the program set its primary key, which a row already has"
        message = f"the INSERT of a new `{instance.identity}` fails: {copied}"
        yield self.hazard.at(
            where, message, places=story(instance.loaded, where), help=ADVICE, subject=instance.class_name
        )


ADVICE = "change the row itself: `session.get(...)`, or `session.merge(copy)` and use its result"
