"""swallowed-database-error: a flush failed, the error was caught, and the Session goes on without a rollback."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.orm.failing import refuses
from tether.check.telling.stories import Teller, named
from tether.core.finding import Finding

KINDS = ("use", "failed read")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the Session surely needs a rollback here; in a test, where it hardly fails, a hint."""
    session = event.session
    assert session is not None
    if event.kind == "failed read":
        if not session.sure:
            return None
        assert event.instance is not None
        what = f"`{named(event.instance, event.attribute)}` is read"
    else:
        row, member, state = event.detail
        if not refuses(session, row, member, state):
            return None
        what = "the Session is used"
    return teller.finding(
        "swallowed-database-error",
        event,
        f"{what} after a flush failed and the error was caught without a rollback",
        [("failed", session.failed)],
        severity="hint" if teller.is_of_tests(event) else None,
    )
