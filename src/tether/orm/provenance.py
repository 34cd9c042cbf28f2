"""Where an instance was loaded, detached, expired and changed: the watch knows, explain asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import InstanceState

from tether.core.finding import Place


@dataclass(frozen=True)
class Provenance:
    """The places in the life of one instance that the watch has seen; None for what never happened.

    Attributes:
        loaded: Where it was loaded or created.
        detached: What ended its stay in a Session, and where.
        expired: What expired it last, and where.
        changed: The first change that has not been flushed.
    """

    loaded: Place | None = None
    detached: Place | None = None
    expired: Place | None = None
    changed: Place | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that are there, in the order of an instance's life."""
        all_places = (self.loaded, self.changed, self.expired, self.detached)
        return tuple(place for place in all_places if place is not None)


Teller = Callable[[InstanceState[Any]], Provenance]

_tellers: list[Teller] = []  # none or one


def set_teller(teller: Teller | None) -> None:
    """Let *teller* answer for every instance from now on; None: nothing is watching."""
    _tellers[:] = [teller] if teller is not None else []


def provenance_of(state: InstanceState[Any]) -> Provenance | None:
    """Return the places seen by the watch, or None if nothing is watching."""
    tellers = tuple(_tellers)  # another thread may stop the watch between two looks
    return tellers[0](state) if tellers else None
