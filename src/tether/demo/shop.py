"""The shop of the story: customers with orders, orders with items and at most one invoice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    """Base of the shop's models."""


class Customer(Base):
    """Somebody who buys."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    orders: Mapped[list[Order]] = relationship(back_populates="customer", cascade="all, delete-orphan")


class Order(Base):
    """What a customer bought at one time."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")
    items: Mapped[list[Item]] = relationship(back_populates="order", cascade="all, delete-orphan")
    invoice: Mapped[Invoice | None] = relationship(back_populates="order", cascade="all, delete-orphan")


class Item(Base):
    """One thing in an order."""

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    order: Mapped[Order] = relationship(back_populates="items")


class Invoice(Base):
    """What an order costs. The unique key makes it one-to-one in the database too."""

    __tablename__ = "invoice"
    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int]
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), unique=True)
    order: Mapped[Order] = relationship(back_populates="invoice")


def open_shop(path: Path) -> Engine:
    """Return an Engine on the SQLite file *path*, which may not exist yet. Dispose of it after use."""
    return create_engine(f"sqlite:///{path}")


def fill_shop(path: Path) -> None:
    """Write the shop as it is when a chapter begins to the SQLite file *path*."""
    engine = open_shop(path)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        lamp = Order(id=1, status="sent", items=[Item(id=1, name="lamp")], invoice=Invoice(id=1, total=40))
        desk = Order(id=2, status="open", items=[Item(id=2, name="desk"), Item(id=3, name="chair")])
        session.add(Customer(id=1, name="Ann", email="ann@home.example", orders=[lamp, desk]))
        session.commit()
    engine.dispose()


def inventory(path: Path) -> list[str]:
    """Return what is in the shop in the SQLite file *path*: a line for each customer and each order."""
    engine = open_shop(path)
    orders = selectinload(Customer.orders)
    every = select(Customer).options(orders.selectinload(Order.items), orders.selectinload(Order.invoice))
    with Session(engine) as session:
        lines = [line for customer in session.scalars(every) for line in _lines_of(customer)]
    engine.dispose()
    return lines


def _lines_of(customer: Customer) -> Iterator[str]:
    yield f"Customer {customer.id}: name {customer.name!r}, email {customer.email!r}"
    for order in customer.orders:
        items = ", ".join(f"{item.name!r}" for item in order.items)
        invoice = f"its Invoice says {order.invoice.total}" if order.invoice else "no Invoice yet"
        yield f"  Order {order.id}: status {order.status!r}, Items {items}; {invoice}"
