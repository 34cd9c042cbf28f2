"""Runtime half of copy-shares-state: a copy that shares its state, a dynamic relationship that answers nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tether.core.finding import Finding
from tether.hazards.copy_shares_state import HAZARD
from tether.watch.detectors.base import Detector, story, used
from tether.watch.events import DynamicEmpty, StateShared


class CopySharesState(Detector):
    """``copy.copy(instance)`` was written to, or a dynamic relationship of a detached instance read."""

    hazard = HAZARD

    def state_shared(self, event: StateShared) -> Iterator[Finding]:
        """Report a write to a copy: it marks the original as modified and is never saved."""
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute}"
        where = used(event.site)
        shared = f"a copy that shares its state with another `{instance.identity}`"
        message = f"`{name}` is changed on {shared}: it is not saved"
        help = (
            "copy.copy() copies the reference to the state too; make a new instance from the values instead"
        )
        yield self.hazard.at(where, message, places=story(instance.loaded, where), help=help, subject=name)

    def dynamic_empty(self, event: DynamicEmpty) -> Iterator[Finding]:
        """Report a dynamic relationship that answers with nothing."""
        instance = event.instance
        name = f"{instance.class_name}.{event.attribute}"
        where = used(event.site)
        parent = f"a detached `{instance.identity}`"
        message = f"`{name}` is a dynamic relationship of {parent}: it answers with no rows at all"
        places = story(instance.loaded, instance.detached, where)
        yield self.hazard.at(
            where, message, places=places, help="read it while the Session is open", subject=name
        )
