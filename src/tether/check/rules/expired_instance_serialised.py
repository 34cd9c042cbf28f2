"""expired-instance-serialised: what was expired is left out of a pickle or a dictionary, silently."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import EXPIRED, surely
from tether.check.telling.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("serialise",)
SILENT = ("pickle", "cloudpickle", "dill", "builtins.vars")


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding if all columns are surely expired, and the serialiser reads what is there and nothing else."""
    instance = event.instance
    assert instance is not None
    if event.detail not in SILENT or not surely(instance.columns, EXPIRED):
        return None
    if any(facts != frozenset({EXPIRED}) for facts in instance.attributes.values()):
        return None
    return teller.finding(
        "expired-instance-serialised",
        event,
        f"`{shown(instance)}` is expired: its columns are left out, and nothing says so",
        [("loaded", instance.loaded), ("expired", instance.expired)],
        subject=shown(instance),
        used="serialised",
    )
