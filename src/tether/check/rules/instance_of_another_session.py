"""instance-of-another-session: an instance that is in one Session is given to another."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import LINGERING
from tether.check.orm.subjects import is_elsewhere
from tether.check.telling.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("given", "given by caller")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the instance surely is in another Session, which is open, or surely not in this one."""
    instance = event.instance
    assert instance is not None
    if event.kind == "given by caller":
        assert event.session is not None
        return teller.finding(
            "instance-of-another-session",
            event,
            f"`{shown(instance)}` comes from the caller, so it is not in the Session that was made here,"
            f" and `{event.where.cause}` raises",
            [("created", event.session.made)],
            subject=shown(instance),
        )
    target, session, other, sure = event.detail
    if not sure or not is_elsewhere(instance, target, session, other):
        return None
    until = ", until it is garbage-collected" if LINGERING in instance.flags else ""
    return teller.finding(
        "instance-of-another-session",
        event,
        f"`{shown(instance)}` is in one Session{until},"
        f" and `{event.where.cause or 'add'}` of another is called with it",
        [("loaded", instance.loaded)],
        subject=shown(instance),
    )
