"""The servers the tests talk to: where they are, whether they answer, and a database for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from uuid import uuid4

import kombu
import psycopg
import pymysql
import redis
from sqlalchemy import URL, make_url

SECONDS_TO_ANSWER = 5


@dataclass(frozen=True)
class Server:
    """One kind of server.

    Attributes:
        name: As a person writes it.
        variable: Environment variable that holds its address.
        default: Address where the variable is not set.
        failures: What *connect* raises if nobody, or somebody else, answers.
        connect: Connects to an address and disconnects.
    """

    name: str
    variable: str
    default: str
    failures: tuple[type[Exception], ...]
    connect: Callable[[str], None]

    @property
    def address(self) -> str:
        """The address to use: from the environment, or the usual local one."""
        return os.environ.get(self.variable) or self.default


@cache
def refusal(server: Server) -> str:
    """Return why *server* cannot be used, on one line; "" if it can. Asked once in a process."""
    try:
        server.connect(server.address)
    except server.failures as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return f"no {server.name} at {server.address} ({server.variable}): {said}"
    return ""


def _postgresql(url: URL) -> psycopg.Connection:
    return psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        dbname=url.database,
        connect_timeout=SECONDS_TO_ANSWER,
        autocommit=True,
    )


def _mariadb(url: URL) -> pymysql.Connection:
    return pymysql.connect(
        host=url.host or "127.0.0.1",
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        connect_timeout=SECONDS_TO_ANSWER,
        autocommit=True,
    )


def _ask_redis(address: str) -> None:
    with redis.Redis.from_url(address, socket_connect_timeout=SECONDS_TO_ANSWER, retry=None) as client:
        client.ping()


def _ask_rabbitmq(address: str) -> None:
    with kombu.Connection(address, connect_timeout=SECONDS_TO_ANSWER) as connection:
        connection.connect()


POSTGRESQL = Server(
    "PostgreSQL",
    "TETHER_TEST_POSTGRESQL",
    "postgresql://postgres@127.0.0.1:5432/test",
    (psycopg.Error,),
    lambda address: _postgresql(make_url(address)).close(),
)
MARIADB = Server(
    "MariaDB",
    "TETHER_TEST_MARIADB",
    "mysql://root@127.0.0.1:3306/test",
    (pymysql.Error, OSError),
    lambda address: _mariadb(make_url(address)).close(),
)
REDIS = Server(
    "Redis",
    "TETHER_TEST_REDIS",
    "redis://127.0.0.1:6379/0",
    (redis.RedisError, OSError),
    _ask_redis,
)
RABBITMQ = Server(
    "RabbitMQ",
    "TETHER_TEST_RABBITMQ",
    "amqp://guest:guest@127.0.0.1:5672//",
    (*kombu.Connection("amqp://").connection_errors, *kombu.Connection("amqp://").channel_errors, OSError),
    _ask_rabbitmq,
)


def _new_name() -> str:
    return f"tether_{uuid4().hex[:16]}"


@contextmanager
def own_postgresql_database() -> Iterator[URL]:
    """Create a database, give its URL (driver psycopg), and drop it with whoever is still connected."""
    url = make_url(POSTGRESQL.address)
    name = _new_name()
    with _postgresql(url) as connection:
        # template0: nobody can be connected to it, which would make CREATE DATABASE fail
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield url.set(drivername="postgresql+psycopg", database=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_mariadb_database() -> Iterator[URL]:
    """Create a database, give its URL (driver pymysql), and drop it."""
    url = make_url(MARIADB.address)
    name = _new_name()
    with _mariadb(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            yield url.set(drivername="mysql+pymysql", database=name)
        finally:
            _end_transactions(cursor, name)
            cursor.execute(f"DROP DATABASE {name}")


def _end_transactions(cursor: pymysql.cursors.Cursor, database: str) -> None:
    """Cut off whoever still uses *database*: an open transaction would make DROP DATABASE wait."""
    cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (database,))
    for (connection,) in cursor.fetchall():
        try:
            cursor.execute(f"KILL {connection}")
        except pymysql.err.OperationalError as error:
            if error.args[0] != pymysql.constants.ER.NO_SUCH_THREAD:  # it has gone by itself
                raise
