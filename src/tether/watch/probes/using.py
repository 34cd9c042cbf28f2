"""A Session at work: who is inside it, and what failed there."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterable
from types import FrameType
from typing import Any

from sqlalchemy import exc

from tether.orm import private
from tether.watch.abandoned import note_statement
from tether.watch.events import (
    InsertRefused,
    SessionCollected,
    SessionOverlap,
    UsedAfterFailure,
    WorkAbandoned,
)
from tether.watch.inflight import error_is_expected
from tether.watch.memory import SessionRecord
from tether.watch.notes import add_story
from tether.watch.probes.base import Probe
from tether.watch.recorder import Recorder
from tether.watch.site import Site

_running_loop = (
    asyncio._get_running_loop
)  # current_task() raises in sync code, which costs more than all else
_ABORTED = "25P02"  # PostgreSQL, in_failed_sql_transaction: nothing works until a rollback

Inside = tuple[SessionRecord, tuple[int, int]]


class Using(Probe):
    """Sees two threads or tasks inside one Session at the same time, and what goes wrong inside.

    One thread after the other is legal, and is not reported.
    """

    names = ("execute", "flush", "commit", "rollback")
    events = (SessionOverlap, InsertRefused, UsedAfterFailure, SessionCollected, WorkAbandoned)
    order = 2

    def wrap_execute(self, original: Any) -> Any:
        """Wrap the one function that every statement of a Session passes."""

        def _execute_internal(self_: Any, *arguments: Any, **options: Any) -> Any:
            inside = self.enter(self_, "execute") if self.on else None
            if inside is None:
                return original(self_, *arguments, **options)
            try:
                result = original(self_, *arguments, **options)
            except exc.DBAPIError as error:
                self.statement_failed(inside[0], error)
                raise
            finally:
                self.leave(inside)
            if getattr(arguments[0] if arguments else None, "is_dml", False):
                self.wrote(self_, arguments[0])
            return result

        return _execute_internal

    def wrote(self, session: Any, statement: Any) -> None:
        """Remember an INSERT, UPDATE or DELETE statement until the transaction ends."""
        try:
            class_ = private.written_by(statement)
            note_statement(self.recorder, session, class_, type(statement).__name__.upper())
        except Exception as error:
            self.broke(error)

    def wrap_flush(self, original: Any) -> Any:
        """Wrap the work of a flush."""

        def _flush(self_: Any, objects: Any = None) -> None:
            inside = self.enter(self_, "flush") if self.on else None
            if inside is None:
                return original(self_, objects)  # type: ignore[no-any-return]
            given = self.given_keys(self_)
            try:
                return original(self_, objects)  # type: ignore[no-any-return]
            except Exception as error:
                self.flush_failed(inside[0], error, given)
                raise
            finally:
                self.leave(inside)

        return _flush

    def wrap_commit(self, original: Any) -> Any:
        """Wrap ``Session.commit()``."""

        def commit(self: Any) -> None:
            inside = probe.enter(self, "commit") if probe.on else None
            try:
                original(self)
            finally:
                if inside is not None:
                    probe.leave(inside)

        probe = self
        return commit

    def wrap_rollback(self, original: Any) -> Any:
        """Wrap ``Session.rollback()``."""

        def rollback(self: Any) -> None:
            inside = probe.enter(self, "rollback") if probe.on else None
            try:
                original(self)
            finally:
                if inside is not None:
                    probe.leave(inside)

        probe = self
        return rollback

    # ------------------------------------------------------------------ who is inside

    def enter(self, session: Any, method: str) -> Inside | None:
        """Note that this thread and task is inside; report others that are."""
        try:
            recorder = self.recorder
            if recorder.late:
                recorder.drain()
            record = recorder.record(session)
            if record is None:
                return None
            if (
                record.began is None and method != "rollback"
            ):  # which begins nothing, and may find nothing to end
                record.began = recorder.capture()
            task = asyncio.current_task() if _running_loop() is not None else None
            me = (threading.get_ident(), id(task) if task is not None else 0)
            inside = record.inside
            if inside and me not in inside:
                self.overlap(record, next(iter(inside)), me, method)
            inside[me] = inside.get(me, 0) + 1
        except Exception as error:
            self.broke(error)
            return None
        self.recorder.ledger.raise_pending()
        return record, me

    def leave(self, inside: Inside) -> None:
        """Note that this thread and task has left."""
        record, me = inside
        depth = record.inside.get(me, 1) - 1
        if depth:
            record.inside[me] = depth
        else:
            record.inside.pop(me, None)

    def overlap(
        self, record: SessionRecord, other: tuple[int, int], me: tuple[int, int], method: str
    ) -> None:
        """Report that two are inside; the other's line is read off its stack only now."""
        recorder = self.recorder
        if not recorder.takes(SessionOverlap):
            return
        there = self._line_of(other)
        here = recorder.capture()
        recorder.publish(
            SessionOverlap(record.created, record.before_watch, here, there, other[0] == me[0], method)
        )

    def _line_of(self, other: tuple[int, int]) -> Site | None:
        sites = self.recorder.sites
        if other[0] != threading.get_ident():
            return sites.nearest(sys._current_frames().get(other[0]))
        task = next((task for task in asyncio.all_tasks() if id(task) == other[1]), None)
        stack: list[FrameType] = task.get_stack() if task is not None else []
        return next((site for frame in reversed(stack) if (site := sites.nearest(frame)) is not None), None)

    # ------------------------------------------------------------------ what failed

    def given_keys(self, session: Any) -> list[Any]:
        """Return what is known of the new rows whose primary key the program has set itself."""
        recorder = self.recorder
        if not recorder.takes(InsertRefused):
            return []
        return with_given_keys(private.new_states(session))

    def flush_failed(self, record: SessionRecord, error: Exception, given: list[Any]) -> None:
        """Remember the failure, and explain an INSERT of a row that is there already."""
        try:
            record.failure = (self.recorder.capture(), type(error).__name__)
            tell_refused_inserts(self.recorder, error, given)
        except Exception as own:
            self.broke(own)

    def statement_failed(self, record: SessionRecord, error: exc.DBAPIError) -> None:
        """Remember the failure; a transaction that PostgreSQL has aborted refuses everything after it."""
        try:
            orig = error.orig
            code = getattr(orig, "sqlstate", None) or getattr(orig, "pgcode", None)
            if code == _ABORTED and record.failure is not None and not exception_in_flight_before(error):
                failed, name = record.failure
                site = self.recorder.capture()
                event = UsedAfterFailure(record.created, record.before_watch, failed, name, site)
                add_story(error, self.recorder.publish(event), headline=False)
            elif record.failure is None:
                record.failure = (self.recorder.capture(), type(orig).__name__)
        except Exception as own:
            self.broke(own)


def exception_in_flight_before(error: BaseException) -> bool:
    """Return True if another exception than *error* and those it wraps was already being handled."""
    wrapped = {id(error), id(error.__cause__), id(getattr(error, "orig", None))}
    context = error.__context__
    while context is not None and id(context) in wrapped:
        context = context.__context__ if context.__cause__ is None else context.__cause__.__context__
    return context is not None


def with_given_keys(states: Iterable[Any]) -> list[Any]:
    """Return the states of new rows whose primary key the program has set itself."""
    return [state for state in states if state.key is None and _has_primary_key(state)]


def tell_refused_inserts(recorder: Recorder, error: Exception, given: list[Any]) -> None:
    """Explain an INSERT of a row that is there already, unless an ``except`` clause waits for it."""
    if not isinstance(error, exc.IntegrityError):
        return
    site = recorder.capture()
    if site is not None and error_is_expected(site.code, site.lasti):
        return
    for state in [state for state in given if names_primary_key(state.mapper, str(error.orig))]:
        facts = recorder.instance(state)
        event = InsertRefused(facts, site)
        add_story(error, recorder.publish(event, facts.class_path), headline=False)


def _has_primary_key(state: Any) -> bool:
    mapper, values = state.mapper, state.dict
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return all(values.get(key) is not None for key in keys)


def names_primary_key(mapper: Any, text: str) -> bool:
    """Return True if a database's message is about the primary key of the mapper's table.

    SQLite names ``table.column``, PostgreSQL the constraint, MariaDB and MySQL the key ``PRIMARY``.
    A message that says nothing of the kind is about another constraint, as far as we know.
    """
    table = mapper.local_table
    primary_key = getattr(table, "primary_key", None)
    if primary_key is None:
        return False
    if all(f"{table.name}.{column.name}" in text for column in primary_key.columns):
        return "UNIQUE" in text
    return f'"{primary_key.name or f"{table.name}_pkey"}"' in text or "PRIMARY'" in text
