"""AsyncSession, its factories and results, run on aiosqlite: what they do to instances is what the table says."""

from __future__ import annotations

import asyncio
import inspect as python_inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
import pytest
import sqlalchemy.ext.asyncio
from sqlalchemy import inspect, select
from sqlalchemy.exc import InvalidRequestError, NoResultFound
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_object_session,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import close_all_sessions
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from tests.lifecycle.calls import KEYS, SELECTED, Scene, scenes
from tests.lifecycle.checking import VERSION, fits, rows_here, which
from tests.lifecycle.conftest import Databases
from tests.lifecycle.evaluate import Call
from tests.lifecycle.test_queries import GIVEN, ONE
from tests.lifecycle.test_session import NO_ROW, arguments_of, call_of, refused
from tests.lifecycle.test_transactions import INSIDE, LeftByError, work_inside
from tests.lifecycle.world import PRIMARY_KEY, Thing, look_at_all, populate
from tether.lifecycle.rows import Row

pytestmark = pytest.mark.filterwarnings(
    "ignore::sqlalchemy.exc.SAWarning", "ignore::sqlalchemy.exc.SADeprecationWarning"
)
HERE = rows_here()
ASYNC = "sqlalchemy.ext.asyncio."
SESSION, SCOPED = f"{ASYNC}AsyncSession.", f"{ASYNC}async_scoped_session."
MADE_BY_HAND = ("__call__", "remove", "configure")
MEMBERS = {
    name: row
    for name, row in HERE.items()
    if name.startswith((SESSION, SCOPED))
    and row.role == "call"
    and "()" not in name
    and not name.endswith(MADE_BY_HAND)
}


@asynccontextmanager
async def opened(databases: Databases) -> AsyncIterator[AsyncEngine]:
    """Give an AsyncEngine on a fresh database."""
    databases.fresh()
    address = databases.address
    engine = create_async_engine(
        "sqlite+aiosqlite://", async_creator=lambda: aiosqlite.connect(address, uri=True), poolclass=NullPool
    )
    try:
        yield engine
    finally:
        await greenlet_spawn(close_all_sessions)
        await engine.dispose()


async def finished(row: Row, value: Any) -> tuple[Any, bool]:
    """Return what *value* is, awaited if it can be, and whether the row said so."""
    awaited = bool(row.returns and row.returns.awaited)
    if python_inspect.isawaitable(value) and awaited:
        return await value, True
    return value, not awaited


async def play(name: str, row: Row, scene: Scene, databases: Databases) -> Any:
    """Run one scene; return what was not as the row says."""
    async with opened(databases) as engine:
        settings = {one: one in scene.settings for one in ("expire_on_commit", "autoflush")}
        session = AsyncSession(engine, **settings)
        world = await session.run_sync(populate)
        before = look_at_all(world, session.sync_session)
        receiver: Any = session
        if name.startswith(SCOPED):
            receiver = async_scoped_session(async_sessionmaker(), scopefunc=asyncio.current_task)
            receiver.registry.set(session)
        member, call = name.rpartition(".")[2], call_of(row, scene, before)
        try:
            value, as_said = getattr(receiver, member), True
            if not row.attribute and callable(value):
                value, as_said = await finished(row, value(*arguments_of(scene, world), **scene.named))
            fitting = as_said and fits(row.returns, value, receiver, session.sync_session)
        except NoResultFound:
            fitting = member == "get_one"
        except InvalidRequestError:
            fitting = refused(row, scene, before)
        problem = which(before, row.effects, call, look_at_all(world, session.sync_session))[1]
        await session.close()
        if refused(row, scene, before):
            return "" if fitting else "it did not raise"
        return problem if fitting else f"it returned {value!r}"


@pytest.mark.parametrize("name", MEMBERS)
def test_member(name: str, databases: Databases) -> None:
    """
    What a member of AsyncSession or async_scoped_session does and returns, awaited or not, is what its row says.
    """
    row, member = MEMBERS[name], name.rpartition(".")[2]

    async def main() -> dict[str, Any]:
        played = [
            scene for scene in scenes(member, row) if scene.common and (member, scene.instance) not in NO_ROW
        ]
        return {str(scene): await play(name, row, scene, databases) for scene in played}

    assert [] == [(scene, problem) for scene, problem in asyncio.run(main()).items() if problem]


Manager = tuple[Any, Callable[[Any], AsyncSession]]


def own(engine: AsyncEngine, **settings: bool) -> Manager:
    """AsyncSession itself."""
    return AsyncSession(engine, **settings), lambda value: value


def begun(engine: AsyncEngine, **settings: bool) -> Manager:
    """AsyncSession.begin()."""
    session = AsyncSession(engine, **settings)
    return session.begin(), lambda value: session


def of_factory(engine: AsyncEngine, **settings: bool) -> Manager:
    """async_sessionmaker.begin()."""
    return async_sessionmaker(engine, **settings).begin(), lambda value: value


def scoped(engine: AsyncEngine, **settings: bool) -> Manager:
    """async_scoped_session.begin()."""
    registry = async_scoped_session(async_sessionmaker(engine, **settings), scopefunc=asyncio.current_task)
    return registry.begin(), lambda value: registry()


MANAGERS: dict[str, Callable[..., Manager]] = {
    f"{SESSION}__aenter__": own,
    f"{SESSION}begin": begun,
    f"{ASYNC}async_sessionmaker.begin": of_factory,
    f"{SCOPED}begin": scoped,
}


@pytest.mark.parametrize("by_error", [False, True])
@pytest.mark.parametrize("expires", [True, False])
@pytest.mark.parametrize("name", MANAGERS)
def test_manager(name: str, expires: bool, by_error: bool, databases: Databases) -> None:
    """
    Leaving an async with block, normally or by an exception, does to each instance what the row says.
    """
    row = HERE[name]

    async def main() -> tuple[bool, Any]:
        async with opened(databases) as engine:
            manager, session_of = MANAGERS[name](engine, expire_on_commit=expires)
            try:
                async with manager as value:
                    session = session_of(value)
                    fitting = fits(row.returns, value, value, session.sync_session)
                    world = await session.run_sync(populate)
                    before = look_at_all(world, session.sync_session)
                    if by_error:
                        raise LeftByError
            except LeftByError:
                assert by_error
            call = Call(settings={"autoflush", "expire_on_commit"} if expires else {"autoflush"})
            effects = row.failing if by_error else row.leaving
            problem = which(before, effects, call, look_at_all(world, session.sync_session))[1]
            await session.close()
            return fitting, problem

    assert (True, {}) == asyncio.run(main())


@pytest.mark.parametrize("end", ["leaving", "failing", "commit", "rollback"])
@pytest.mark.parametrize("name", [f"{SESSION}begin_nested", f"{SCOPED}begin_nested"])
def test_savepoint(name: str, end: str, databases: Databases) -> None:
    """
    begin_nested() of an AsyncSession, left or ended by hand, does to each instance what the row says.
    """

    async def main() -> tuple[Any, Any]:
        async with opened(databases) as engine:
            registry = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)
            session = registry()
            world = await session.run_sync(populate)
            first = look_at_all(world, session.sync_session)
            begin = (registry if name.startswith(SCOPED) else session).begin_nested
            effects = getattr(HERE[name], end, ())
            try:
                async with begin() as savepoint:
                    row = HERE[name]
                    entering = which(first, row.effects, Call(), look_at_all(world, session.sync_session))[1]
                    await session.run_sync(work_inside, world)
                    before = look_at_all(world, session.sync_session)
                    if end in ("commit", "rollback"):
                        await getattr(savepoint, end)()
                        effects = HERE[f"{SESSION}begin_nested().{end}"].effects
                    if end == "failing":
                        raise LeftByError
            except LeftByError:
                assert end == "failing"
            problem = which(before, effects, INSIDE, look_at_all(world, session.sync_session))[1]
            await session.close()
            return entering, problem

    assert ({}, {}) == asyncio.run(main())


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_transaction(end: str, databases: Databases) -> None:
    """
    commit() and rollback() of what AsyncSession.begin() gives do what their rows say.
    """
    row = HERE[f"{ASYNC}AsyncSessionTransaction.{end}"]

    async def main() -> Any:
        async with opened(databases) as engine:
            session = AsyncSession(engine)
            transaction = await session.begin()
            world = await session.run_sync(populate)
            before = look_at_all(world, session.sync_session)
            await getattr(transaction, end)()
            call = Call(settings={"expire_on_commit"})
            problem = which(before, row.effects, call, look_at_all(world, session.sync_session))[1]
            await session.close()
            return problem

    assert {} == asyncio.run(main())


def test_no_autoflush(databases: Databases) -> None:
    """
    no_autoflush of an AsyncSession and of async_scoped_session is a plain context manager that touches nothing.
    """

    async def main() -> bool:
        async with opened(databases) as engine:
            registry = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)
            session = registry()
            world = await session.run_sync(populate)
            before = look_at_all(world, session.sync_session)
            with session.no_autoflush, registry.no_autoflush:
                await session.execute(select(Thing.id))
            same = before == look_at_all(world, session.sync_session)
            await session.close()
            return same

    assert asyncio.run(main())


RESULT = {
    name: row
    for name, row in HERE.items()
    if name.startswith((f"{ASYNC}AsyncResult.", f"{ASYNC}AsyncScalarResult."))
}


@pytest.mark.parametrize("name", RESULT)
def test_result(name: str, databases: Databases) -> None:
    """
    A member of AsyncResult or AsyncScalarResult loads what its row says when it is awaited, and gives it.
    """
    row, (*_, kind, member) = RESULT[name], name.split(".")
    keys = [PRIMARY_KEY["expired"]] if member in ONE else KEYS

    async def main() -> tuple[bool, Any]:
        async with opened(databases) as engine, AsyncSession(engine) as session:
            world = await session.run_sync(populate)
            result: Any = await session.stream(select(Thing).where(Thing.id.in_(keys)).order_by(Thing.id))
            receiver = result if kind == "AsyncResult" else result.scalars()
            before = look_at_all(world, session.sync_session)
            given = {"yield_per": (10,), "columns": (0,)}.get(member, GIVEN.get(member, ()))
            try:
                value, as_said = await finished(row, getattr(receiver, member)(*given))
            except AttributeError:
                if VERSION >= (2, 0, 58) or not member.startswith("scalar"):
                    raise
                pytest.skip("AsyncResult.scalar() of this SQLAlchemy raises AttributeError")
            if member == "__aiter__":
                value = [one async for one in value]
            # a stream fetches no more rows than it is asked for
            found = ["expired"] if member in ONE else SELECTED[:2] if member == "fetchmany" else SELECTED
            fitting = as_said and fits(row.returns, value, receiver, session.sync_session)
            after = look_at_all(world, session.sync_session)
            return fitting, which(before, row.effects, Call(result=found), after)[1]

    assert (True, {}) == asyncio.run(main())


def test_awaitable_attributes(databases: Databases) -> None:
    """
    Awaiting an attribute of awaitable_attrs loads that attribute, and what is expired with it.
    """
    row = HERE[f"{ASYNC}AsyncAttrs.awaitable_attrs"]

    async def main() -> tuple[bool, Any]:
        async with opened(databases) as engine, AsyncSession(engine, autoflush=False) as session:
            world = await session.run_sync(populate)
            before = look_at_all(world, session.sync_session)
            _, as_said = await finished(row, world["clean"].awaitable_attrs.shop)
            call = Call(given={"self": "clean", "name": ["shop"]})
            return as_said, which(before, row.effects, call, look_at_all(world, session.sync_session))[1]

    assert (True, {}) == asyncio.run(main())


def test_factories(databases: Databases) -> None:
    """
    AsyncSession, async_sessionmaker, async_scoped_session and async_object_session give what their rows say.
    """

    async def main() -> list[str]:
        async with opened(databases) as engine:
            factory = async_sessionmaker(engine)
            registry = async_scoped_session(factory, scopefunc=asyncio.current_task)
            session = registry()
            user = await session.get(Thing, PRIMARY_KEY["clean"])
            made = {
                f"{ASYNC}AsyncSession": AsyncSession(engine),
                f"{ASYNC}async_sessionmaker": factory,
                f"{ASYNC}async_sessionmaker.__call__": factory(),
                f"{ASYNC}async_sessionmaker.configure": factory.configure(),
                f"{ASYNC}async_scoped_session": registry,
                f"{ASYNC}async_scoped_session.__call__": session,
                f"{ASYNC}async_object_session": async_object_session(user),
            }
            wrong = [
                name for name, value in made.items() if not fits(HERE[name].returns, value, None, session)
            ]
            await registry.remove()
            return wrong + ([] if registry() is not session and inspect(user).detached else ["remove"])

    assert [] == asyncio.run(main())


ENDS: dict[str, Callable[[Any], Awaitable[None]]] = {
    f"{SCOPED}remove": lambda registry: registry.remove(),
    f"{ASYNC}close_all_sessions": lambda registry: sqlalchemy.ext.asyncio.close_all_sessions(),
}


@pytest.mark.parametrize("name", [name for name in ENDS if name in HERE])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_end_of_a_scope(name: str, databases: Databases) -> None:
    """
    remove() closes the ambient AsyncSession; close_all_sessions() closes every one.
    """

    async def main() -> Any:
        async with opened(databases) as engine:
            registry = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)
            session = registry()
            world = await session.run_sync(populate)
            before = look_at_all(world, session.sync_session)
            await ENDS[name](registry)
            return which(before, HERE[name].effects, Call(), look_at_all(world, session.sync_session))[1]

    assert {} == asyncio.run(main())


EXECUTED = {
    *MEMBERS,
    *MANAGERS,
    *RESULT,
    *ENDS,
    *(f"{prefix}{name}" for prefix in (SESSION, SCOPED) for name in ("begin_nested", "no_autoflush")),
    *(f"{SESSION}begin_nested().{end}" for end in ("commit", "rollback")),
    *(f"{ASYNC}AsyncSessionTransaction.{end}" for end in ("commit", "rollback")),
    *(f"{ASYNC}{name}" for name in ("AsyncSession", "async_sessionmaker", "async_scoped_session")),
    *(f"{ASYNC}async_sessionmaker.{name}" for name in ("__call__", "configure")),
    f"{SCOPED}__call__",
    f"{ASYNC}async_object_session",
    f"{ASYNC}AsyncAttrs.awaitable_attrs",
}
