"""lazy-load-in-loop: a relationship is loaded one row at a time."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import EXPIRED, PERSISTENT, UNLOADED, surely
from tether.check.telling.stories import Teller, named
from tether.core.finding import Finding

KINDS = ("read", "returned")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if each turn of a loop surely loads the attribute of another row."""
    instance = event.instance
    assert instance is not None
    facts, kind, sure, mapping, _ = event.detail
    if event.asynchronous or not sure or event.in_loop is None or not surely(instance.states, PERSISTENT):
        return None
    lazy = kind == "relationship" and surely(facts, UNLOADED)
    expired = kind == "column" and surely(facts, EXPIRED)
    if not (lazy or expired) or instance.loaded is None:
        return None
    many = lazy and mapping.is_many(event.attribute) is True
    name = named(instance, event.attribute)
    how = f".options({mapping.loader(event.attribute)}({name}))" if lazy else "reading before the commit"
    what = "is loaded" if lazy else "was expired and is loaded again"
    return teller.finding(
        "lazy-load-in-loop",
        event,
        f"`{event.path or name}` {what} one row at a time, in a loop over rows",
        [("loaded", instance.loaded), ("looped", event.in_loop)],
        subject=name,
        # A many-to-one may be in the identity map, and a test has few rows.
        severity="warning" if many and not teller.is_of_tests(event) else "hint",
        help=f"load it for all rows at once: {how}",
    )
