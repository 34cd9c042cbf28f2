"""Runtime half of everything-loaded-at-once: a long list without a limit, built only to be looped over."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.everything_loaded_at_once import HAZARD
from tether.watch.detectors.base import Detector, used
from tether.watch.events import EverythingFetched


class EverythingLoadedAtOnce(Detector):
    """``.all()`` on an unbounded query whose rows are only iterated."""

    hazard = HAZARD

    def everything_fetched(self, event: EverythingFetched) -> Iterator[Finding]:
        """Report the line that fetches."""
        where = used(event.site)
        message = f".all() holds every `{event.what}` of a query without a limit in memory, only to iterate over them"
        help = "iterate over the result itself with .execution_options(yield_per=1000)"
        yield self.hazard.at(where, message, places=(where,), help=help, subject=event.what)
