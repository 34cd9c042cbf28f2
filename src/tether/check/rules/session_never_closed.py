"""session-never-closed: a Session is made, used and left open where the function ends."""

from __future__ import annotations

from tether.check.events import Event
from tether.check.stories import Teller
from tether.check.things import OPEN, surely
from tether.core.finding import Finding

KINDS = ("left session",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the Session surely holds a connection and nobody else can close it."""
    session = event.session
    assert session is not None
    if (
        session.owner != "own"
        or not surely(session.life, OPEN)
        or session.managed
        or "begun" not in session.must
    ):
        return None
    return teller.finding(
        "session-never-closed",
        event,
        "a Session is opened here and not closed: it holds its connection until it is garbage-collected",
        [],
        used="created",
    )
