"""Theirs: the rows as the database holds them now, one SELECT per class and 1,000 rows.

What keeps others from writing between this and the flush that writes mine:

* PostgreSQL, MariaDB, MySQL, Oracle: ``SELECT ... FOR UPDATE`` on every row that will be written. A row lock
  is held until the transaction ends, and it reads the newest committed row: in PostgreSQL's
  REPEATABLE READ it raises a serialization error instead, in MariaDB's (with
  ``innodb_snapshot_isolation``) an error 1020, if the row moved on since the transaction began.
* SQLite has no row locks; a DELETE that matches nothing takes the lock on the file that any
  writer needs. In WAL mode it raises "database is locked" if the transaction has read an older
  state; in rollback mode others cannot write while this transaction reads.

Rows are read into plain values, so that the Session stays as it is until it is clear that there is no conflict;
what is not in the Session is built of them. Where a class has load events of its own, subclasses or SQL
expressions, SQLAlchemy builds the instances, with a SELECT of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select, delete, false, inspect, select, tuple_
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import InstanceState, Session
from sqlalchemy.orm.attributes import set_committed_value

from tether.carry.graph import IdentityKey
from tether.carry.shape import Shape, shape_of
from tether.orm import private, private_states

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


class ReadRow(Row):
    """A row whose values are put into a dictionary when somebody asks: of most rows nobody does."""

    __slots__ = ("found", "names")

    def __init__(self, instance: Any, names: Sequence[str], found: Any, was_here: bool) -> None:
        self.instance, self.names, self.found, self.was_here = instance, names, found, was_here

    def __getattr__(self, name: str) -> Any:
        if name != "values":
            raise AttributeError(name)
        self.values = dict(zip(self.names, self.found, strict=True))
        return self.values


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


def read(
    session: Session, wanted: Wanted, *, lock: bool = True, is_locked: bool = False
) -> dict[IdentityKey, Row]:
    """Return the rows that are there, by identity key. Flushes nothing and changes no loaded attribute.

    Args:
        session: Whose transaction to read in; it begins one if there is none.
        wanted: Which rows.
        lock: Keep others from writing the rows in *locked* until the transaction ends.
        is_locked: An earlier call took the lock on SQLite's file.
    """
    rows: dict[IdentityKey, Row] = {}
    with session.no_autoflush:
        if lock and wanted.locked:
            has_row_locks = lock_database(session, next(iter(wanted.locked.values())), is_locked)
        else:
            has_row_locks = False
        if has_row_locks:
            groups = ((wanted.locked, True), (wanted.plain, False))
        else:
            groups = (({**wanted.locked, **wanted.plain}, False), ({}, False))
        for keys, locked in groups:
            for class_, of_class in by_class(keys):
                shape, more = shape_of(class_), wanted.columns.get(class_, set())
                rows |= _read_class(session, shape, of_class, more, locked)
    return rows


def lock_database(session: Session, class_: type, is_locked: bool) -> bool:
    """Take SQLite's lock on the file; return True where rows are locked instead.

    Raises:
        InvalidRequestError: The connection is in AUTOCOMMIT, where no lock outlives its statement.
    """
    mapper = shape_of(class_).mapper
    connection = session.connection(bind_arguments={"mapper": mapper})
    if connection.dialect.name == "sqlite" and not is_locked:
        connection.execute(delete(mapper.local_table).where(false()))  # type: ignore[arg-type]
    if is_autocommit(connection):
        raise InvalidRequestError(
            "this Session's connection is in AUTOCOMMIT: somebody could write between the check and the write. "
            "Attach in a Session with transactions"
        )
    return connection.dialect.name != "sqlite"


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
    return [(class_, _sorted(of_class)) for class_, of_class in ordered]


def _sorted(keys: list[IdentityKey]) -> list[IdentityKey]:
    try:
        return sorted(keys, key=itemgetter(1))
    except TypeError:  # values of several types, or of one without an order
        return sorted(keys, key=lambda key: repr(key[1]))


def _read_class(
    session: Session, shape: Shape, keys: Sequence[IdentityKey], more: set[str], lock: bool
) -> dict[IdentityKey, Row]:
    rows: dict[IdentityKey, Row] = {}
    if private_states.can_be_built(session, shape.mapper) and not any(
        column.computed for column in shape.columns.values()
    ):
        build = private_states.builder(session, shape.mapper)
        for chunk in chunks(keys, ROWS_PER_STATEMENT):
            rows.update(_read_values(session, shape, chunk, more, lock, build))
        return rows
    here: dict[IdentityKey, Any] = {
        key: session.identity_map[key] for key in keys if key in session.identity_map
    }
    for chunk in chunks([key for key in keys if key not in here], ROWS_PER_STATEMENT):
        rows |= _load(session, shape, chunk, more, lock)
    for chunk in chunks(list(here), ROWS_PER_STATEMENT):
        rows |= _read_values(session, shape, chunk, more, lock, None)
    return rows


def chunks(things: Sequence[T], size: int) -> Iterator[list[T]]:
    """Yield *things* in lists of at most *size*."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


def _load(
    session: Session, shape: Shape, keys: Sequence[IdentityKey], more: set[str], lock: bool
) -> dict[IdentityKey, Row]:
    """Load instances that are not in the Session, of a class SQLAlchemy must build; no relationship with them."""
    extra = sorted(more)
    # Without eager loads every loader option is ignored, undefer() too (2.0.20 to 2.1): deferred columns are
    # asked for beside the instance.
    statement: Select[Any] = select(shape.class_, *(getattr(shape.class_, name) for name in extra))
    statement = statement.where(is_one_of(shape, [key[1] for key in keys]))
    if lock:
        statement = statement.with_for_update(of=shape.class_ if shape.mapper.with_polymorphic else None)
    rows = {}
    for instance, *deferred in session.execute(private_states.without_eager_loads(statement)):
        for name, value in zip(extra, deferred, strict=True):
            set_committed_value(instance, name, value)
        state: InstanceState[Any] = inspect(instance)
        assert state.key is not None  # it was loaded
        values = {name: state.dict[name] for name in shape_of(state.class_).columns if name in state.dict}
        rows[state.key] = Row(instance, values, False)
    return rows


def _read_values(
    session: Session,
    shape: Shape,
    keys: Sequence[IdentityKey],
    more: set[str],
    lock: bool,
    build: Callable[[IdentityKey, Iterable[tuple[str, Any]]], Any] | None,
) -> dict[IdentityKey, Row]:
    """Read rows as values. Instances that are in the Session stay as they are; others are built of the values."""
    names = [
        column.key
        for column in shape.columns.values()
        if column.primary_key or not (column.computed or (column.deferred and column.key not in more))
    ]
    statement: Select[Any] = select(*(getattr(shape.class_, name) for name in names))
    statement = statement.where(is_one_of(shape, [key[1] for key in keys]))
    if lock:
        statement = statement.with_for_update()
    identity = _getter([names.index(name) for name in shape.primary_key])
    asked = {key[1]: key for key in keys}
    known = private.states_by_identity(session)
    here: Any = session.identity_map
    rows: dict[IdentityKey, Row] = {}
    for found in session.execute(statement):
        key = asked.get(identity(found))
        if key is None:
            continue  # another row, to which the database's collation finds the key equal
        instance = here.get(key) if key in known else None
        if instance is not None:
            rows[key] = ReadRow(instance, names, found, True)
        elif build is not None:
            rows[key] = ReadRow(build(key, zip(names, found, strict=True)), names, found, False)
    return rows


def _getter(indexes: list[int]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes the primary key out of a row."""
    if len(indexes) == 1:
        only = indexes[0]
        return lambda row: (row[only],)
    return itemgetter(*indexes)


def is_one_of(shape: Shape, primary_keys: Iterable[tuple[Any, ...]]) -> Any:
    """Return the SQL condition that a row has one of these primary keys."""
    attributes = [getattr(shape.class_, name) for name in shape.primary_key]
    if len(attributes) == 1:
        return attributes[0].in_([primary_key[0] for primary_key in primary_keys])
    return tuple_(*attributes).in_(list(primary_keys))
