"""session-shared: one AsyncSession is used by several coroutines that run at the same time."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import Session
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

KINDS = ("gather", "start")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if two coroutines surely use the same Session, and no lock keeps them apart."""
    waiting, state, _, what = event.detail
    seen: set[int] = set()
    for _, coroutine in waiting:
        shared = coroutine.sessions & seen
        if coroutine.many:
            shared |= coroutine.sessions
        for number in sorted(shared):
            session = state.get(number, Session)
            if session is not None and session.sure and session.asynchronous:
                return teller.finding(
                    "session-shared",
                    event,
                    f"several coroutines given to {what} use the same AsyncSession at the same time",
                    [("created", session.made)],
                )
        seen |= coroutine.sessions
    return None
