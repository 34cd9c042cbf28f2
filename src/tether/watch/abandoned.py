"""Work that nobody ended: rows flushed or added in a transaction that is neither committed nor rolled back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tether.core.states import Cause
from tether.orm import private
from tether.watch.changes import is_entrusted, lost_changes
from tether.watch.events import ChangesDropped, WorkAbandoned
from tether.watch.memory import MAXIMUM_FLUSHED, SessionRecord, Written
from tether.watch.recorder import Recorder
from tether.watch.site import Site
from tether.watch.waiting import Waiting

Row = tuple[str, str, str, Site | None, Site | None]


def flushed_rows(record: SessionRecord) -> list[Row]:
    """Return what the open transaction has flushed, as ``WorkAbandoned.rows``."""
    rows = record.all_flushed().values()
    return [(_name(row.class_), _path(row.class_), row.operation, row.site, row.made) for row in rows]


def note_statement(recorder: Recorder, session: Any, class_: Any, operation: str) -> None:
    """Remember rows that a statement of the Session's wrote, without a flush."""
    record = recorder.record(session)
    if record is None or not recorder.takes(WorkAbandoned):
        return
    site = recorder.capture()
    level = record.flushed.setdefault(private.savepoint_depth(private.open_transaction(session)), {})
    if len(level) < MAXIMUM_FLUSHED:
        level[(class_, operation, site)] = Written(class_, operation, site, 0, (), site)


def _name(class_: Any) -> str:
    return getattr(class_, "__name__", None) or str(class_)


def _path(class_: Any) -> str:
    return f"{class_.__module__}.{class_.__qualname__}" if isinstance(class_, type) else str(class_)


def unended_rows(record: SessionRecord, session: Any) -> list[Row]:
    """Return all that an open Session would take with it if it ended now."""
    added, deleted = private.new_states(session), private.states_to_delete(session)
    return flushed_rows(record) + pending_rows(added) + deleted_rows(deleted)


def in_order(rows: list[Row]) -> tuple[Row, ...]:
    """Return *rows* in an order that is the same in each run: a flush visits sets of ``id()``."""
    return tuple(sorted(rows, key=lambda row: (row[1], row[2], _line(row[3]), _line(row[4]))))


def _line(site: Site | None) -> tuple[str, int]:
    return (site.code.co_filename, site.lasti) if site is not None else ("", 0)


def pending_rows(states: Iterable[Any]) -> list[Row]:
    """Return what was added and never flushed, as ``WorkAbandoned.rows``; less what was given to ``merge()``."""
    rows = []
    for state in [state for state in states if not is_entrusted(state)]:
        made = getattr(state, "_tether_made", None)
        site = made[0] if made is not None else None
        rows.append((state.class_.__name__, _path(state.class_), "add", site, site))
    return rows


def deleted_rows(states: Iterable[Any]) -> list[Row]:
    """Return what was to be deleted and never flushed, as ``WorkAbandoned.rows``."""
    rows = []
    for state in states:
        site = getattr(state, "_tether_deleting", None)
        rows.append((state.class_.__name__, _path(state.class_), "delete", site, site))
    return rows


def abandon_at_exit(recorder: Recorder, waiting: Waiting, session: Any) -> None:
    """Report what a Session that is still open takes with it when the process ends."""
    record = recorder.record(session)
    transaction = private.current_transaction(session)
    if record is None or record.inherited or transaction is None:
        return
    if private.is_outside_transaction(transaction):
        return
    for state in private.modified_states(session):
        changed = tuple(sorted(lost_changes(state))) if state.key is not None else ()
        if changed and recorder.takes(ChangesDropped) and not private.is_deleted(state):
            facts = recorder.instance(state)
            recorder.publish(ChangesDropped(facts, changed, Cause.EXIT, None), facts.class_path)
    rows = unended_rows(record, session)
    if rows:
        recorder.publish(WorkAbandoned(in_order(rows), Cause.EXIT, None, record.created), rows[0][1])
