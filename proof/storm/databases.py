"""Where a storm happens: a database of its own, dropped afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

from tests import servers

SECONDS_TO_WAIT = 60  # for the lock on an SQLite file, which is not given in the order it was asked for


@dataclass(frozen=True)
class Place:
    """A kind of database and how its transactions are isolated.

    Attributes:
        database: As a person writes it.
        isolation: An isolation level for PostgreSQL and MariaDB; a journal mode for SQLite. "BEGIN first": a
            transaction begins before its first read, as SQLAlchemy's documentation tells to do it.
    """

    database: str
    isolation: str


PLACES = (
    Place("SQLite", "DELETE"),
    Place("SQLite", "WAL"),
    Place("SQLite", "WAL, BEGIN first"),
    Place("PostgreSQL", "READ COMMITTED"),
    Place("PostgreSQL", "REPEATABLE READ"),
    Place("MariaDB", "READ COMMITTED"),
    Place("MariaDB", "REPEATABLE READ"),
)


@contextmanager
def address(place: Place) -> Iterator[URL]:
    """Give the URL of an empty database."""
    if place.database == "SQLite":
        with TemporaryDirectory(prefix="tether-storm-") as folder:
            yield URL.create("sqlite", database=str(Path(folder) / "storm.sqlite"))
    elif place.database == "PostgreSQL":
        with servers.own_postgresql_database() as url:
            yield url
    else:
        with servers.own_mariadb_database() as url:
            yield url


def connect(place: Place, url: URL) -> Engine:
    """Return an Engine with one connection at a time. Dispose of it after use."""
    if place.database != "SQLite":
        return create_engine(url, isolation_level=place.isolation, pool_size=1, max_overflow=0)
    engine = create_engine(url, connect_args={"timeout": SECONDS_TO_WAIT}, pool_size=1, max_overflow=0)

    journal, _, begin = place.isolation.partition(", ")

    def pragmas(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = OFF")  # the power does not fail in this storm
        if begin:
            connection.isolation_level = None  # the driver begins nothing by itself

    event.listen(engine, "connect", pragmas)
    if begin:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine
