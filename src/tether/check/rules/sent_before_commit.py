"""sent-before-commit: the key of a new row is sent to a worker before the row is committed."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import PENDING, surely
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("sent",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for a key whose row surely is not committed."""
    instance, session = event.instance, event.session
    assert instance is not None
    assert session is not None
    pending = surely(instance.states, PENDING)
    waits = "its row is not even flushed" if pending else "its row is only flushed, not committed"
    return teller.finding(
        "sent-before-commit",
        event,
        f"`{named(instance, event.attribute)}` is sent to a worker, and {waits}: the worker may find no row",
        [("created", instance.loaded), ("flushed", None if pending else session.flushed)],
        subject=shown(instance),
        used="sent",
        severity="hint" if teller.is_of_tests(event) else None,  # there a worker is put in place of another
    )
