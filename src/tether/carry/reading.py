"""Theirs: the rows as the database holds them now, one SELECT per class and 1,000 rows.

What keeps others from writing between this and the flush that writes mine:

* PostgreSQL, MariaDB, MySQL, Oracle: ``SELECT ... FOR UPDATE`` on every row that will be written. A row lock
  is held until the transaction ends, and it reads the newest committed row: in PostgreSQL's
  REPEATABLE READ it raises a serialization error instead, in MariaDB's (with
  ``innodb_snapshot_isolation``) an error 1020, if the row moved on since the transaction began.
* SQLite has no row locks; a DELETE that matches nothing takes the lock on the file that any
  writer needs. In WAL mode it raises "database is locked" if the transaction has read an older
  state; in rollback mode others cannot write while this transaction reads.

A row that is in the Session is read into plain values, so that the Session stays as it is until it
is clear that there is no conflict. A row that is not is loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select, delete, false, inspect, select, tuple_
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import InstanceState, Query, Session
from sqlalchemy.orm.attributes import set_committed_value

from tether.carry.graph import IdentityKey
from tether.carry.shape import Shape, shape_of

ROWS_PER_STATEMENT: Final = 1_000
T = TypeVar("T")


@dataclass(slots=True)
class Row:
    """One row as the database holds it.

    Attributes:
        instance: The persistent instance; its attributes may be older than *values* if it was in the Session.
        values: Column attributes as the row has them.
        was_here: The instance was in the Session before.
    """

    instance: Any
    values: dict[str, Any]
    was_here: bool


@dataclass(slots=True)
class Wanted:
    """Which rows to read.

    Attributes:
        locked: Rows that will be written.
        plain: Rows that are only looked at.
        columns: Names of column attributes that a plain query would leave out (deferred), by class.
    """

    locked: dict[IdentityKey, type] = field(default_factory=dict)
    plain: dict[IdentityKey, type] = field(default_factory=dict)
    columns: dict[type, set[str]] = field(default_factory=lambda: defaultdict(set))


def read(session: Session, wanted: Wanted, *, lock: bool = True) -> dict[IdentityKey, Row]:
    """Return the rows that are there, by identity key. Flushes nothing and changes no loaded attribute.

    Args:
        session: Whose transaction to read in; it begins one if there is none.
        wanted: Which rows.
        lock: Keep others from writing the rows in *locked* until the transaction ends.
    """
    rows: dict[IdentityKey, Row] = {}
    with session.no_autoflush:
        if lock and wanted.locked:
            lock_database(session, next(iter(wanted.locked.values())))
        for keys, locked in ((wanted.locked, lock), (wanted.plain, False)):
            for class_, of_class in by_class(keys):
                shape, more = shape_of(class_), wanted.columns.get(class_, set())
                rows |= _read_class(session, shape, of_class, more, locked)
    return rows


def lock_database(session: Session, class_: type) -> None:
    """Take SQLite's lock on the file; other databases lock rows.

    Raises:
        InvalidRequestError: The connection is in AUTOCOMMIT, where no lock outlives its statement.
    """
    mapper = shape_of(class_).mapper
    connection = session.connection(bind_arguments={"mapper": mapper})
    if connection.dialect.name == "sqlite":
        connection.execute(delete(mapper.local_table).where(false()))  # type: ignore[arg-type]
    if is_autocommit(connection):
        raise InvalidRequestError(
            "this Session's connection is in AUTOCOMMIT: somebody could write between the check and the write. "
            "Attach in a Session with transactions"
        )


def is_autocommit(connection: Connection) -> bool:
    """Return True if each statement commits by itself."""
    if connection.dialect.name == "sqlite":
        # The driver's setting does not tell: programs set it to None and send BEGIN themselves. After a DELETE
        # a transaction is open, or there are none.
        return not getattr(connection.connection.driver_connection, "in_transaction", True)
    held: Any = connection.connection.dbapi_connection
    detect = getattr(connection.dialect, "detect_autocommit_setting", None)
    if detect is not None:
        try:
            return bool(detect(held))
        except NotImplementedError:  # the dialect leaves it to the driver
            pass
    ask = getattr(held, "get_autocommit", None)  # 2.0.20 has no word for it; mysqlclient and pymysql do
    return bool(ask()) if callable(ask) else getattr(held, "autocommit", False) is True


def by_class(keys: dict[IdentityKey, type]) -> list[tuple[type, list[IdentityKey]]]:
    """Return the keys of each class, in one order for every program: two that lock the same rows do not deadlock."""
    classes: dict[type, list[IdentityKey]] = defaultdict(list)
    for key, class_ in keys.items():
        classes[class_].append(key)
    ordered = sorted(classes.items(), key=lambda item: (item[0].__module__, item[0].__qualname__))
    return [(class_, sorted(of_class, key=lambda key: _sortable(key[1]))) for class_, of_class in ordered]


def _sortable(primary_key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value if isinstance(value, int | str) else repr(value) for value in primary_key)


def _read_class(
    session: Session, shape: Shape, keys: Sequence[IdentityKey], more: set[str], lock: bool
) -> dict[IdentityKey, Row]:
    here: dict[IdentityKey, Any] = {
        key: session.identity_map[key] for key in keys if key in session.identity_map
    }
    absent = [key for key in keys if key not in here]
    rows: dict[IdentityKey, Row] = {}
    for chunk in chunks(absent, ROWS_PER_STATEMENT):
        rows |= _load(session, shape, chunk, more, lock)
    for chunk in chunks(list(here), ROWS_PER_STATEMENT):
        rows |= _look(session, shape, chunk, more, lock, here)
    return rows


def chunks(things: Sequence[T], size: int) -> Iterator[list[T]]:
    """Yield *things* in lists of at most *size*."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


def _load(
    session: Session, shape: Shape, keys: Sequence[IdentityKey], more: set[str], lock: bool
) -> dict[IdentityKey, Row]:
    """Load instances that are not in the Session; no relationship is loaded with them."""
    extra = sorted(more)
    # enable_eagerloads(False) ignores every loader option, undefer() too (2.0.20 to 2.1): deferred columns are
    # asked for beside the instance.
    asked = (shape.class_, *(getattr(shape.class_, name) for name in extra))
    query: Query[Any] = session.query(*asked).enable_eagerloads(False)
    query = query.filter(is_one_of(shape, [key[1] for key in keys]))
    if lock:
        query = query.with_for_update(of=shape.class_ if shape.mapper.with_polymorphic else None)
    rows = {}
    for found in query:
        instance, *deferred = found if extra else (found,)
        for name, value in zip(extra, deferred, strict=True):
            set_committed_value(instance, name, value)
        state: InstanceState[Any] = inspect(instance)
        assert state.key is not None  # it was loaded
        values = {name: state.dict[name] for name in shape_of(state.class_).columns if name in state.dict}
        rows[state.key] = Row(instance, values, False)
    return rows


def _look(
    session: Session,
    shape: Shape,
    keys: Sequence[IdentityKey],
    more: set[str],
    lock: bool,
    here: dict[IdentityKey, Any],
) -> dict[IdentityKey, Row]:
    """Read the rows of instances that are in the Session, and leave the instances as they are."""
    names = [
        column.key
        for column in shape.columns.values()
        if column.primary_key or not (column.computed or (column.deferred and column.key not in more))
    ]
    statement: Select[Any] = select(*(getattr(shape.class_, name) for name in names))
    statement = statement.where(is_one_of(shape, [key[1] for key in keys]))
    if lock:
        statement = statement.with_for_update()
    rows = {}
    for found in session.execute(statement):
        values = dict(zip(names, found, strict=True))
        identity = tuple(values[name] for name in shape.primary_key)
        key = shape.mapper.identity_key_from_primary_key(identity)
        rows[key] = Row(here[key], values, True)
    return rows


def is_one_of(shape: Shape, primary_keys: Iterable[tuple[Any, ...]]) -> Any:
    """Return the SQL condition that a row has one of these primary keys."""
    attributes = [getattr(shape.class_, name) for name in shape.primary_key]
    if len(attributes) == 1:
        return attributes[0].in_([primary_key[0] for primary_key in primary_keys])
    return tuple_(*attributes).in_(list(primary_keys))
