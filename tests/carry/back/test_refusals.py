"""attach() of what cannot be brought back: one clear sentence, and nothing half done in the Session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, selectinload

import tether
from tests.carry.back.conftest import fill
from tests.carry.back.models import Customer, Item, Order, statements
from tests.carry.back.people import order_with, row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError
from tether.carry.plan import plan
from tether.carry.rebase import rebase


class OtherBase(DeclarativeBase):
    pass


class Stranger(OtherBase):
    __tablename__ = "strangers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def changed(engine: Engine) -> Order:
    """Return a copy with a change."""
    order = taken(engine, Order, 1)
    order.status = "mine"
    return order


@pytest.mark.skipif(
    "close_resets_only" not in signature(Session.__init__).parameters, reason="SQLAlchemy 2.0.22 has it"
)
def test_closed_session(shop: Engine) -> None:
    """
    A Session that closes for good refuses in SQLAlchemy's own words; nothing was read.
    """
    order = changed(shop)
    session = Session(shop, close_resets_only=False)
    session.close()

    with statements(shop) as seen:
        for verb in (attach, plan):
            with pytest.raises(InvalidRequestError, match="has been permanently closed"):
                verb(session, order)

    assert ([], []) == (seen, list(session))


def test_session_that_was_closed_and_begins_anew(shop: Engine) -> None:
    """
    Any other Session begins a new transaction after close(), and takes the rows.
    """
    session = Session(shop)
    session.close()

    with session:
        assert "mine" == attach(session, changed(shop)).status


@pytest.mark.parametrize("server", ["postgresql", "sqlite"])
def test_transaction_that_failed(server: str, request: pytest.FixtureRequest) -> None:
    """
    After a flush that failed the Session must be rolled back first: SQLAlchemy says so, and nothing is touched.
    """
    engine = (
        request.getfixturevalue("sqlite_engine")
        if server == "sqlite"
        else create_engine(request.getfixturevalue(f"{server}_url"))
    )
    fill(engine)
    order = changed(engine)

    with Session(engine) as session:
        transaction = session.begin()
        session.add(Order(id=1, status="again"))
        with pytest.raises(IntegrityError):
            session.flush()
        with pytest.raises(PendingRollbackError, match="rolled back"):
            attach(session, order)
        assert [] == list(session)
        transaction.rollback()

    with Session(engine) as session:
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT nothing FROM orders"))
        if server == "postgresql":
            with pytest.raises(DBAPIError, match="current transaction is aborted"):
                attach(session, order)
            assert [] == list(session)
        session.rollback()
        assert "mine" == attach(session, order).status
    engine.dispose()


def test_instance_of_another_registry(shop: Engine) -> None:
    """
    An instance whose table this database does not have is refused by the database; the Session is as it was.
    """
    stranger = Stranger(id=1, name="x")
    with Session(create_engine("sqlite://")) as elsewhere:
        OtherBase.metadata.create_all(elsewhere.get_bind())
        elsewhere.add(stranger)
        elsewhere.commit()
        assert "x" == stranger.name
        elsewhere.expunge_all()
    stranger.name = "mine"

    with Session(shop) as session:
        with pytest.raises(Exception, match="no such table: strangers"):
            attach(session, stranger)
        assert ([], []) == (list(session), list(session.new))


def test_instance_of_another_session(shop: Engine) -> None:
    """
    An instance that lives in another Session is brought back like a detached one; there it stays as it is.
    """
    with Session(shop) as other, Session(shop) as session:
        order = other.get(Order, 1)
        order.status = "mine"
        persistent = attach(session, order)
        assert ("mine", True) == (persistent.status, persistent is not order)
        assert [order] == list(other.dirty)


def test_pending_below(shop: Engine) -> None:
    """
    A pending child of another Session is a new row, as a transient one is.
    """
    order = order_with(shop, Order.items)
    item = Item(label="new")
    with Session(shop) as other:
        other.add(item)
        order.items.append(item)
        other.expunge(item)

    with Session(shop) as session:
        assert ["a", "b", "new"] == [one.label for one in attach(session, order).items]


def test_without_key_values(shop: Engine) -> None:
    """
    An instance without primary key values has no row, and the word for that is said.
    """
    with Session(shop) as session:
        for verb in (attach, plan):
            with pytest.raises(
                ValueError, match=r"this Order is transient: it has no row yet. Use session.add"
            ):
                verb(session, Order(status="x"))
        with pytest.raises(ValueError, match=r"this Order is (in no Session|transient: it has no row yet)"):
            rebase(Order(status="x"))


class FunctionError(Exception):
    """What a conflict function raises."""


def raises(_: Conflict) -> Any:
    raise FunctionError("no idea")


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (raises, FunctionError, "no idea"),
        (lambda _: [], TypeError, r"on_conflict returned a list for Order\.status, which holds str"),
        (3, TypeError, r'on_conflict= takes "raise", "mine", "theirs" or a function, not 3'),
        ("ours", TypeError, r'on_conflict= takes "raise", "mine", "theirs" or a function, not \'ours\''),
        ({"status": "ours"}, TypeError, "not 'ours'"),
        (
            {"nothing": "mine"},
            TypeError,
            "^on_conflict: none of the mapped classes has a mapped attribute `nothing`$",
        ),
        ({"statos": "mine"}, TypeError, "`statos`; did you mean `status`"),
        ({"status, nothing": "mine"}, TypeError, "attribute `nothing`"),
        (
            {Order: "mine"},
            TypeError,
            r"Order'> is no attribute of a mapped class, such as Order.status or 'status'",
        ),
        ({7: "mine"}, TypeError, "on_conflict: 7 is no attribute of a mapped class"),
    ],
)
def test_conflict_function(shop: Engine, function: Any, error: type[Exception], words: str) -> None:
    """
    A conflict function that raises, or gives what the column cannot hold, leaves nothing behind.
    """
    order = changed(shop)
    theirs(shop, Order, 1, status="theirs")

    with Session(shop) as session:
        here = session.get(Order, 2)
        for verb in (attach, plan):
            with pytest.raises(error, match=words):
                verb(session, order, on_conflict=function)
            assert ([here], [], []) == (list(session), list(session.new), list(session.dirty))
        session.rollback()

    assert ("theirs",) == row(shop, Order, 1, "status")


def deleted(engine: Engine) -> Any:
    """Return a changed copy of a row that is gone."""
    order = taken(engine, Order, 2)
    order.status = "mine"
    with Session(engine) as session, session.begin():
        session.delete(session.get(Order, 2))
    return order


def referring(engine: Engine) -> Any:
    """Return a copy whose relationship both changed."""
    order = taken(engine, Order, 1, selectinload(Order.customer))
    order.customer = taken(engine, Customer, 2)
    theirs(engine, Order, 1, customer_id=None)
    return order


def removed(engine: Engine) -> Any:
    """Return a copy from which I removed a child that they changed."""
    order = order_with(engine, Order.items)
    del order.items[0]
    theirs(engine, Item, 1, label="theirs")
    return order


@pytest.mark.parametrize(
    ("conflict", "words"),
    [
        (
            deleted,
            r"on_conflict returned 7 for Order \(row deleted\): return conflict.mine or conflict.theirs",
        ),
        (referring, r"on_conflict returned 7 for `customer` of Order \(changed\): return conflict.mine or"),
        (
            removed,
            r"on_conflict returned 7 for Item \(removed here, changed there\): return conflict.mine or",
        ),
    ],
)
def test_answer_that_is_no_side(shop: Engine, conflict: Callable[[Engine], Any], words: str) -> None:
    """
    Where only one side or the other can be taken, another answer is refused, and not dropped.
    """
    copy = conflict(shop)

    with Session(shop) as session:
        with pytest.raises(TypeError, match=words):
            attach(session, copy, on_conflict=lambda _: 7)
        assert ([], []) == (list(session), list(session.new))


def test_asyncpg(postgresql_url: URL) -> None:
    """
    The same on asyncpg: attach(), a conflict with nothing left behind, and plan().apply().
    """
    engine = create_engine(postgresql_url)
    fill(engine)
    first, second, third = changed(engine), changed(engine), taken(engine, Order, 1)
    second.status, third.note = "second", "third"

    async def main() -> list[Any]:
        other = create_async_engine(postgresql_url.set(drivername="postgresql+asyncpg"))
        async with AsyncSession(other) as session, session.begin():
            await tether.aio.attach(session, first)
        async with AsyncSession(other) as session:
            with pytest.raises(ConflictError) as raised:
                await tether.aio.attach(session, second)
            assert [] == list(session.sync_session)
            await session.rollback()
            found = await tether.aio.plan(session, third)
            await found.apply()
            await session.commit()
        await other.dispose()
        return raised.value.conflicts

    conflicts = asyncio.run(main())

    assert [("status", "new", "second", "mine")] == [
        (c.attribute, c.base, c.mine, c.theirs) for c in conflicts
    ]
    assert ("mine", "third") == row(engine, Order, 1, "status", "note")
    engine.dispose()
