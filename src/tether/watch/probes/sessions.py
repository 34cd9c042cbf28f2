"""The life of a Session: made, used by one thread or task at a time, collected."""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy.orm import Session

from tether.core.states import Cause
from tether.orm import private
from tether.watch.abandoned import in_order, unended_rows
from tether.watch.dropping import drop_collected
from tether.watch.events import (
    ChangesDropped,
    SessionCollected,
    WorkAbandoned,
)
from tether.watch.inflight import exception_in_flight
from tether.watch.memory import Ending
from tether.watch.probes.base import Probe


class Births(Probe):
    """Remembers where each Session was made."""

    names = ("new_session",)
    always = True

    def wrap_new_session(self, original: Any) -> Any:
        """Wrap the counter that ``Session.__init__`` takes its number from."""

        def _new_sessionid() -> Any:
            number = original()
            if self.on:
                try:
                    self.recorder.adopt(number, self.recorder.capture())
                except Exception as error:
                    self.broke(error)
            return number

        return _new_sessionid


class Deaths(Probe):
    """Sees a Session that is garbage-collected with work undone; SQLAlchemy has no event for it.

    ``Session.__del__`` runs before the Session's contents are taken apart, and also for Sessions
    that existed before the watch. A subclass with a ``__del__`` that does not call ``super()``
    hides its Sessions from us.
    """

    events = (SessionCollected, WorkAbandoned, ChangesDropped)
    always = True

    def start(self) -> None:
        """Give Session a finalizer, unless it has one."""
        self.on = True
        if "__del__" in vars(Session):
            self.on = False
            return

        def __del__(session: Session) -> None:
            if self.on and not sys.is_finalizing():
                try:
                    self.collected(session)
                except Exception as error:
                    self.broke(error)

        self.finalizer = __del__
        Session.__del__ = __del__  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Take the finalizer away again."""
        self.on = False
        if vars(Session).get("__del__") is getattr(self, "finalizer", self):
            del Session.__del__  # type: ignore[attr-defined]

    def collected(self, session: Session) -> None:
        """Say what is lost with the Session; runs in a finalizer, so it only takes notes."""
        recorder = self.recorder
        if private.is_idle(session):
            recorder.sessions.pop(getattr(session, "hash_key", 0), None)
            return
        transaction = private.current_transaction(session)
        record = recorder.record(session)
        recorder.sessions.pop(session.hash_key, None)
        if record is None or record.inherited:
            return
        ending = Ending(None, Cause.GARBAGE_COLLECTION, record, recorder.log.sequence, recorder.generation)
        for state in private.all_states(session):
            state._tether_end = ending
        quiet = exception_in_flight()
        if not quiet:
            drop_collected(recorder, self.waiting, session)
        if transaction is not None and not quiet and not private.is_outside_transaction(transaction):
            self._open(session, record)

    def _open(self, session: Session, record: Any) -> None:
        rows = unended_rows(record, session)
        if rows:
            work = WorkAbandoned(in_order(rows), Cause.GARBAGE_COLLECTION, None, record.created)
            self.recorder.later(work, rows[0][1])
        if record.began is not None:
            self.recorder.later(SessionCollected(record.created, record.before_watch, record.began))
