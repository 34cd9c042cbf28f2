"""Blocks within blocks in async code: whichever ends, its own line is told, or the exception that ended it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import told
from tests.watch.flavours.test_async import run

EXPIRED = (
    "expired-read-after-close: loaded <load>, expired <expire> (commit), detached <end> (close), used <use>"
)
LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"

Body = Callable[[AsyncSession], Awaitable[None]]


@asynccontextmanager
async def unit_of_work(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A context manager as many programs have one."""
    session = AsyncSession(engine)
    try:
        yield session
        await session.commit()  # <expire>
    except Exception:
        await session.rollback()
        raise
    finally:
        await session.close()  # <end>


def test_context_manager_of_the_program(engine: Engine) -> None:
    """
    A commit and a close in the program's own context manager are told there.
    """

    async def program(engine: AsyncEngine) -> None:
        async with unit_of_work(engine) as session:
            user = await session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.name  # <use>

    assert [EXPIRED] == told(run(engine, program))


def test_begin_without_a_session_block(engine: Engine) -> None:
    """
    ``async with session.begin()`` commits at its own line.
    """

    async def program(engine: AsyncEngine) -> None:
        session = AsyncSession(engine)
        async with session.begin():  # <expire>
            user = await session.get(User, 1)  # <load>
        await session.close()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = user.name  # <use>

    assert [EXPIRED] == told(run(engine, program))


def test_exit_stack(engine: Engine) -> None:
    """
    A Session that an AsyncExitStack closes is closed where the stack's block is.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncExitStack() as stack:  # <end>
            session = await stack.enter_async_context(AsyncSession(engine))
            user = await session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_async_generator(engine: Engine) -> None:
    """
    A generator's block ends when the loop over it does, at the generator's line.
    """

    async def users(engine: AsyncEngine) -> AsyncIterator[User]:
        async with AsyncSession(engine) as session:  # <end>
            for number in (1, 2):
                yield await session.get(User, number)  # <load>

    async def program(engine: AsyncEngine) -> None:
        for user in [user async for user in users(engine)]:
            with pytest.raises(DetachedInstanceError):
                _ = user.orders  # <use>

    assert [LAZY] == told(run(engine, program))


def test_sync_session_in_a_worker_thread(engine: Engine) -> None:
    """
    ``asyncio.to_thread()`` runs the program's function in a thread: its lines are told.
    """

    def load() -> User:
        with Session(engine) as session:  # <end>
            return session.get(User, 1)  # <load>

    async def main() -> None:
        user = await asyncio.to_thread(load)
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    with tether.watching() as report:
        asyncio.run(main())

    assert [LAZY] == told(report.findings)


# ------------------------------------------------------------------ ended by an exception


async def change_and(session: AsyncSession, then: Callable[[], Awaitable[None]]) -> None:
    """Change a row, flush a new one, and go on."""
    user = await session.get(User, 1)
    session.add(User(id=7, name="new"))
    await session.flush()
    user.name = "changed"
    await then()


async def fail() -> None:
    """Raise."""
    raise LookupError


async def wait() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


async def in_unit_of_work(engine: AsyncEngine) -> None:
    """Fail inside the program's own context manager."""
    with suppress(LookupError):
        async with unit_of_work(engine) as session:
            await change_and(session, fail)


async def in_finally(engine: AsyncEngine) -> None:
    """Fail, and close in a ``finally``."""

    async def work() -> None:
        session = AsyncSession(engine)
        try:
            await change_and(session, fail)
        finally:
            await session.close()

    with suppress(LookupError):
        await work()


async def in_exit_stack(engine: AsyncEngine) -> None:
    """Fail inside a stack of context managers."""
    with suppress(LookupError):
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(AsyncSession(engine))
            await change_and(session, fail)


async def in_begin(engine: AsyncEngine) -> None:
    """Fail inside ``session.begin()``."""
    with suppress(LookupError):
        async with AsyncSession(engine) as session, session.begin():
            await change_and(session, fail)


async def in_savepoint(engine: AsyncEngine) -> None:
    """Fail inside a savepoint, and commit what is around it."""
    async with AsyncSession(engine) as session:
        with suppress(LookupError):
            async with session.begin_nested():
                await change_and(session, fail)
        await session.commit()


async def in_task_group(engine: AsyncEngine) -> None:
    """Be cancelled because a sibling fails."""

    async def work() -> None:
        async with AsyncSession(engine) as session:
            await change_and(session, changed_then_wait)

    changed = asyncio.Event()

    async def changed_then_wait() -> None:
        changed.set()
        await wait()

    async def sibling() -> None:
        await changed.wait()
        raise LookupError

    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            group.create_task(sibling())


ENDED = [in_unit_of_work, in_finally, in_exit_stack, in_begin, in_savepoint, in_task_group]


@pytest.mark.parametrize("program", ENDED)
def test_what_an_exception_drops_is_no_finding(
    engine: Engine, program: Callable[[AsyncEngine], Awaitable[None]]
) -> None:
    """
    Whichever block an exception ends, and in whichever task it closes, the exception explains what is dropped.
    """
    assert [] == told(run(engine, program))


def test_exception_that_is_over_explains_nothing(engine: Engine) -> None:
    """
    A change made after an exception was handled is lost without one.
    """

    async def program(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session:  # <end>
            user = await session.get(User, 1)  # <load>
            with suppress(LookupError):
                await fail()
            user.name = "changed"  # <change>
            del user

    story = "change-discarded: loaded <load>, changed <change>, detached <end> (close)"
    assert [story] == told(run(engine, program))
