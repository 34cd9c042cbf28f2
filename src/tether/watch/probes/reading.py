"""Reads of attributes: SQLAlchemy has no event for them, so the descriptor itself is wrapped."""

from __future__ import annotations

import operator
from typing import Any

from sqlalchemy.orm import attributes

from tether.watch.events import OutdatedRead
from tether.watch.memory import Committed
from tether.watch.probes.base import Probe
from tether.watch.recorder import token_of

_NOT_HERE: Any = object()


class Reading(Probe):
    """Sees a detached instance being read after this process committed a newer version of its row.

    A read of an attached instance costs one attribute test; a read of a detached one costs an
    integer comparison more, unless something was committed since it was detached.
    """

    names = ("read",)
    events = (OutdatedRead,)

    def wrap_read(self, original: Any) -> Any:
        """Replace the descriptor's fast path by one that looks at the state's mark; all else is the original."""
        log = self.recorder.log
        if not isinstance(attributes.instance_dict, operator.attrgetter):
            return original  # ext.instrumentation keeps values elsewhere, and only the original knows where

        def __get__(self_: Any, instance: Any, owner: Any) -> Any:
            if instance is None:
                return self_
            try:
                values = instance.__dict__
                value = values[self_.key]
                state = values["_sa_instance_state"]
                ending = state._tether_end
            except (AttributeError, KeyError):  # an unloaded attribute, an unusual instance
                value = state = ending = _NOT_HERE
            # Outside of the except block: an error of SQLAlchemy's must not have ours as its context.
            if value is _NOT_HERE:
                return original(self_, instance, owner)
            if ending is not None and ending.sequence != log.sequence:  # noqa: SIM102
                # One comparison after the other: most reads end at the first, and a tuple would cost a third more.
                if state._tether_looked != log.sequence:
                    self.look(state, ending, self_.key)
            if self_.impl.supports_population:
                return value
            return original(self_, instance, owner)

        return __get__

    def look(self, state: Any, ending: Any, name: str) -> None:
        """Ask the log of commits; remember the answer until the next commit."""
        try:
            self._look(state, ending, name)
        except Exception as error:
            self.broke(error)

    def _look(self, state: Any, ending: Any, name: str) -> None:
        recorder = self.recorder
        sequence = recorder.log.sequence
        seen, row, told = getattr(state, "_tether_newer", None) or (0, None, set[str]())
        if seen != sequence:
            is_ours = ending.generation == recorder.generation and ending.session is not None and self.on
            row, told = (self._newer(state, ending) if is_ours else None), set()
            state._tether_newer = (sequence, row, told)
        if row is None:
            state._tether_looked = sequence  # up to the next commit, a read stops at this number
        elif name not in told:
            told.add(name)
            self._report(state, row, name)

    def _newer(self, state: Any, ending: Any) -> Committed | None:
        """Return the version that this process committed through another instance since the end."""
        rows = self.recorder.log.rows
        for database in ending.session.databases:
            row = rows.get((database, state.key))
            if row is not None and row.sequence > ending.sequence and row.token != token_of(state):
                return row
        return None

    def _report(self, state: Any, row: Committed, name: str) -> None:
        touched = not row.attributes or name in row.attributes
        if touched and name in state.mapper.column_attrs and name not in state.committed_state:
            recorder = self.recorder
            facts = recorder.instance(state)
            event = OutdatedRead(facts, name, row.operation, row.site, recorder.capture())
            recorder.publish(event, facts.class_path)
