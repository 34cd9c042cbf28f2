"""Models with every kind of attribute and relationship, without versions and with them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    PickleType,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    and_,
)
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import (
    attribute_keyed_dict,
    column_property,
    composite,
    declarative_base,
    foreign,
    mapped_column,
    relationship,
    synonym,
)


class Status(enum.Enum):
    OPEN = "open"
    PAID = "paid"
    SENT = "sent"


class Side(enum.Enum):
    LEFT = "left"
    RIGHT = "right"


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

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: Colour | None, dialect: Any) -> str | None:
        return None if value is None else f"{value.red},{value.green}"

    def process_result_value(self, value: str | None, dialect: Any) -> Colour | None:
        return None if value is None else Colour(*map(int, value.split(",")))


KEPT: list[Any] = []  # a registry holds its classes weakly
MAKE = {ColourType: lambda number: Colour(number, 1)}


def sheets(base: Any) -> None:
    """Add a class with a column of each type."""

    class Sheet(base):
        __tablename__ = "sheet"
        id = mapped_column(Integer, primary_key=True)
        number = mapped_column(Integer, nullable=False)
        small = mapped_column(SmallInteger)
        big = mapped_column(BigInteger, nullable=False)
        short = mapped_column(String(9), nullable=False)
        code = mapped_column(String(20), nullable=False, unique=True)
        long = mapped_column(Text)
        flag = mapped_column(Boolean, nullable=False)
        price = mapped_column(Numeric(10, 2))
        weight = mapped_column(Double)
        day = mapped_column(Date)
        at = mapped_column(DateTime)
        zoned = mapped_column(DateTime(timezone=True))
        clock = mapped_column(Time)
        took = mapped_column(Interval)
        token = mapped_column(Uuid)
        raw = mapped_column(LargeBinary)
        pickled = mapped_column(PickleType)
        extra = mapped_column(JSON)
        status = mapped_column(Enum(Status), nullable=False)
        side = mapped_column(Enum(Side), nullable=False)
        colour = mapped_column(ColourType)
        renamed = mapped_column("other_name", String(20))

    KEPT.append(Sheet)


def values(base: Any, versioned: bool) -> None:
    """Add classes whose attributes are more than a column."""

    class Card(base):
        __tablename__ = "card"
        id = mapped_column(Integer, primary_key=True)
        title = mapped_column(String(30), nullable=False)
        letter = mapped_column(Text, deferred=True)
        data = mapped_column(MutableDict.as_mutable(JSON()))
        x = mapped_column(Integer)
        y = mapped_column(Integer)
        place = composite(Point, "x", "y")
        heading = synonym("title")
        shout = column_property(title + "!")
        if versioned:
            version = mapped_column(Integer, nullable=False)
            __mapper_args__ = {"version_id_col": version}

        @hybrid_property
        def is_titled(self) -> bool:
            return self.title != ""

    class Animal(base):
        """Joined and single inheritance."""

        __tablename__ = "animal"
        id = mapped_column(Integer, primary_key=True)
        kind = mapped_column(String(20), nullable=False)
        name = mapped_column(String(30), nullable=False)
        if versioned:
            version = mapped_column(Integer, nullable=False)
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "animal"}  # noqa: RUF012
        if versioned:
            __mapper_args__["version_id_col"] = version

    class Dog(Animal):
        __tablename__ = "dog"
        id = mapped_column(ForeignKey("animal.id"), primary_key=True)
        bark = mapped_column(String(30), nullable=False)
        friends = relationship("Bone", back_populates="dog")
        __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012

    class Bird(Animal):
        song = mapped_column(String(30))
        __mapper_args__ = {"polymorphic_identity": "bird"}  # noqa: RUF012

    class Bone(base):
        __tablename__ = "bone"
        id = mapped_column(Integer, primary_key=True)
        size = mapped_column(Integer, nullable=False)
        dog_id = mapped_column(ForeignKey("dog.id"))
        dog = relationship("Dog", back_populates="friends")

    class Page(base):
        """A primary key of two columns."""

        __tablename__ = "page"
        book = mapped_column(String(20), primary_key=True)
        number = mapped_column(Integer, primary_key=True, autoincrement=False)
        text = mapped_column(String(50), nullable=False)
        marks = relationship("Mark", back_populates="page")
        if versioned:
            version = mapped_column(Integer, nullable=False)
            __mapper_args__ = {"version_id_col": version}

    class Mark(base):
        __tablename__ = "mark"
        id = mapped_column(Integer, primary_key=True)
        book = mapped_column(String(20))
        number = mapped_column(Integer)
        page = relationship("Page", back_populates="marks")
        __table_args__ = (ForeignKeyConstraint(["book", "number"], ["page.book", "page.number"]),)

    KEPT.extend([Card, Animal, Dog, Bird, Bone, Page, Mark])


def relations(base: Any, versioned: bool) -> None:
    """Add classes with every kind of relationship."""
    order_tag = Table(
        "order_tag",
        base.metadata,
        Column("order_id", ForeignKey("orders.id"), primary_key=True),
        Column("tag_id", ForeignKey("tag.id"), primary_key=True),
    )

    class Customer(base):
        __tablename__ = "customer"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String(30), nullable=False)
        orders = relationship("Order", back_populates="customer")
        passport = relationship("Passport", back_populates="customer", uselist=False)

    class Passport(base):
        __tablename__ = "passport"
        id = mapped_column(Integer, primary_key=True)
        number = mapped_column(String(30), nullable=False, unique=True)
        customer_id = mapped_column(ForeignKey("customer.id"))
        customer = relationship("Customer", back_populates="passport")

    class Order(base):
        __tablename__ = "orders"
        id = mapped_column(Integer, primary_key=True)
        status = mapped_column(String(30), nullable=False)
        note = mapped_column(String(30))
        customer_id = mapped_column(ForeignKey("customer.id"))
        country_id = mapped_column(ForeignKey("country.id"))
        customer = relationship("Customer", back_populates="orders")
        items = relationship("Item", back_populates="order", cascade="all, delete-orphan")
        tags = relationship("Tag", secondary=order_tag, back_populates="orders")
        labels = relationship("Label", collection_class=set, cascade="all, delete-orphan")
        notes = relationship(
            "Note", collection_class=attribute_keyed_dict("topic"), cascade="all, delete-orphan"
        )
        steps = relationship(
            "Step",
            collection_class=ordering_list("position"),
            order_by="Step.position",
            cascade="all, delete-orphan",
        )
        parts = relationship("Part", back_populates="order", cascade="all, delete-orphan")
        watched = relationship(
            "Item",
            viewonly=True,
            primaryjoin=lambda: and_(foreign(Item.order_id) == Order.id, Item.label != ""),
        )
        log = relationship("Entry", lazy="dynamic")
        audit = relationship("Entry", lazy="write_only", overlaps="log", passive_deletes=True)
        tag_names = association_proxy("tags", "name")
        if versioned:
            version = mapped_column(Integer, nullable=False)
            __mapper_args__ = {"version_id_col": version}

    class Country(base):
        __tablename__ = "country"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String(30), nullable=False)

    class Item(base):
        __tablename__ = "item"
        id = mapped_column(Integer, primary_key=True)
        label = mapped_column(String(30), nullable=False)
        order_id = mapped_column(ForeignKey("orders.id"), nullable=False)
        order = relationship("Order", back_populates="items")
        buyer = relationship(
            "Customer",
            secondary="orders",
            viewonly=True,
            uselist=False,
            primaryjoin="Item.order_id == Order.id",
            secondaryjoin="Order.customer_id == Customer.id",
        )

    class Tag(base):
        __tablename__ = "tag"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String(30), nullable=False)
        orders = relationship("Order", secondary=order_tag, back_populates="tags")

    class Label(base):
        __tablename__ = "label"
        id = mapped_column(Integer, primary_key=True)
        text = mapped_column(String(30), nullable=False)
        order_id = mapped_column(ForeignKey("orders.id"), nullable=False)

    class Note(base):
        __tablename__ = "note"
        id = mapped_column(Integer, primary_key=True)
        topic = mapped_column(String(30), nullable=False)
        text = mapped_column(String(30), nullable=False)
        order_id = mapped_column(ForeignKey("orders.id"), nullable=False)

    class Step(base):
        __tablename__ = "step"
        id = mapped_column(Integer, primary_key=True)
        position = mapped_column(Integer, nullable=False)
        name = mapped_column(String(30), nullable=False)
        order_id = mapped_column(ForeignKey("orders.id"), nullable=False)

    class Product(base):
        __tablename__ = "product"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String(30), nullable=False)

    class Part(base):
        """An association object, with a primary key of two foreign keys."""

        __tablename__ = "part"
        order_id = mapped_column(ForeignKey("orders.id"), primary_key=True)
        product_id = mapped_column(ForeignKey("product.id"), primary_key=True)
        amount = mapped_column(Integer, nullable=False)
        order = relationship("Order", back_populates="parts")
        product = relationship("Product")

    class Entry(base):
        __tablename__ = "entry"
        id = mapped_column(Integer, primary_key=True)
        text = mapped_column(String(30), nullable=False)
        order_id = mapped_column(ForeignKey("orders.id"))

    class Place(base):
        """A tree."""

        __tablename__ = "place"
        id = mapped_column(Integer, primary_key=True)
        name = mapped_column(String(30), nullable=False)
        parent_id = mapped_column(ForeignKey("place.id"))
        parent = relationship("Place", back_populates="children", remote_side=[id])
        children = relationship("Place", back_populates="parent")
        if versioned:
            version = mapped_column(Integer, nullable=False)
            __mapper_args__ = {"version_id_col": version}

    KEPT.extend(
        [Customer, Passport, Order, Country, Item, Tag, Label, Note, Step, Product, Part, Entry, Place]
    )


def build(*, versioned: bool) -> Any:
    """Return a declarative base with all of them."""
    base = declarative_base()
    if not versioned:
        sheets(base)
    values(base, versioned)
    relations(base, versioned)
    return base


Plain = build(versioned=False)
Versioned = build(versioned=True)
