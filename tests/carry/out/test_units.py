"""A Session for one piece of work, and snapshots for whoever asked."""

from __future__ import annotations

import asyncio
import inspect as python_inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

from tests.carry.out.models import Base, Customer, Order, Tag, fill
from tether.carry.units import unit_of_work
from tether.errors import ReadOnlyError, SnapshotError


@pytest.fixture
def factory(engine: Engine) -> Any:
    """
    What a program has.
    """
    return sessionmaker(engine)


def test_a_function_commits_and_returns_snapshots(factory: Any, engine: Engine) -> None:
    """
    The Session is passed in and is no parameter any more; changes are committed; the row leaves as a snapshot.
    """

    @unit_of_work(factory, include=[Order.items])
    def rename(session: Session, number: int, *, title: str = "new") -> Order:
        """Rename an order."""
        order = session.get(Order, number)
        order.title = title
        return order

    order = rename(1, title="mine")

    assert ("mine", 30, 2) == (order.title, order.total, order.version)
    assert ("rename", "Rename an order.", ["number", "title"]) == (
        rename.__name__, rename.__doc__, list(python_inspect.signature(rename).parameters),
    )  # fmt: skip
    with pytest.raises(ReadOnlyError):
        order.title = "x"
    with Session(engine) as session:
        assert "mine" == session.get(Order, 1).title


def test_an_error_rolls_back(factory: Any, engine: Engine) -> None:
    """
    The error goes on as it is, and nothing is written.
    """

    @unit_of_work(factory)
    def fail(session: Session) -> None:
        session.get(Order, 1).title = "lost"
        session.flush()
        raise LookupError("stop")

    with pytest.raises(LookupError, match="stop"):
        fail()
    with Session(engine) as session:
        assert "order 1" == session.get(Order, 1).title


def test_new_rows_leave_with_what_the_database_gave_them(factory: Any) -> None:
    """
    A pending row is flushed first, so it has its key.
    """

    @unit_of_work(factory)
    def make(session: Session) -> Tag:
        tag = Tag(name="new")
        session.add(tag)
        return tag

    assert (3, "new") == (make().id, make().name)


class Pair(NamedTuple):
    order: Any
    number: int


@dataclass(frozen=True)
class Box:
    held: Any


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    held: Any


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda row: [row], lambda got: got[0]),
        (lambda row: (row, 1), lambda got: got[0]),
        (lambda row: Pair(row, 1), lambda got: got.order),
        (lambda row: {"a": {"b": [row]}}, lambda got: got["a"]["b"][0]),
        (lambda row: {row}, lambda got: next(iter(got))),
        (lambda row: Box([row]), lambda got: got.held[0]),
        (lambda row: Model(held=row), lambda got: got.held),
        (lambda row: row.customer.orders, lambda got: got[0]),
    ],
)
def test_instances_in_containers_leave_as_snapshots(factory: Any, wrap: Any, unwrap: Any) -> None:
    """
    Whatever the row is wrapped in, the caller gets the same wrapping around a snapshot.
    """

    @unit_of_work(factory)
    def read(session: Session) -> Any:
        return wrap(session.get(Order, 1))

    got = read()

    assert "order 1" == unwrap(got).title
    assert "<snapshot of Order(1)>" == repr(unwrap(got))


def test_rows_of_a_result_and_shared_rows(factory: Any) -> None:
    """
    Rows keep the names of their columns; one instance is one snapshot wherever it stands.
    """

    @unit_of_work(factory)
    def read(session: Session) -> Any:
        return session.execute(select(Order, Customer.name, Customer).join(Order.customer)).all()

    first, second = read()

    assert ("order 1", "Ann") == (first.Order.title, first.name)
    assert first.Customer is second.Customer


def test_what_holds_no_instance_is_returned_as_it_is(factory: Any) -> None:
    """
    Nothing is copied for nothing.
    """
    value = {"a": [1, Box("x")]}

    assert unit_of_work(factory)(lambda session: value)() is value


@pytest.mark.parametrize(
    "unread",
    [
        lambda session: session.scalars(select(Order)),
        lambda session: session.execute(select(Order)),
        lambda session: (order for order in session.scalars(select(Order))),
        lambda session: session.query(Order),
    ],
)
def test_what_would_be_read_later_is_refused(factory: Any, unread: Any) -> None:
    """
    A result or generator outlives its Session, so it is named.
    """
    with pytest.raises(SnapshotError, match=r"return the rows, \.all\(\)"):
        unit_of_work(factory)(unread)()


def test_a_generator(factory: Any, engine: Engine) -> None:
    """
    Each value is a snapshot, the Session is open in between, and the commit comes at the end.
    """

    @unit_of_work(factory)
    def each(session: Session) -> Iterator[Order]:
        for order in session.scalars(select(Order).order_by(Order.id)):
            order.title += "!"
            yield order

    assert ["order 1!", "order 2!"] == [order.title for order in each()]
    for _ in each():
        break
    with Session(engine) as session:
        assert "order 1!" == session.get(Order, 1).title


def test_methods_and_other_names(factory: Any) -> None:
    """
    In a method the Session comes after self; without a parameter there is nothing to pass it to.
    """

    class Shop:
        @unit_of_work(factory)
        def find(self, database: Session, number: int) -> Order:
            return database.get(Order, number)

    assert "order 2" == Shop().find(2).title
    with pytest.raises(SnapshotError, match="has no parameter for the Session"):
        unit_of_work(factory)(lambda: None)


def test_a_with_block(factory: Any, engine: Engine) -> None:
    """
    The block commits, or rolls back; one unit can be used inside itself.
    """
    unit = unit_of_work(factory)
    with unit as session:
        session.get(Order, 1).title = "kept"

    def fail() -> None:
        with unit as session:
            session.get(Order, 1).title = "lost"
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with unit as outer, unit as inner:
        assert outer is not inner
    with Session(engine) as session:
        assert "kept" == session.get(Order, 1).title


def test_coroutines_and_asynchronous_generators() -> None:
    """
    With an AsyncSession the same: snapshots, commit, rollback, async with.
    """

    async def program() -> None:
        engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        factory = async_sessionmaker(engine)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with factory() as session:
            await session.run_sync(fill)

        @unit_of_work(factory, include=[Order.items])
        async def rename(session: AsyncSession, title: str) -> list[Order]:
            order = await session.get(Order, 1)
            order.title = title
            return [order]

        @unit_of_work(factory)
        async def each(session: AsyncSession) -> AsyncIterator[Order]:
            for order in await session.scalars(select(Order).order_by(Order.id)):
                yield order

        @unit_of_work(factory)
        async def fail(session: AsyncSession) -> None:
            (await session.get(Order, 1)).title = "lost"
            raise LookupError

        (order,) = await rename("mine")
        assert ("mine", 30) == (order.title, order.total)
        with pytest.raises(LookupError):
            await fail()
        assert ["mine", "order 2"] == [order.title async for order in each()]
        async with unit_of_work(factory) as session:
            (await session.get(Order, 1)).title = "block"
        assert ["block", "order 2"] == [order.title async for order in each()]
        with pytest.raises(SnapshotError, match="async with"), unit_of_work(factory):
            pass
        await engine.dispose()

    asyncio.run(program())


def test_what_is_thrown_into_a_generator_arrives_there(factory: Any, engine: Engine) -> None:
    """
    A generator may catch what its caller throws or sends, and go on; what it does not catch rolls back.
    """
    seen: list[Any] = []

    @unit_of_work(factory)
    def orders(session: Session) -> Generator[Order, Any, str]:
        order = session.get(Order, 1)
        try:
            seen.append((yield order))
            yield order
        except KeyError as error:
            seen.append(error)
        order.title = "caught"
        yield order
        return "end"

    running = orders()
    assert "order 1" == next(running).title
    assert "order 1" == running.send("sent").title
    error = KeyError("thrown")
    assert "caught" == running.throw(error).title
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert ["sent", error, "end"] == [*seen, stop.value.value]
    with Session(engine) as session:
        assert "caught" == session.get(Order, 1).title
    again = orders()
    next(again)
    with pytest.raises(ValueError, match="not caught"):
        again.throw(ValueError("not caught"))


@pytest.mark.parametrize("ending", ["read", "close"])
def test_a_generator_that_is_closed_rolls_back(factory: Any, engine: Engine, ending: str) -> None:
    """
    close() runs the function's own clean-up while the Session is open, and nothing is committed.
    """
    open_then: list[bool] = []

    @unit_of_work(factory)
    def orders(session: Session) -> Iterator[Order]:
        order = session.get(Order, 1)
        order.title = "given up"
        try:
            yield order
        finally:
            open_then.append(session.in_transaction())

    running = orders()
    next(running)
    if ending == "close":
        running.close()
    else:
        assert [] == list(running)

    assert [True] == open_then
    with Session(engine) as session:
        assert ("order 1" if ending == "close" else "given up") == session.get(Order, 1).title


def test_what_is_thrown_into_an_asynchronous_generator_arrives_there() -> None:
    """
    asend(), athrow() and aclose() do with an asynchronous generator what they do without a unit of work.
    """
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    seen: list[Any] = []

    @unit_of_work(async_sessionmaker(engine))
    async def orders(session: AsyncSession) -> AsyncGenerator[Order, Any]:
        order = await session.get(Order, 1)
        try:
            seen.append((yield order))
            yield order
        except KeyError:
            order.title = "caught"
        except GeneratorExit:
            seen.append(session.in_transaction())
            raise
        yield order

    async def main() -> list[str]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            await session.run_sync(fill)
        running = orders()
        titles = [(await anext(running)).title, (await running.asend("sent")).title]
        titles.append((await running.athrow(KeyError())).title)
        async for _ in running:
            raise AssertionError("it has ended")
        given_up = orders()
        await anext(given_up)
        await given_up.aclose()
        async with AsyncSession(engine) as session:
            titles.append((await session.get(Order, 1)).title)
        await engine.dispose()
        return titles

    assert ["order 1", "order 1", "caught", "caught"] == asyncio.run(main())
    assert ["sent", True] == seen
