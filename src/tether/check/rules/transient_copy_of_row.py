"""transient-copy-of-row: a new instance is added under the primary key of a row that is there."""

from __future__ import annotations

from tether.check.events import Event
from tether.check.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("same key",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding where the key of a new instance surely is that of a row."""
    instance = event.instance
    assert instance is not None
    return teller.finding(
        "transient-copy-of-row",
        event,
        f"a new `{shown(instance)}` is added under the primary key of a row that exists: the INSERT will fail",
        [("loaded", event.detail.loaded), ("created", instance.loaded)],
        subject=shown(instance),
    )
