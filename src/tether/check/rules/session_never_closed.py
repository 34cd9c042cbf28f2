"""session-never-closed: a Session is made and left open where the function ends, or as long as an object lives."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import OPEN, surely
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

KINDS = ("left session", "kept session")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the Session surely holds a connection and nobody else can close it."""
    session = event.session
    assert session is not None
    if event.kind == "kept session":
        return kept(event, teller)
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


def kept(event: Event, teller: Teller) -> Finding:
    """Return the finding for a Session that an object keeps for itself."""
    owner, attribute, used, committed, at_the_end = event.detail
    until = "and until its end nothing rolls" if at_the_end else "and nothing rolls"
    return teller.finding(
        "session-never-closed",
        event,
        f"a Session is opened for as long as the {owner} lives, {until} `{attribute}` back or closes it:"
        " after one failed flush each further use raises PendingRollbackError",
        [("shared", used), ("committed", committed)],
        subject=f"{owner}.{attribute}",
        used="created",
    )
