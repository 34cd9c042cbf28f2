"""Runtime half of merge-over-newer-row: merge() has just read the row, so what it undoes is known."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.merge_over_newer_row import HAZARD
from tether.watch.detectors.base import Detector, listed, story, used
from tether.watch.events import MergedOver


class MergeOverNewerRow(Detector):
    """``merge()`` put back values, or removed rows, that somebody else wrote since the copy was loaded."""

    hazard = HAZARD

    def merged_over(self, event: MergedOver) -> Iterator[Finding]:
        """Report what was put back, overwritten, removed or revived."""
        instance = event.instance
        parts = [
            (event.removed, "removes rows of {} that were added since it was loaded"),
            (event.restored, "puts {} back to what it was when it was loaded"),
            (event.conflicting, "overwrites {}, which was changed on both sides"),
            (event.added, "brings back rows of {} that were taken out since"),
        ]
        said = [
            words.format(listed(f"{instance.class_name}.{name}" for name in names))
            for names, words in parts
            if names
        ]
        where = used(event.site, "merged")
        message = f"merge() of an outdated `{instance.identity}` {' and '.join(said)}"
        first = next(names[0] for names, _ in parts if names)
        help = (
            "load the row and change only what you mean to change; a version_id_col makes SQLAlchemy refuse"
        )
        yield self.hazard.at(
            where,
            message,
            places=story(instance.loaded, instance.detached, where),
            help=help,
            subject=f"{instance.class_name}.{first}",
        )
