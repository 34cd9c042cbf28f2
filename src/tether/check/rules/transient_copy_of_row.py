"""transient-copy-of-row: a new instance is added under the primary key of a row that is there."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller, shown
from tether.core.finding import Finding

KINDS = ("same key",)


def look(event: Event, teller: Teller) -> Finding | None:
    """Return a finding where the key of a new instance surely is that of a row.

    Not where the row was made by the same line: what finds a row or makes it, and is called again, finds it.
    """
    instance, row = event.instance, event.detail
    assert instance is not None
    if row.loaded is not None and instance.loaded is not None and row.loaded[:4] == instance.loaded[:4]:
        return None
    return teller.finding(
        "transient-copy-of-row",
        event,
        f"a new `{shown(instance)}` is added under the primary key of a row that exists: the INSERT will fail",
        [("loaded", row.loaded), ("created", instance.loaded)],
        subject=shown(instance),
    )
