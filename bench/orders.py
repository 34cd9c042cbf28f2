"""The shop that carrying is measured on: orders of 13 columns, 3 items each, customers who are shared.

The models are those of the study that set the targets: integers, text, an enum, decimals, dates, a boolean, a
float, JSON, and one kilobyte of text in each order.
"""

from __future__ import annotations

import enum
import random
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

from sqlalchemy import JSON, Engine, ForeignKey, Numeric, String, Text, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

CUSTOMERS = 500
START = datetime(2024, 1, 1, 12)  # noqa: DTZ001  # a column without a time zone
LETTERS = "abcdefghij klmnopéqrstuvwxyz"


class Status(enum.Enum):
    """How far an order is."""

    NEW = "new"
    PAID = "paid"
    SHIPPED = "shipped"


def mixins() -> tuple[type, ...]:
    """Return the mixin that sqlalchemy-serializer needs in a model's bases; nothing where it is not installed."""
    try:
        return (import_module("sqlalchemy_serializer").SerializerMixin,)
    except ImportError:
        return ()


class Base(*mixins(), DeclarativeBase):  # type: ignore[misc]
    """Base of the models."""


class Customer(Base):
    """Shared by many orders."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200))
    tier: Mapped[Status]
    created_at: Mapped[datetime]


class Order(Base):
    """The row that is asked for."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    number: Mapped[str] = mapped_column(String(30))
    status: Mapped[Status]
    total: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    paid: Mapped[bool]
    weight: Mapped[float]
    meta: Mapped[dict[str, Any]] = mapped_column(JSON)
    notes: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    customer: Mapped[Customer] = relationship()
    items: Mapped[list[Item]] = relationship(order_by="Item.id")


class Item(Base):
    """Three to an order."""

    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    sku: Mapped[str] = mapped_column(String(30))
    title: Mapped[str] = mapped_column(String(100))
    qty: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))


EVERYTHING = select(Order).options(selectinload(Order.items), selectinload(Order.customer)).order_by(Order.id)


def fill(engine: Engine, orders: int) -> None:
    """Make the tables anew, with the same rows each time."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    chance = random.Random(7)
    text = "".join(chance.choice(LETTERS) for _ in range(4096))
    with engine.begin() as connection:
        connection.execute(insert(Customer), [_customer(number) for number in range(1, CUSTOMERS + 1)])
        connection.execute(insert(Order), [_order(number, chance, text) for number in range(1, orders + 1)])
        connection.execute(insert(Item), [_item(number) for number in range(1, 3 * orders + 1)])


def load(session: Session) -> list[Order]:
    """Return all orders with their items and customers: three queries."""
    return list(session.scalars(EVERYTHING))


def _status(number: int) -> Status:
    return list(Status)[number % 3]


def _customer(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Customer {number}",
        "email": f"c{number}@example.org",
        "tier": _status(number),
        "created_at": START + timedelta(hours=number),
    }


def _order(number: int, chance: random.Random, text: str) -> dict[str, Any]:
    start = chance.randrange(3000)
    return {
        "id": number,
        "customer_id": 1 + number % CUSTOMERS,
        "number": f"ORD-{number:08d}",
        "status": _status(number),
        "total": Decimal(chance.randrange(100, 10_000_000)) / 100,
        "currency": "EUR",
        "created_at": START + timedelta(seconds=number),
        "updated_at": START + timedelta(seconds=2 * number, microseconds=number),
        "paid": bool(number % 2),
        "weight": chance.random() * 10,
        "meta": {"src": "web", "tags": ["a", "b"], "n": number, "x": {"y": 1.5}},
        "notes": text[start : start + 1024],
        "version": 1,
    }


def _item(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "order_id": 1 + (number - 1) // 3,
        "sku": f"SKU-{number % 999}",
        "title": f"Thing {number}",
        "qty": 1 + number % 3,
        "price": Decimal(number % 10_000) / 100,
    }
