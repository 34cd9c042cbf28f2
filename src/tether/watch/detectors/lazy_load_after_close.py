"""Runtime half of lazy-load-after-close: SQLAlchemy has just refused the load, so there is nothing to guess."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.lazy_load_after_close import HAZARD
from tether.watch.detectors.base import Detector, load_with, story, used
from tether.watch.events import Instance, LoadRefused


class LazyLoadAfterClose(Detector):
    """A relationship or deferred column was read on a detached instance."""

    hazard = HAZARD

    def load_refused(self, event: LoadRefused) -> Iterator[Finding]:
        """Report a read that was refused because the attribute had never been loaded."""
        if event.kind == "expired":
            return
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute or '?'}"
        message = f"`{name}` is read, but `{instance.identity}` is detached and `{event.attribute}` was never loaded"
        where = used(event.site)
        places = story(instance.loaded, instance.detached, where)
        yield self.hazard.at(where, message, places=places, help=advice(event, instance), subject=name)


def advice(event: LoadRefused, instance: Instance) -> str:
    """Return the loader option and the line it belongs on."""
    if not event.loader:
        return "read it while the Session is open"
    at_load = load_with(instance, event.loader)
    return (
        at_load or f"load it while the Session is open, for example by a query with .options({event.loader})"
    )
