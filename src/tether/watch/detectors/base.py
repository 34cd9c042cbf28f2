"""What all detectors have in common: a hazard, and handlers for the events they take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tether.core.config import Config
from tether.core.finding import Finding, Place
from tether.core.hazard import Hazard
from tether.watch.events import Event, Instance
from tether.watch.site import Site


class Detector:
    """Runtime half of a hazard: takes events, gives findings.

    A subclass defines a method for each event it takes, named as ``Event.handler`` says. An event
    that no detector takes is not looked for. A detector that raises is switched off and named.
    """

    hazard: ClassVar[Hazard]

    def __init__(self, config: Config) -> None:
        self.config = config

    @classmethod
    def events(cls) -> tuple[type[Event], ...]:
        """Return the events it has a handler for."""
        return tuple(event for event in Event.__subclasses__() if hasattr(cls, event.handler))

    def watch_ended(self) -> Iterable[Finding]:
        """Return what can only be said when the watch ends; by default nothing."""
        return ()


def used(site: Site | None, role: str = "used") -> Place:
    """Return the line that runs now as a place."""
    if site is None:
        return Place(role, note="no line of the program is on the stack")
    return site.place(role, note="" if site.own else "inside a library; no line of the program")


def story(*places: Place | None) -> tuple[Place, ...]:
    """Return the places that exist, in the order given."""
    return tuple(place for place in places if place is not None)


def load_with(instance: Instance, loader: str) -> str:
    """Return where *loader* belongs so that the load that made *instance* also loads the attribute; "" if unknown."""
    query = instance.query
    if query is None or not query.known:
        return ""
    where = f"{query.path}:{query.line}"
    if instance.loaded_by in ("get", "get_one", "merge"):
        return f"options=[{loader}] in the {instance.loaded_by}() at {where}"
    return f".options({loader}) on the query at {where}"


def listed(names: Iterable[str], limit: int = 4) -> str:
    """Return names in backticks, joined by commas; a long list is cut and counted."""
    all_names = list(names)
    shown = ", ".join(f"`{name}`" for name in all_names[:limit])
    return f"{shown} and {len(all_names) - limit} more" if len(all_names) > limit else shown
