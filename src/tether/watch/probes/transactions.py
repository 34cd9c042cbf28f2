"""Flushes, commits, rollbacks and the end of transactions: what was written, and whether it stays."""

from __future__ import annotations

from typing import Any

from tether.core.states import Cause
from tether.orm import private
from tether.watch.abandoned import Row, flushed_rows, in_order
from tether.watch.causes import running_cause
from tether.watch.changes import made_changes
from tether.watch.dropping import report_dropped
from tether.watch.events import ChangesDropped, LoadedInLoop, MapGrew, OutdatedRead, WorkAbandoned
from tether.watch.inflight import exception_in_flight
from tether.watch.memory import MAXIMUM_FLUSHED, Mark, SessionRecord, Written
from tether.watch.probes.base import Probe
from tether.watch.recorder import token_of


class Transactions(Probe):
    """Remembers the commit or rollback that expired a Session, and what was written before it."""

    names = ("remove_snapshot", "restore_snapshot")
    events = (ChangesDropped,)
    always = True
    order = 1

    def wrap_remove_snapshot(self, original: Any) -> Any:
        """Wrap what happens once a commit has succeeded."""

        def _remove_snapshot(self_: Any) -> None:
            if self.on:
                try:
                    self.committed(self_)
                except Exception as error:
                    self.broke(error)
            original(self_)

        return _remove_snapshot

    def committed(self, transaction: Any) -> None:
        """Move what was written one level up, or into the log of commits."""
        recorder, session = self.recorder, transaction.session
        record = recorder.record(session)
        if record is None:
            return
        if transaction.nested:
            record.commit_savepoint(private.savepoint_depth(transaction))
            return
        site = recorder.capture()
        if session.expire_on_commit:
            record.expiry = Mark(site, Cause.COMMIT, recorder.generation)
        written = record.all_flushed()
        if written and recorder.takes(OutdatedRead):
            self._log(transaction, written, site)
        record.flushed = {}

    def _log(self, transaction: Any, written: dict[Any, Written], site: Any) -> None:
        log = self.recorder.log
        log.sequence += 1
        # A Session may use several databases; which one holds a row is known to its get_bind() only, which
        # may be the program's own code. A row of two shards has two identity keys.
        for database in private.databases_of(transaction):
            for key, row in written.items():
                if row.token:  # a flushed row; which rows a statement wrote is not known
                    log.add((database, key), row.operation, site, row.token, row.attributes)

    # ------------------------------------------------------------------ rollback

    def wrap_restore_snapshot(self, original: Any) -> Any:
        """Wrap what a rollback does to the instances, before it does it."""

        def _restore_snapshot(self_: Any, dirty_only: bool = False) -> None:
            if self.on:
                try:
                    self.rolled_back(self_)
                except Exception as error:
                    self.broke(error)
            original(self_, dirty_only)

        return _restore_snapshot

    def rolled_back(self, transaction: Any) -> None:
        """Forget what was written since the savepoint or the transaction began, and say what is dropped."""
        recorder, session = self.recorder, transaction.session
        record = recorder.record(session)
        if record is None:
            return
        site = recorder.capture()
        if transaction.nested:
            record.roll_back_savepoint(private.savepoint_depth(transaction))
            return  # only instances modified inside a savepoint are expired; the program chose its extent
        record.expiry = Mark(site, Cause.ROLLBACK, recorder.generation)
        record.flushed = {}
        record.forget_entrusted()
        if recorder.config.rollback and running_cause() is Cause.ROLLBACK:
            report_dropped(recorder, self.waiting, private.modified_states(session), Cause.ROLLBACK, site)


class Flushes(Probe):
    """Remembers what each flush wrote, and says what a transaction ends with that nobody ended."""

    names = ("flushed", "end_transaction")
    events = (WorkAbandoned, OutdatedRead, LoadedInLoop, MapGrew)
    order = 1

    def wrap_flushed(self, original: Any) -> Any:
        """Wrap the end of a successful flush, before its states are marked clean."""

        def finalize_flush_changes(self_: Any) -> None:
            if self.on:
                try:
                    self.flushed(self_)
                except Exception as error:
                    self.broke(error)
            original(self_)

        return finalize_flush_changes

    def flushed(self, work: Any) -> None:
        """Remember which rows the flush wrote."""
        recorder = self.recorder
        record = recorder.record(work.session)
        if record is None:
            return
        site = record.flush = recorder.capture()
        level = record.flushed.setdefault(private.savepoint_depth(work.transaction), {})
        for state, (is_deleted, list_only) in work.states.items():
            if not list_only and len(level) < MAXIMUM_FLUSHED:
                self._remember(level, state, is_deleted, site)

    def _remember(self, level: dict[Any, Written], state: Any, is_deleted: bool, site: Any) -> None:
        key = state.key
        names: tuple[str, ...] = ()
        if key is None:
            operation = "INSERT"
            key = state.mapper.identity_key_from_instance(state.obj())
        elif is_deleted:
            operation = "DELETE"
        else:
            operation, names = "UPDATE", tuple(made_changes(state))
            if not names:
                return  # the flush visits it, but has nothing to write
        made = self._made(state, operation)
        row = Written(state.class_, operation, site, token_of(state), names, made)
        before = level.get(key)
        level[key] = row if before is None else before.followed_by(row)

    def _made(self, state: Any, operation: str) -> Any:
        """Return where a new row was created, or where the first change of an old one was made, if known."""
        if operation == "INSERT":
            made = getattr(state, "_tether_made", None)
            return made[0] if made is not None else None
        site = state._tether_wrote if operation == "UPDATE" else None
        return site if site is not None and site.generation == self.recorder.generation else None

    def wrap_end_transaction(self, original: Any) -> Any:
        """Wrap the end of a transaction of any kind."""

        def close(self_: Any, invalidate: bool = False) -> None:
            if self.on:
                try:
                    self.ended(self_)
                except Exception as error:
                    self.broke(error)
            original(self_, invalidate)

        return close

    def ended(self, transaction: Any) -> None:
        """Say what was written in a transaction that neither commit nor rollback has ended."""
        recorder = self.recorder
        if transaction.parent is not None:
            return  # a savepoint, or the part of a transaction that one flush is
        record = recorder.record(transaction.session)
        if record is None:
            return
        record.databases = private.databases_of(transaction) or record.databases
        pending = recorder.local.__dict__.pop("abandoned", None)
        if record.loads:
            recorder.tell_repeated_loads(record)
        if pending or record.flushed:
            self._abandoned(transaction, record, pending or [])
        recorder.measure(transaction.session, record)
        record.end_transaction()

    def _abandoned(self, transaction: Any, record: SessionRecord, pending: list[Row]) -> None:
        if private.is_outside_transaction(transaction) or exception_in_flight():
            return
        recorder = self.recorder
        rows = flushed_rows(record) + pending
        if rows:
            event = WorkAbandoned(in_order(rows), running_cause(), recorder.capture(), record.created)
            recorder.publish(event, rows[0][1])
