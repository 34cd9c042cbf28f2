"""instance-handed-over: a row or a Session is given to another thread, process or task."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, TRANSIENT, UNSURE
from tether.check.telling.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("hand over",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for an instance that is attached, or for a Session."""
    instance, session = event.instance, event.session
    if instance is None:
        what, places = "a Session", [("created", session.made if session else None)]
        if session is None or not session.sure or session.owner == "ambient":
            return None
    else:
        if instance.states & {DETACHED, TRANSIENT, UNSURE} or instance.session < 0:
            return None
        what, places = f"`{shown(instance)}`", [("loaded", instance.loaded)]
    return teller.finding(
        "instance-handed-over",
        event,
        f"{what} is given to other code that runs at another time: its Session is not theirs",
        places,
        subject=shown(instance) if instance else "Session",
        used="handed over",
    )
