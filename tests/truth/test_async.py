"""What leaves an attribute unloaded in async code, where the next read raises (expire_on_commit=False)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import ForeignKey, create_engine, func, inspect, select, update
from sqlalchemy.exc import InvalidRequestError, MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool

# A refused statement leaves a coroutine of aiosqlite behind (SQLAlchemy 2.1).
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Connection.cursor' was never awaited")

VERSION = tuple(int(part) for part in sqlalchemy.__version__.split(".")[:3] if part.isdigit())


class Base(DeclarativeBase):
    """Base of the models."""


class User(Base):
    """A row with a column the database computes on each update."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    changed: Mapped[str | None] = mapped_column(onupdate=func.current_timestamp())
    orders: Mapped[list[Order]] = relationship(back_populates="user")


class Order(Base):
    """A child."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User | None] = relationship(back_populates="orders")


@pytest.fixture(autouse=True)
def _coroutines_are_collected() -> Iterator[None]:
    """Collect what a test leaves behind before the next test, which would be blamed."""
    yield
    gc.collect()


Body = Callable[[AsyncSession], Awaitable[None]]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """
    The path of a database with two users and an order.
    """
    path = str(tmp_path / "truth.db")
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([User(id=1, name="ann", orders=[Order(id=7)]), User(id=2, name="bob")])
    engine.dispose()
    return path


def run(database: str, body: Body) -> None:
    """Run *body* with an AsyncSession that does not expire on commit."""

    async def main() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{database}", poolclass=NullPool)
        async with AsyncSession(engine, expire_on_commit=False) as session:
            await body(session)

    asyncio.run(main())


def unloaded(instance: object) -> set[str]:
    """Return the names of the attributes that hold no value."""
    return set(inspect(instance).unloaded)


ALL = {"id", "name", "changed", "orders"}
WITH_ORDERS = [selectinload(User.orders)]


def test_rollback_unloads_everything(database: str) -> None:
    """
    rollback() leaves everything unloaded, the primary key included, and to read it raises MissingGreenlet.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1, options=WITH_ORDERS)
        await session.rollback()

        assert ALL == unloaded(user)
        with pytest.raises(MissingGreenlet):
            user.id  # noqa: B018

    run(database, body)


def test_savepoint_rollback_unloads_what_was_changed_in_it(database: str) -> None:
    """
    The rollback of a savepoint unloads the instances that were changed in it, and no other.
    """

    async def body(session: AsyncSession) -> None:
        changed = await session.get(User, 1, options=WITH_ORDERS)
        other = await session.get(User, 2, options=WITH_ORDERS)
        savepoint = await session.begin_nested()
        changed.name = "Ada"
        await session.flush()
        await savepoint.rollback()

        assert (ALL, set()) == (unloaded(changed), unloaded(other))

    run(database, body)


@pytest.mark.parametrize("end", ["flush", "commit"])
def test_flush_unloads_the_onupdate_column(database: str, end: str) -> None:
    """
    After the flush of a changed row, its column with onupdate is unloaded, also if a commit follows.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1, options=WITH_ORDERS)
        user.name = "Ada"
        await getattr(session, end)()

        assert {"changed"} == unloaded(user)

    run(database, body)


def test_orm_update_unloads_the_onupdate_column(database: str) -> None:
    """
    An update(User) that touches the row unloads the onupdate column since SQLAlchemy 2.0.36; before, nothing.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1, options=WITH_ORDERS)
        await session.execute(update(User).where(User.id == 1).values(name="Ada"))

        assert "Ada" == user.name
        assert ({"changed"} if VERSION >= (2, 0, 36) else set()) == unloaded(user)

    run(database, body)


def test_refresh_keeps_relationships_of_the_first_query(database: str) -> None:
    """
    refresh() reloads a relationship that the options of the row's first query had loaded.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1, options=WITH_ORDERS)
        await session.refresh(user)

        assert set() == unloaded(user)

    run(database, body)


def test_refresh_drops_a_relationship_loaded_by_name(database: str) -> None:
    """
    refresh() unloads a relationship that refresh(user, names) had loaded.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1)
        await session.refresh(user, ["orders"])
        assert set() == unloaded(user)
        await session.refresh(user)

        assert {"orders"} == unloaded(user)

    run(database, body)


def test_refresh_drops_a_relationship_loaded_by_a_second_query(database: str) -> None:
    """
    refresh() unloads a relationship that the options of a second query had loaded.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1)
        (await session.scalars(select(User).options(*WITH_ORDERS))).all()
        assert set() == unloaded(user)
        await session.refresh(user)

        assert {"orders"} == unloaded(user)

    run(database, body)


def test_refresh_drops_a_relationship_that_was_assigned(database: str) -> None:
    """
    refresh() unloads a relationship that was assigned.
    """

    async def body(session: AsyncSession) -> None:
        order = Order(user=await session.get(User, 2))
        session.add(order)
        await session.flush()
        assert set() == unloaded(order)
        await session.refresh(order)

        assert {"user"} == unloaded(order)

    run(database, body)


def test_populate_existing_drops_relationships_it_does_not_load(database: str) -> None:
    """
    A query with populate_existing unloads every relationship that its own options do not name.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1, options=WITH_ORDERS)
        await session.execute(select(User).execution_options(populate_existing=True))

        assert {"orders"} == unloaded(user)

    run(database, body)


def test_merge_result_holds_the_relationships_of_its_argument(database: str) -> None:
    """
    The result of merge() has the relationships loaded that its argument had, and no other.
    """

    async def body(session: AsyncSession) -> None:
        bare = await session.get(User, 2)
        full = await session.get(User, 1, options=WITH_ORDERS)
        session.expunge_all()
        merged_bare, merged_full = await session.merge(bare), await session.merge(full)

        assert ({"orders"}, set()) == (unloaded(merged_bare), unloaded(merged_full))

    run(database, body)


def test_close_unloads_nothing(database: str) -> None:
    """
    close() leaves what is loaded; what is not loaded raises DetachedInstanceError from then on.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1)
        await session.close()

        assert ({"orders"}, "ann") == (unloaded(user), user.name)
        with pytest.raises(DetachedInstanceError):
            user.orders  # noqa: B018

    run(database, body)


def test_lazy_load_raises(database: str) -> None:
    """
    A relationship that is not loaded raises; under SQLAlchemy 2.1 and aiosqlite the error is wrapped.
    """

    async def body(session: AsyncSession) -> None:
        user = await session.get(User, 1)
        with pytest.raises((MissingGreenlet, StatementError)) as raised:
            user.orders  # noqa: B018

        error = raised.value
        assert (VERSION >= (2, 1)) == (type(error) is StatementError)
        assert isinstance(getattr(error, "orig", None) or error, MissingGreenlet)

    run(database, body)


def test_new_row_has_no_collection_after_its_flush(database: str) -> None:
    """
    After its INSERT a new row's collection, unless it was set, must be loaded as well.
    """

    async def body(session: AsyncSession) -> None:
        never_set, was_set = User(name="bob"), User(name="cat", orders=[])
        session.add_all([never_set, was_set])
        await session.flush()

        assert "orders" in unloaded(never_set)
        assert "orders" not in unloaded(was_set)

    run(database, body)


def test_overlap_while_connecting_is_refused(database: str) -> None:
    """
    Two statements at once on an AsyncSession that has no connection yet: SQLAlchemy refuses the second.
    """

    async def body(session: AsyncSession) -> None:
        reads = [session.get(User, 1), session.get(User, 2)]
        first, second = await asyncio.gather(*reads, return_exceptions=True)

        assert isinstance(first, User)
        assert isinstance(second, InvalidRequestError)

    run(database, body)


def test_overlap_on_a_connection_passes_unnoticed(database: str) -> None:
    """
    Once it is connected, two statements at once pass without an error on SQLite.
    """

    async def body(session: AsyncSession) -> None:
        await session.connection()
        one, two = await asyncio.gather(session.get(User, 1), session.get(User, 2))

        assert one is not None
        assert two is not None
        assert ("ann", "bob") == (one.name, two.name)

    run(database, body)
