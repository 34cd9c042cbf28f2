"""Runtime half of lazy-load-in-loop: the same load, row by row, from one line of one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.lazy_load_in_loop import HAZARD
from tether.watch.detectors.base import Detector, load_with, story, used
from tether.watch.events import LoadedInLoop


class LazyLoadInLoop(Detector):
    """The same attribute was loaded one row at a time from one line."""

    hazard = HAZARD

    def loaded_in_loop(self, event: LoadedInLoop) -> Iterator[Finding]:
        """Report it once the threshold is reached; the count goes on."""
        instance = event.instance
        where = used(event.site)
        name = f"{instance.class_name}.{event.attribute}" if event.attribute else instance.class_name
        message = f"`{name}` is loaded one row at a time from this line"
        if event.kind == "expired":
            cause = instance.expired.cause if instance.expired is not None else ""
            message = f"`{instance.class_name}` is refreshed one row at a time from this line"
            message += f", because {cause} expired every row" if cause else ""
        places = story(instance.loaded, instance.expired if event.kind == "expired" else None, where)
        finding = self.hazard.at(where, message, places=places, help=advice(event), subject=name)
        yield finding.times(event.count)


def advice(event: LoadedInLoop) -> str:
    """Return the option that loads it with the query, or what keeps the rows from being expired."""
    if event.kind == "expired":
        return "expire_on_commit=False, or one query for all rows after the commit"
    if not event.loader:
        return "load it with the query"
    at_load = load_with(event.instance, event.loader)
    return at_load or f".options({event.loader}) on the query that loads the rows"
