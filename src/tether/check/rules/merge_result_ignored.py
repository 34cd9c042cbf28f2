"""merge-result-ignored: merge() copies; what is set on its argument afterwards is lost."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller, named, shown
from tether.core.finding import Finding

KINDS = ("lost write",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding for a write to the argument of a merge() that was not merged or added again."""
    instance = event.instance
    assert instance is not None
    if instance.merged is None:
        return None
    name = named(instance, event.attribute)
    return teller.finding(
        "merge-result-ignored",
        event,
        f"`{name}` is changed on the argument of merge(), which stays outside the Session: the change is lost",
        [("loaded", instance.loaded), ("merged", instance.merged)],
        subject=name,
        help=f"use what merge() gives: `{shown(instance).lower()} = session.merge({shown(instance).lower()})`",
    )
