"""swallowed-database-error: a flush failed, the error was caught, and the Session goes on without a rollback."""

from __future__ import annotations

from tether.check.events import Event
from tether.check.stories import Teller
from tether.core.finding import Finding

KINDS = ("use",)
# What may be called on a Session whose flush failed.
ALLOWED = frozenset({"rollback", "close", "reset", "invalidate", "remove", "expunge_all", "expunge", "add", "add_all",
                     "is_modified", "in_transaction", "info", "close_all", "expire", "expire_all"})  # fmt: skip


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the Session surely needs a rollback here."""
    session, (row, member, _) = event.session, event.detail
    assert session is not None
    if "failed" not in session.must or member in ALLOWED or not row.raises or not session.sure:
        return None
    return teller.finding(
        "swallowed-database-error",
        event,
        "the Session is used after a flush failed and the error was caught without a rollback",
        [("failed", session.failed)],
    )
