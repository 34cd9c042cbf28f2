"""A shop: a parent whose items are deleted with it, visits that are not, and a page with a version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, ForeignKey
from sqlalchemy.orm import DeclarativeBase, DynamicMapped, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of the models."""


class Shop(Base):
    """A parent whose items live and die with it, and whose visits do not."""

    __tablename__ = "shop"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    town: Mapped[str | None]
    items: Mapped[list[Item]] = relationship(back_populates="shop", cascade="all, delete-orphan")
    visits: Mapped[list[Visit]] = relationship()
    log: DynamicMapped[Visit] = relationship(viewonly=True)


class Item(Base):
    """Deleted when it leaves its shop."""

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shop.id"))
    shop: Mapped[Shop | None] = relationship(back_populates="items")


class Visit(Base):
    """Unlinked when it leaves its shop."""

    __tablename__ = "visit"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shop.id"))


class Page(Base):
    """A row with a version counter."""

    __tablename__ = "page"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it once


NAME, TOWN = "SELECT name FROM shop WHERE id = 1", "SELECT town FROM shop WHERE id = 1"


def fill(engine: Engine) -> None:
    """Create the tables, and three shops with two items each; the first has a visit."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for key, name in enumerate(("ann", "bob", "cat"), 1):
            session.add(Shop(id=key, name=name, town="Ulm", items=[Item(), Item()]))
        session.add_all([Visit(shop_id=1), Page(id=1, text="first")])


def taken_out(engine: Engine, *options: Any) -> Shop:
    """Return the first shop, detached by a close."""
    with Session(engine) as session:
        return session.get(Shop, 1, options=options)


def write(engine: Engine, change: Callable[[Session], object]) -> None:
    """Commit a change in a Session of its own."""
    with Session(engine) as session, session.begin():
        change(session)


def move(session: Session) -> None:
    """Change the town."""
    session.get(Shop, 1).town = "Bonn"


def merge(instance: object) -> Callable[[Session], object]:
    """Return what merges *instance*."""
    return lambda session: session.merge(instance)
