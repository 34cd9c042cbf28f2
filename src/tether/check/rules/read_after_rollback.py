"""read-after-rollback: a rollback expired everything, and an instance of an AsyncSession is read."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import EXPIRED, PERSISTENT, surely
from tether.check.orm.belonging import GIVEN
from tether.check.telling.stories import Teller, named
from tether.core.finding import Finding

KINDS = ("read",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the read surely raises MissingGreenlet because of a rollback.

    It is a warning where the instance was given to the function, so that its Session is only believed. In a test it is
    a hint where the program rolls back in a handler of its own: a test that passes does not come there.
    """
    instance = event.instance
    assert instance is not None
    facts, _, sure, _, _ = event.detail
    expired = instance.expired
    if not (event.asynchronous and sure and surely(instance.states, PERSISTENT) and surely(facts, EXPIRED)):
        return None
    if expired is None or expired.cause != "rollback":
        return None
    name = named(instance, event.attribute)
    elsewhere = expired.module != event.where.module and teller.is_of_tests(event)
    return teller.finding(
        "read-after-rollback",
        event,
        f"`{name}` is read after a rollback expired it; reading it would send SQL where nothing awaits it",
        [("loaded", instance.loaded), ("expired", expired)],
        subject=name,
        severity="hint" if elsewhere else "warning" if GIVEN in instance.flags else None,
    )
