"""never-committed: a Session ends with work that nothing committed."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

KINDS = ("end",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if work was surely done in a Session made here, and it ends without a commit.

    Where another way from the same work leads to a commit, the way without one gives the work up on purpose. In a test
    it is a hint: many are meant to leave nothing behind.
    """
    session = event.session
    assert session is not None
    if (
        not session.must & {"added", "flushed"}
        or "failed" in session.must
        or "doomed" in session.work
        or session.owner != "own"
        or session.escaped
        or not session.sure
        or teller.is_committed(event)
    ):
        return None
    done = "flushed" if "flushed" in session.must else "added or deleted"
    return teller.finding(
        "never-committed",
        event,
        f"rows were {done}, and the Session is closed without a commit: the database undoes it",
        [("changed", session.changed)],
        severity="hint" if teller.is_of_tests(event) else None,
    )
