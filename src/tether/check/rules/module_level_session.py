"""module-level-session: one Session for the whole process."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.callers.lasting import Lasting
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

KINDS = ("global session",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for a Session that the functions of a module find in a global, or on an object there."""
    kept = event.detail if isinstance(event.detail, Lasting) else None
    message = (
        "one Session for the whole process: every caller shares its transaction, its rows and its errors"
    )
    return teller.finding(
        "module-level-session",
        event,
        f"{message}; it is kept in {kept.place}" if kept else message,
        [("shared", kept.used), ("committed", kept.committed)] if kept else [],
        severity="hint" if kept and kept.serialised else None,
        used="created",
    )
