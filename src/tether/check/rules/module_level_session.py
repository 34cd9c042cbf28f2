"""module-level-session: one Session for the whole process."""

from __future__ import annotations

from tether.check.events import Event
from tether.check.stories import Teller
from tether.core.finding import Finding

KINDS = ("global session",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for a Session that is bound to a global of a module that others import."""
    return teller.finding(
        "module-level-session",
        event,
        "one Session for the whole process: every caller shares its transaction, its rows and its errors",
        [],
        used="created",
    )
