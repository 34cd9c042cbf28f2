"""A transaction that read before they wrote: what each database does, so that no change of theirs is lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.carry.back.conftest import fill
from tests.carry.back.models import Order
from tests.carry.back.people import row, taken, theirs
from tether.carry.attach import attach


def outcome(engine: Engine) -> str:
    """Attach in a transaction that has read the row before somebody changed it; return the database's error, or ""."""
    fill(engine)
    order = taken(engine, Order, 1)
    order.status = "mine"
    try:
        with Session(engine) as session:
            session.get(Order, 1)
            theirs(engine, Order, 1, note="theirs")
            attach(session, order)
            session.commit()
    except OperationalError as error:
        assert ("new", "theirs") == row(engine, Order, 1, "status", "note")
        return str(error.orig)
    assert ("mine", "theirs") == row(engine, Order, 1, "status", "note")
    return ""


def run(url: URL, *statements: str, **options: Any) -> str:
    """Return the outcome with *statements* sent on each new connection."""
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    try:
        return outcome(engine)
    finally:
        engine.dispose()


def test_postgresql_read_committed(postgresql_url: URL) -> None:
    """
    PostgreSQL, READ COMMITTED (the default): the row lock reads the newest row, and both changes are kept.
    """
    assert "" == run(postgresql_url)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_postgresql_snapshots(postgresql_url: URL, level: str) -> None:
    """
    PostgreSQL, REPEATABLE READ and SERIALIZABLE: the row lock raises a serialization error; retry the transaction.
    """
    assert "could not serialize access due to concurrent update" in run(postgresql_url, isolation_level=level)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "READ COMMITTED"])
def test_mariadb(mariadb_url: URL, level: str) -> None:
    """
    MariaDB, REPEATABLE READ (the default) and READ COMMITTED: the row lock reads the newest row.
    """
    assert "" == run(mariadb_url, "SET SESSION innodb_snapshot_isolation=OFF", isolation_level=level)


def test_mariadb_with_snapshot_isolation(mariadb_url: URL) -> None:
    """
    MariaDB with innodb_snapshot_isolation: the row lock raises error 1020; retry the transaction.
    """
    assert "1020" in run(mariadb_url, "SET SESSION innodb_snapshot_isolation=ON")


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_sqlite(sqlite_engine: Engine, journal: str) -> None:
    """
    SQLite as Python's driver opens it: a read begins no transaction, so the lock on the file comes first.
    """
    assert "" == run(sqlite_engine.url, f"PRAGMA journal_mode={journal}")


def test_sqlite_with_real_transactions(sqlite_engine: Engine) -> None:
    """
    SQLite in WAL mode, with BEGIN sent before the first read: "database is locked", for the lock cannot be had.
    """
    engine = create_engine(sqlite_engine.url, connect_args={"timeout": 0.1})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    assert "database is locked" in outcome(engine)
    engine.dispose()
