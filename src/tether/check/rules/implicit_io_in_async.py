"""implicit-io-in-async: a read that needs SQL on an instance of an AsyncSession."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import EXPIRED, PERSISTENT, UNLOADED, Instance, surely
from tether.check.telling.stories import Teller, named, variable
from tether.core.finding import Finding

KINDS = ("read",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if the read surely raises MissingGreenlet; of a many-to-one, where its key is not NULL."""
    instance = event.instance
    assert instance is not None
    facts, kind, sure, mapping, _ = event.detail
    if not (event.asynchronous and sure and surely(instance.states, PERSISTENT)):
        return None
    if not (surely(facts, UNLOADED) or surely(facts, EXPIRED)):
        return None
    if instance.expired is not None and instance.expired.cause == "rollback" and surely(facts, EXPIRED):
        return None
    if kind == "relationship" and mapping.is_many(event.attribute) is None:
        return None
    name = named(instance, event.attribute)
    what = "was expired" if surely(facts, EXPIRED) else "is not loaded"
    return teller.finding(
        "implicit-io-in-async",
        event,
        f"`{event.path or name}` {what}, and reading it would send SQL where nothing awaits it",
        [("loaded", instance.loaded), ("expired", instance.expired)],
        subject=name,
        help=""
        if kind == "relationship"
        else help_for_column(instance, event.attribute, expired=surely(facts, EXPIRED)),
    )


def help_for_column(instance: Instance, attribute: str, *, expired: bool) -> str:
    """Return what helps where it is no relationship that is not loaded."""
    refresh = f'await session.refresh({variable(instance)}, ["{attribute}"]) before the read'
    other = (
        "create the Session with expire_on_commit=False"
        if expired
        else (f"load it with the query: .options(undefer({named(instance, attribute)}))")
    )
    return f"Call {refresh}, or {other}."
