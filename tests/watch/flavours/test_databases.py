"""Real databases behind every driver: the same stories, and PostgreSQL's aborted transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, MissingGreenlet, PendingRollbackError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool

import tether
from tests.watch.flavours.people import Base, Order, User, rows
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"
EXPIRED = (
    "expired-read-after-close: loaded <load>, expired <expire> (commit), detached <end> (close), used <use>"
)


def filled(url: URL) -> Engine:
    """Return an Engine on a database with two users."""
    engine = create_engine(url, poolclass=NullPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(rows())
    return engine


@pytest.fixture(params=["postgresql_url", "mariadb_url"])
def server(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    An Engine on each of the real servers: psycopg, and pymysql.
    """
    engine = filled(request.getfixturevalue(request.param))
    yield engine
    engine.dispose()


def test_reads_after_the_end(server: Engine) -> None:
    """
    An unloaded relationship and an expired column are told alike on every database.
    """
    with tether.watching() as report:
        with Session(server) as session:  # <end>
            user = session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>
        with Session(server) as session:  # <end>
            user = session.scalars(select(User).where(User.id == 2)).one()  # <load>
            session.commit()  # <expire>
        with pytest.raises(DetachedInstanceError):
            _ = user.name  # <use>

    assert [EXPIRED, LAZY] == told(report.findings)


def test_lost_changes(server: Engine) -> None:
    """
    A write to a detached instance, a dropped change and an abandoned flush are told alike on every database.
    """
    with tether.watching() as report:
        with Session(server) as session:  # <first>
            user = session.get(User, 1)  # <load>
        user.name = "lost"  # <write>
        with Session(server) as session:  # <second>
            other = session.get(User, 2)  # <load>
            other.name = "dropped"  # <change>
            session.refresh(other)  # <refresh>
            other.name = "abandoned"  # <change again>
            session.flush()  # <flush>
        del user, other

    assert [
        "change-discarded: loaded <load>, changed <change>, expired <refresh> (refresh)",
        "never-committed: opened <second>, changed <change again>, flushed <flush>, closed <second> (close)",
        "write-while-detached: loaded <load>, detached <first> (close), used <write>",
    ] == told(report.findings)


def test_outdated_read(server: Engine) -> None:
    """
    A detached row is outdated once this process has committed a newer one to the same server.
    """
    with tether.watching() as report:
        with Session(server) as session:  # <end>
            user = session.get(User, 1)  # <load>
        with Session(server) as session:
            session.get(User, 1).name = "newer"
            session.commit()  # <commit>
        _ = user.name  # <use>

    story = "outdated-read: loaded <load>, detached <end> (close), committed <commit> (commit), used <use>"
    assert [story] == told(report.findings)


def test_copy_of_a_row_that_only_the_database_knows(server: Engine) -> None:
    """
    An INSERT that a real server refuses because of the primary key is told, and the error stays its own.
    """
    with tether.watching() as report, Session(server) as session:
        session.add(User(id=1, name="copy"))  # <make>
        with pytest.raises(IntegrityError) as caught:
            session.flush()  # <flush>
        session.rollback()

    assert ["transient-copy-of-row: created <make>, used <flush>"] == told(report.findings)
    assert type(caught.value.orig).__module__.split(".")[0] in ("psycopg", "pymysql")
    assert "tether" not in str(caught.value)


def test_failed_flush_that_is_caught(server: Engine) -> None:
    """
    A Session that is used after a caught failure is told with the line that failed.
    """
    with tether.watching(only=["swallowed-database-error"]) as report, Session(server) as session:
        session.add(Order(id=1, what="copy"))
        with suppress(IntegrityError):
            session.flush()  # <fail>
        with pytest.raises(PendingRollbackError):
            session.get(User, 1)  # <use>
        session.rollback()

    assert ["swallowed-database-error: failed <fail>, used <use>"] == told(report.findings)


def test_caught_statement_leaves_an_aborted_transaction(postgresql_url: URL) -> None:
    """
    On PostgreSQL a failed statement aborts the transaction: what comes after it is refused by the server.
    """
    engine = filled(postgresql_url)
    with tether.watching() as report, Session(engine) as session:
        with suppress(DBAPIError):
            session.execute(text("SELECT no_such_column"))  # <fail>
        with pytest.raises(DBAPIError) as caught:
            session.get(User, 1)  # <use>
        session.rollback()
    engine.dispose()

    assert ["swallowed-database-error: failed <fail>, used <use>"] == told(report.findings)
    assert "InFailedSqlTransaction" == type(caught.value.orig).__name__
    assert any("swallowed-database-error" in note for note in caught.value.__notes__)


def test_savepoint_around_what_may_fail_is_right(postgresql_url: URL) -> None:
    """
    A failure inside ``begin_nested()`` that is caught outside of it leaves a Session that works.
    """
    engine = filled(postgresql_url)

    def attempt(session: Session) -> None:
        with session.begin_nested():
            session.execute(text("SELECT no_such_column"))

    with tether.watching() as report, Session(engine) as session:
        with pytest.raises(DBAPIError):
            attempt(session)
        session.get(User, 1)
        session.commit()
    engine.dispose()

    assert [] == told(report.findings)


ASYNC_DRIVERS = ["postgresql+asyncpg", "postgresql+psycopg"]


async def stories(url: URL) -> None:
    """Read what is not loaded, within the block and after it, and abandon a change."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with AsyncSession(engine) as session:  # <end>
        user = await session.get(User, 1)  # <load>
        with pytest.raises((MissingGreenlet, StatementError)):
            _ = user.orders  # <early use>
    with pytest.raises(DetachedInstanceError):
        _ = user.orders  # <use>
    async with AsyncSession(engine) as session:  # <end of change>
        other = await session.get(User, 2)  # <load>
        other.name = "changed"  # <change>
        del other
    await engine.dispose()


@pytest.mark.parametrize("driver", ASYNC_DRIVERS)
def test_async_drivers_tell_the_same_stories(postgresql_url: URL, driver: str) -> None:
    """
    asyncpg and psycopg's async connections tell what aiosqlite tells.
    """
    filled(postgresql_url).dispose()
    with tether.watching() as report:
        asyncio.run(stories(postgresql_url.set(drivername=driver)))

    assert [
        "change-discarded: loaded <load>, changed <change>, detached <end of change> (close)",
        "implicit-io-in-async: loaded <load>, used <early use>",
        LAZY,
    ] == told(report.findings)


async def abort(url: URL) -> Any:
    """Catch the failure of a statement, go on, and return what the server says."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with AsyncSession(engine) as session:
        with suppress(DBAPIError):
            await session.execute(text("SELECT no_such_column"))  # <fail>
        with pytest.raises(DBAPIError) as caught:
            await session.get(User, 1)  # <use>
        await session.rollback()
    await engine.dispose()
    return caught.value


@pytest.mark.parametrize("driver", ASYNC_DRIVERS)
def test_aborted_transaction_in_async_code(postgresql_url: URL, driver: str) -> None:
    """
    The aborted transaction is told with both lines, and the server's own error stays inside.
    """
    filled(postgresql_url).dispose()
    with tether.watching() as report:
        error = asyncio.run(abort(postgresql_url.set(drivername=driver)))

    assert ["swallowed-database-error: failed <fail>, used <use>"] == told(report.findings)
    assert "25P02" == getattr(error.orig, "sqlstate", None)
