"""A program that carries rows. Type checkers read it (`make types`): they see the model's attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_type

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from tether.carry.detaching import detach
from tether.carry.documents import dumps
from tether.carry.drafts import edit, is_changed, new
from tether.carry.patching import patch
from tether.carry.reading_documents import loads
from tether.carry.snapshots import snapshot
from tether.carry.thawing import thaw
from tether.carry.units import unit_of_work


class Base(DeclarativeBase):
    """The program's own."""


class Order(Base):
    """A row."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


factory = sessionmaker()
async_factory = async_sessionmaker()


def out(session: Session) -> bytes:
    """A snapshot and a draft of it have the attributes of the class."""
    order = session.get_one(Order, 1)
    taken = snapshot(order, include=[Order.title])
    assert_type(taken, Order)
    assert_type(taken.title, str)
    assert_type(snapshot([order]), list[Order])
    assert_type(detach(order), Order)
    draft = edit(taken)
    assert_type(draft, Order)
    assert_type(new(draft, Order, title="x"), Order)
    assert_type(patch(draft, {"title": "y"}, allow=[Order.title]), Order)
    assert_type(is_changed(draft), bool)
    assert_type(thaw(draft), Order)
    return dumps(draft, format="msgpack")


def at_a_prompt(session: Session) -> None:
    """What a row can do beyond its class exists as functions: to a type checker a snapshot is an Order, and has none of
    these methods. A checker that learns of them says here that nothing is to be ignored.
    """
    taken = snapshot(session.get_one(Order, 1))
    taken.edit()  # type: ignore[attr-defined]
    draft = edit(taken)
    draft.new(Order, title="x")  # type: ignore[attr-defined]
    print(draft.changes, draft.is_changed)  # type: ignore[attr-defined]


def back(data: bytes) -> str:
    """What comes in is of any class of the registry, so the program says which it expects."""
    order: Order = loads(data, Base)
    return order.title


@unit_of_work(factory)
def find(session: Session, number: int) -> Order:
    """The parameter for the Session is gone outside."""
    return session.get_one(Order, number)


@unit_of_work(factory)
def each(session: Session) -> Iterator[Order]:
    """A generator stays one."""
    yield session.get_one(Order, 1)


@unit_of_work(async_factory)
async def find_soon(session: AsyncSession, number: int) -> Order:
    """A coroutine stays one."""
    return await session.get_one(Order, number)


async def use() -> list[str]:
    """The callers see what the functions return."""
    assert_type(find(1), Order)
    assert_type(await find_soon(number=1), Order)
    with unit_of_work(factory) as session:
        assert_type(session, Session)
    return [order.title for order in each()]
