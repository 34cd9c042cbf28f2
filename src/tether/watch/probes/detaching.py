"""How instances leave their Session, and how they are expired."""

from __future__ import annotations

from typing import Any

from tether.core.states import Cause
from tether.orm import private
from tether.watch.abandoned import deleted_rows, pending_rows
from tether.watch.causes import running_cause
from tether.watch.dropping import report_dropped
from tether.watch.events import ChangesDropped
from tether.watch.inflight import exception_in_flight
from tether.watch.memory import Ending, Mark
from tether.watch.probes.base import Probe

_CLOSING = (Cause.CLOSE, Cause.RESET, Cause.INVALIDATE)


class Detaching(Probe):
    """Marks every instance that leaves a Session; one mark for all that leave together."""

    names = ("detach", "delete", "close_session")
    events = (ChangesDropped,)
    always = True

    def wrap_detach(self, original: Any) -> Any:
        """Wrap the one function that every way out of a Session passes."""

        def _detach_states(cls: Any, states: Any, session: Any, to_transient: bool = False) -> None:
            if self.on:
                states = list(states)  # it may be a generator; the original must get all of it
                try:
                    self.mark(states, session, to_transient)
                except Exception as error:
                    self.broke(error)
            original(cls, states, session, to_transient)

        return _detach_states

    def wrap_delete(self, original: Any) -> Any:
        """Wrap what ``delete()`` does to each instance."""

        def _delete_impl(self_: Any, state: Any, obj: Any, head: Any) -> None:
            original(self_, state, obj, head)
            if self.on:
                try:
                    state._tether_deleting = self.recorder.capture()
                except Exception as error:
                    self.broke(error)

        return _delete_impl

    def wrap_close_session(self, original: Any) -> Any:
        """Wrap what ``close()``, ``reset()`` and ``invalidate()`` share: it forgets first what was to be deleted."""

        def _close_impl(self_: Any, *arguments: Any, **options: Any) -> None:
            local = self.recorder.local
            if self.on:
                try:
                    local.deleted = deleted_rows(private.states_to_delete(self_))
                except Exception as error:
                    self.broke(error)
            try:
                original(self_, *arguments, **options)
            finally:
                local.deleted = []

        return _close_impl

    def mark(self, states: list[Any], session: Any, to_transient: bool) -> None:
        """Leave the mark, and report net changes that go with it."""
        recorder = self.recorder
        record = recorder.record(session) if states else None
        if record is None or to_transient:
            return
        site, cause = recorder.capture(), running_cause()
        ending = Ending(site, cause, record, recorder.log.sequence, recorder.generation)
        modified, pending = [], []
        for state in states:
            state._tether_end = ending
            if state.modified:
                modified.append(state)
            if state.key is None:
                pending.append(state)
        if modified and cause is not Cause.DELETE:
            report_dropped(recorder, self.waiting, modified, cause, site)
        # What was added or deleted and never flushed; the transaction that ends next reports it.
        closing = cause in _CLOSING
        deleted = getattr(recorder.local, "deleted", [])
        recorder.local.abandoned = pending_rows(pending) + deleted if closing else []


class Expiring(Probe):
    """Sees ``refresh()``, ``expire()`` and ``expire_all()`` before they forget what was changed."""

    names = ("expire_state", "conditional_expire", "expire_all")
    events = (ChangesDropped,)
    always = True

    def wrap_expire_state(self, original: Any) -> Any:
        """Wrap what ``refresh()`` and ``expire()`` do to the instance they are given."""

        def _expire_state(session: Any, state: Any, attribute_names: Any) -> None:
            if self.on:
                if attribute_names is not None:
                    attribute_names = list(attribute_names)  # it may be a generator
                try:
                    if attribute_names and state.modified and state.session is session:
                        self.dropped(session, [state], attribute_names)
                except Exception as error:
                    self.broke(error)
                self.recorder.ledger.raise_pending()
            original(session, state, attribute_names)

        return _expire_state

    def wrap_conditional_expire(self, original: Any) -> Any:
        """Wrap what they do to the instance as a whole and to those its cascades reach."""

        def _conditional_expire(session: Any, state: Any, *arguments: Any, **options: Any) -> None:
            if self.on:
                try:
                    self.expired(session, state)
                except Exception as error:
                    self.broke(error)
                self.recorder.ledger.raise_pending()
            original(session, state, *arguments, **options)

        return _conditional_expire

    def wrap_expire_all(self, original: Any) -> Any:
        """Wrap ``Session.expire_all()``."""

        def expire_all(self: Any) -> None:
            if probe.on:
                try:
                    probe.expired_all(self)
                except Exception as error:
                    probe.broke(error)
                probe.recorder.ledger.raise_pending()
            original(self)

        probe = self
        return expire_all

    def expired(self, session: Any, state: Any) -> None:
        """Mark one instance as expired."""
        recorder = self.recorder
        if recorder.record(session) is None:
            return
        cause = running_cause()
        state._tether_expired = Mark(recorder.capture(), cause, recorder.generation)
        if state.modified:
            self.dropped(session, [state], None)

    def expired_all(self, session: Any) -> None:
        """Note that everything in *session* is expired."""
        recorder = self.recorder
        record = recorder.record(session)
        if record is None:
            return
        site = recorder.capture()
        record.expiry = Mark(site, Cause.EXPIRE_ALL, recorder.generation)
        report_dropped(recorder, self.waiting, private.modified_states(session), Cause.EXPIRE_ALL, site)

    def dropped(self, session: Any, states: list[Any], names: Any) -> None:
        """Report net changes that an expire or refresh is about to forget."""
        if self.recorder.record(session) is not None and not exception_in_flight():
            report_dropped(
                self.recorder, self.waiting, states, running_cause(), self.recorder.capture(), names=names
            )
