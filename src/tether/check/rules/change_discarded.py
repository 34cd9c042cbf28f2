"""change-discarded: a change that was not flushed is dropped."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller, named
from tether.core.finding import Finding

KINDS = ("discard",)
WORDS = {"close": "closing the Session", "expunge": "expunge()", "expunge_all": "expunge_all()"}


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for the attribute that was changed first; in a test it is a hint.

    A test may call what changes rows and is not meant to find any.
    """
    instance = event.instance
    assert instance is not None
    changed = instance.changed.get(event.attribute) or instance.lost.get(event.attribute, (None,))[0]
    name = named(instance, event.attribute)
    cause = event.where.cause or "what happens here"
    return teller.finding(
        "change-discarded",
        event,
        f"`{name}` was changed and not flushed; {WORDS.get(cause, cause)} drops the change",
        [("loaded", instance.loaded), ("changed", changed)],
        subject=name,
        severity="hint" if teller.is_of_tests(event) else None,
    )
