"""A shop whose mapping has every kind of attribute that a snapshot can meet."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, ForeignKey, Numeric, String, Table, Text, TypeDecorator
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import (
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    WriteOnlyMapped,
    attribute_keyed_dict,
    column_property,
    composite,
    mapped_column,
    relationship,
    synonym,
)


class Base(DeclarativeBase):
    pass


class Status(enum.Enum):
    OPEN = "open"
    PAID = "paid"


@dataclass
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Colour:
    red: int
    green: int


class ColourType(TypeDecorator[Colour]):
    """A type of the program's own, kept as text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Colour | None, dialect: Any) -> str | None:
        return None if value is None else json.dumps([value.red, value.green])

    def process_result_value(self, value: str | None, dialect: Any) -> Colour | None:
        return None if value is None else Colour(*json.loads(value))


class Named:
    """A mixin, with a method that is called by super()."""

    def describe(self) -> str:
        return f"named {self.name}"  # type: ignore[attr-defined]


class Customer(Named, Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    password: Mapped[str] = mapped_column(default="hush", info={"tether": "secret"})
    orders: Mapped[list[Order]] = relationship(back_populates="customer")
    passport: Mapped[Passport | None] = relationship(back_populates="customer", uselist=False)

    def describe(self) -> str:
        return "customer " + super().describe()


class Passport(Base):
    __tablename__ = "passport"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="passport")


order_tag = Table(
    "order_tag",
    Base.metadata,
    Column("order_id", ForeignKey("order.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    title: Mapped[str] = mapped_column(String)
    note: Mapped[str | None]
    status: Mapped[Status] = mapped_column(default=Status.OPEN)
    discount: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    day: Mapped[date | None]
    at: Mapped[datetime | None]
    clock: Mapped[time | None]
    took: Mapped[timedelta | None]
    code: Mapped[UUID | None]
    weight: Mapped[float | None]
    raw: Mapped[bytes | None]
    extra: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON()))
    colour: Mapped[Colour | None] = mapped_column(ColourType())
    x: Mapped[int | None]
    y: Mapped[int | None]
    where: Mapped[Point] = composite("x", "y")
    letter: Mapped[str | None] = mapped_column(Text, deferred=True)
    heading: Mapped[str] = synonym("title")
    shout: Mapped[str] = column_property(title + "!")

    customer: Mapped[Customer | None] = relationship(back_populates="orders")
    items: Mapped[list[Item]] = relationship(
        back_populates="order",
        order_by="Item.position",
        collection_class=ordering_list("position"),
        cascade="all, delete-orphan",
    )
    tags: Mapped[set[Tag]] = relationship(secondary=order_tag, back_populates="orders")
    notes: Mapped[dict[str, Note]] = relationship(
        collection_class=attribute_keyed_dict("topic"), back_populates="order", cascade="all, delete-orphan"
    )
    dear_items: Mapped[list[Item]] = relationship(
        viewonly=True, primaryjoin="and_(Item.order_id == Order.id, Item.price > 10)", order_by="Item.id"
    )
    log: DynamicMapped[Entry] = relationship()
    audit: WriteOnlyMapped[Entry] = relationship(overlaps="log")
    tag_names: AssociationProxy[set[str]] = association_proxy("tags", "name")
    customer_name: AssociationProxy[str] = association_proxy("customer", "name")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    LIMIT = 3

    @property
    def total(self) -> Decimal:
        return sum((item.price * item.count for item in self.items), Decimal(0))

    @hybrid_property
    def is_paid(self) -> bool:
        return self.status == Status.PAID

    @hybrid_method
    def heavier_than(self, weight: float) -> bool:
        return self.weight is not None and self.weight > weight

    @staticmethod
    def currency() -> str:
        return "EUR"

    @classmethod
    def table_name(cls) -> str:
        return cls.__table__.name

    def pay(self) -> None:
        self.status = Status.PAID


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    position: Mapped[int | None]
    count: Mapped[int] = mapped_column(default=1)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    order: Mapped[Order | None] = relationship(back_populates="items")
    product: Mapped[Product | None] = relationship()


class Product(Base):
    """Joined inheritance."""

    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "product"}  # noqa: RUF012

    def about(self) -> str:
        return self.name


class Book(Product):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    pages: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "book"}  # noqa: RUF012

    def about(self) -> str:
        return f"{super().about()}, {self.pages} pages"


class Download(Product):
    """Single table inheritance."""

    address: Mapped[str | None]
    __mapper_args__ = {"polymorphic_identity": "download"}  # noqa: RUF012


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list[Order]] = relationship(secondary=order_tag, back_populates="tags")


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str]
    text: Mapped[str]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))
    order: Mapped[Order | None] = relationship(back_populates="notes")


class Entry(Base):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))


class Place(Base):
    """A tree."""

    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))
    parent: Mapped[Place | None] = relationship(back_populates="children", remote_side=[id])
    children: Mapped[list[Place]] = relationship(back_populates="parent", order_by="Place.id")


class Stock(Base):
    """An association object, with a key of two columns."""

    __tablename__ = "stock"
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    shelf: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]


EVERYTHING = [
    Order.customer,
    Order.items,
    Order.tags,
    Order.notes,
    Order.dear_items,
    Order.letter,
    Item.product,
    Customer.passport,
]


def an_order(number: int, customer: Customer) -> Order:
    """Return an order with a value in every attribute."""
    return Order(
        id=number,
        customer=customer,
        title=f"order {number}",
        discount=Decimal("1.50"),
        day=date(2026, 11, 22),
        at=datetime(2026, 11, 22, 10, 30, 15, 123456),  # noqa: DTZ001
        clock=time(10, 30),
        took=timedelta(hours=2, microseconds=5),
        code=UUID(int=number),
        weight=2.5,
        raw=b"\x00\xff",
        extra={"a": [1, {"b": None}]},
        colour=Colour(1, 2),
        where=Point(3, 4),
        letter="Dear customer",
        items=[
            Item(
                id=number * 10,
                count=2,
                price=Decimal("5.00"),
                product=Book(id=number * 10, name="SQL", pages=300),
            ),
            Item(
                id=number * 10 + 1, price=Decimal("20.00"), product=Download(id=number * 10 + 1, name="Song")
            ),
        ],
        notes={
            "tax": Note(id=number * 10, topic="tax", text="none"),
            "gift": Note(id=number * 10 + 1, topic="gift", text="yes"),
        },
    )


def fill(session: Any) -> None:
    """Write two orders of one customer, which share a tag, and a tree of three places."""
    ann = Customer(id=1, name="Ann", passport=Passport(id=1, number="P1"))
    first, second = an_order(1, ann), an_order(2, ann)
    red, blue = Tag(id=1, name="red"), Tag(id=2, name="blue")
    first.tags = {red, blue}
    second.tags = {red}
    session.add_all([Stock(product_id=10, shelf="a", amount=5), Stock(product_id=10, shelf="b", amount=6)])
    session.add_all([first, second, Entry(id=1, text="made", order_id=1)])
    session.add(
        Place(id=1, name="world", children=[Place(id=2, name="land", children=[Place(id=3, name="town")])])
    )
    session.commit()


START = datetime(2026, 1, 1, tzinfo=UTC)
