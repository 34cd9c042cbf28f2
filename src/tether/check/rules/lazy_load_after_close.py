"""lazy-load-after-close: what was never loaded is read on an instance that is surely detached."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import DETACHED, UNLOADED, surely
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("read",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the read surely raises DetachedInstanceError."""
    instance = event.instance
    assert instance is not None
    facts, kind, sure, mapping, _ = event.detail
    if not (sure and surely(instance.states, DETACHED) and surely(facts, UNLOADED)):
        return None
    name = named(instance, event.attribute)
    loader = "undefer" if kind == "column" else mapping.loader(event.attribute)
    how = f"with .options({loader}({name}))"
    if event.path:
        how = f"with .{loader}({name}) behind the option for `{event.path.rpartition('.')[0]}`"
    return teller.finding(
        "lazy-load-after-close",
        event,
        f"`{event.path or name}` is read, but `{shown(instance)}` is detached and `{event.attribute}` was never loaded",
        [("loaded", instance.loaded), ("detached", instance.detached)],
        subject=name,
        help=f"load it together with the row, {how}, or read it while the Session is open",
    )
