"""Kinds of attributes and rows that are rarer than those of the shop."""

from __future__ import annotations

import uuid

from sqlalchemy import FetchedValue, ForeignKey, String, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import JSON


class Base(DeclarativeBase):
    pass


class Keeper(Base):
    __tablename__ = "keepers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    duties: Mapped[list[Duty]] = relationship(back_populates="keeper", cascade="all, delete-orphan")
    animals: AssociationProxy[list[Animal]] = association_proxy(
        "duties", "animal", creator=lambda animal: Duty(animal=animal)
    )


class Animal(Base):
    """One table for all its classes."""

    __tablename__ = "animals"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(20))
    toys: Mapped[set[Toy]] = relationship(back_populates="animal", cascade="all, delete-orphan")
    big_toys: Mapped[list[Toy]] = relationship(
        primaryjoin="and_(Toy.animal_id == Animal.id, Toy.size > 5)", viewonly=True
    )
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012


class Bird(Animal):
    wings: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "bird"}  # noqa: RUF012


class Fish(Animal):
    fins: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "fish"}  # noqa: RUF012


class Duty(Base):
    """An association object."""

    __tablename__ = "duties"
    keeper_id: Mapped[int] = mapped_column(ForeignKey("keepers.id"), primary_key=True)
    animal_id: Mapped[int] = mapped_column(ForeignKey("animals.id"), primary_key=True)
    hours: Mapped[int] = mapped_column(default=1)
    keeper: Mapped[Keeper] = relationship(back_populates="duties")
    animal: Mapped[Animal] = relationship()


class Toy(Base):
    __tablename__ = "toys"
    id: Mapped[int] = mapped_column(primary_key=True)
    animal_id: Mapped[int] = mapped_column(ForeignKey("animals.id"))
    size: Mapped[int]
    animal: Mapped[Animal] = relationship(back_populates="toys")


class Ticket(Base):
    """A key and a version that are no numbers."""

    __tablename__ = "tickets"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    holder: Mapped[str] = mapped_column(String(20))
    seat: Mapped[str] = mapped_column(String(20))
    version: Mapped[str] = mapped_column(String(32))
    __mapper_args__ = {  # noqa: RUF012
        "version_id_col": version,
        "version_id_generator": lambda _: uuid.uuid4().hex,
    }


class Cage(Base):
    """A version that the program counts itself: ``version_id_generator=False``."""

    __tablename__ = "cages"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012


class PostgresBase(DeclarativeBase):
    pass


class Log(PostgresBase):
    """The version is PostgreSQL's own number of the row's last transaction; an array column."""

    __tablename__ = "logs"
    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(String(20))
    other: Mapped[str] = mapped_column(String(20))
    words: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tree: Mapped[dict[str, object]] = mapped_column(JSON)
    xmin: Mapped[int] = mapped_column("xmin", system=True, server_default=FetchedValue())
    __mapper_args__ = {"version_id_col": xmin, "version_id_generator": False}  # noqa: RUF012
