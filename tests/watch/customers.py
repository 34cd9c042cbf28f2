"""Customers and orders on a SQLite file, for the tests of the watch's engine."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of the shop's models."""


class Customer(Base):
    """A customer and their orders."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    city: Mapped[str | None]
    notes: Mapped[str | None] = mapped_column(deferred=True)
    orders: Mapped[list[Order]] = relationship(back_populates="customer", cascade="all, delete-orphan")


class Order(Base):
    """An order of one customer."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str | None]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer | None] = relationship(back_populates="orders")


def open_customers(folder: Path) -> Engine:
    """Return an engine on a new shop with the customers 1 to 5, each with one order."""
    engine = create_engine(f"sqlite:///{folder / 'shop.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Customer(id=n, name=f"c{n}", orders=[Order(id=n)]) for n in range(1, 6)])
    return engine
