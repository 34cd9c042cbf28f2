"""Async code on aiosqlite: a close in another task, reads that cannot await, exceptions on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import place_of, told
from tether.core.finding import Finding

# A refused statement leaves a coroutine of aiosqlite behind (SQLAlchemy 2.1).
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Connection.cursor' was never awaited")

LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"


def run(engine: Engine, program: Callable[[AsyncEngine], Awaitable[None]]) -> list[Finding]:
    """Run a coroutine under the watch on the database of *engine*, and return what was found."""

    async def main() -> None:
        asynchronous = create_async_engine(engine.url.set(drivername="sqlite+aiosqlite"), poolclass=NullPool)
        await program(asynchronous)
        await asynchronous.dispose()

    with tether.watching() as report:
        asyncio.run(main())
    return report.findings


def test_end_of_async_with_names_its_line(engine: Engine) -> None:
    """
    AsyncSession closes in a task of its own; the line is that of the ``async with``.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <end>
            user = await session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_end_of_begin_names_its_line(engine: Engine) -> None:
    """
    ``async_sessionmaker.begin()`` commits and closes at the end of its block.
    """

    async def program(engine: AsyncEngine) -> None:
        async with async_sessionmaker(engine).begin() as session:  # <end>
            user = await session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.name  # <use>

    story = "loaded <load>, expired <end> (commit), detached <end> (close), used <use>"
    assert [f"expired-read-after-close: {story}"] == told(run(engine, program))


def test_awaited_close_names_its_line(engine: Engine) -> None:
    """
    ``await session.close()`` is the line that detaches.
    """

    async def program(engine: AsyncEngine) -> None:
        session = AsyncSession(engine)
        user = await session.get(User, 1)  # <load>
        await session.close()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_async_scoped_session_names_its_lines(engine: Engine) -> None:
    """
    A registry of AsyncSessions is passed over for the program's lines.
    """

    async def program(engine: AsyncEngine) -> None:
        registry = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
        user = await registry.get(User, 1)  # <load>
        await registry.remove()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_stream_names_the_line_of_the_query(engine: Engine) -> None:
    """
    A streamed row is loaded at the line that asks for the stream.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <end>
            result = await session.stream_scalars(select(User).order_by(User.id))  # <load>
            user = await anext(aiter(result))
            await result.close()
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_run_sync_names_the_line_inside(engine: Engine) -> None:
    """
    Inside ``run_sync()`` the program's own sync function is the one that runs.
    """

    def load(session: object) -> User:
        return session.get(User, 1)  # type: ignore[attr-defined]  # <load>

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <end>
            user = await session.run_sync(load)
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_read_that_cannot_await_names_the_query(engine: Engine) -> None:
    """
    A relationship read without await names the query that could have loaded it, and the option for it.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:
            user = await session.get(User, 1)  # <the get>
            with pytest.raises((MissingGreenlet, StatementError)):
                _ = user.orders  # <use>

    findings = run(engine, program)
    assert ["implicit-io-in-async: loaded <the get>, used <use>"] == told(findings)
    help = f"options=[selectinload(User.orders)] in the get() at {place_of(__file__, 'the get')}"
    assert [help] == [finding.help for finding in findings]


def test_read_after_commit_names_the_commit(engine: Engine) -> None:
    """
    A column that ``await session.commit()`` expired names that line.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:
            user = await session.get(User, 1)  # <load>
            await session.commit()  # <expire>
            with pytest.raises((MissingGreenlet, StatementError)):
                _ = user.name  # <use>

    story = "implicit-io-in-async: loaded <load>, expired <expire> (commit), used <use>"
    assert [story] == told(run(engine, program))


def test_read_after_rollback_names_the_rollback(engine: Engine) -> None:
    """
    A rollback expires whatever ``expire_on_commit`` says, and is a hazard of its own.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            user = await session.get(User, 1)  # <load>
            await session.rollback()  # <expire>
            with pytest.raises((MissingGreenlet, StatementError)):
                _ = user.name  # <use>

    story = "read-after-rollback: loaded <load>, expired <expire> (rollback), used <use>"
    assert [story] == told(run(engine, program))


def test_change_that_the_block_drops_names_the_block(engine: Engine) -> None:
    """
    A change that is not flushed at the end of ``async with`` is told at that line.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <end>
            user = await session.get(User, 1)  # <load>
            user.name = "changed"  # <change>
            del user

    story = "change-discarded: loaded <load>, changed <change>, detached <end> (close)"
    assert [story] == told(run(engine, program))


def test_rows_that_the_block_leaves_uncommitted_name_the_block(engine: Engine) -> None:
    """
    Rows that are flushed and not committed at the end of ``async with`` are told at that line.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <open>
            session.add(User(id=7, name="new"))  # <make>
            await session.flush()  # <flush>

    story = "never-committed: opened <open>, created <make>, flushed <flush>, closed <open> (close)"
    assert [story] == told(run(engine, program))


async def leave_by_exception(session: AsyncSession) -> None:
    """Change and add rows, flush some of them, and fail."""
    async with session:
        user = await session.get(User, 1)
        session.add(User(id=7, name="new"))
        await session.flush()
        user.name = "changed"
        raise LookupError


def test_exception_that_leaves_the_block_explains_what_is_dropped(engine: Engine) -> None:
    """
    Nothing is told of what an ``async with`` drops because an exception leaves it, in whichever task it closes.
    """

    async def program(engine: AsyncEngine) -> None:
        with pytest.raises(LookupError):
            await leave_by_exception(AsyncSession(engine))

    assert [] == told(run(engine, program))


def test_rollback_in_an_except_block_is_no_loss(engine: Engine) -> None:
    """
    ``await session.rollback()`` in an ``except`` block drops what the exception has spoiled.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:
            user = await session.get(User, 1)
            user.name = "changed"
            try:
                raise LookupError
            except LookupError:
                await session.rollback()

    assert [] == told(run(engine, program))


def test_cancelled_task_is_no_loss(engine: Engine) -> None:
    """
    A task that is cancelled leaves its block by an exception.
    """

    async def work(engine: AsyncEngine, changed: asyncio.Event) -> None:
        async with AsyncSession(engine) as session:
            user = await session.get(User, 1)
            user.name = "changed"
            changed.set()
            await asyncio.Event().wait()

    async def program(engine: AsyncEngine) -> None:
        changed = asyncio.Event()
        task = asyncio.create_task(work(engine, changed))
        await changed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [] == told(run(engine, program))


def test_tasks_do_not_tell_each_others_lines(engine: Engine) -> None:
    """
    Two tasks that close at the same time each name a line of their own.
    """

    async def first(engine: AsyncEngine) -> User:
        async with AsyncSession(engine) as session:  # <end of first>
            return await session.get(User, 1)  # <load of first>

    async def second(engine: AsyncEngine) -> User:
        async with AsyncSession(engine) as session:  # <end of second>
            return await session.get(User, 2)  # <load of second>

    async def program(engine: AsyncEngine) -> None:
        for user in await asyncio.gather(first(engine), second(engine)):
            with pytest.raises(DetachedInstanceError):
                _ = user.orders  # <use>

    story = "lazy-load-after-close: loaded <load of {0}>, detached <end of {0}> (close), used <use>"
    assert [story.format("first"), story.format("second")] == told(run(engine, program))


def test_session_in_two_tasks_names_both_lines(engine: Engine) -> None:
    """
    An AsyncSession used by two branches of ``gather`` at once is told with the line each is at.
    """

    async def load(session: AsyncSession, number: int) -> None:
        await session.scalars(select(User).where(User.id == number))  # <use>

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <open>
            await asyncio.gather(load(session, 1), load(session, 2), return_exceptions=True)

    assert ["session-shared: opened <open>, inside <use>, used <use>"] == told(run(engine, program))
