"""Fifty things with parts, with and without a version column, and the log of all edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

PLAIN = ("colour", "size", "place")
PARTS_AT_FIRST = 2


class Base(DeclarativeBase):
    """Base of the storm's models."""


def both_trails(conflict: Any) -> str:
    """Resolve a conflict of two who both appended: theirs, then what I appended."""
    appended: str = conflict.mine[len(conflict.base) :]
    return str(conflict.theirs) + appended


class Described:
    """What a thing has, however it is counted.

    Attributes:
        colour, size, place: Overwritten by each edit with a value of its own.
        trail: Each edit appends a word of its own; two who both append are no conflict.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    colour: Mapped[str] = mapped_column(String(40), default="")
    size: Mapped[str] = mapped_column(String(40), default="")
    place: Mapped[str] = mapped_column(String(40), default="")
    trail: Mapped[str] = mapped_column(Text, default="")
    __tether_on_conflict__: ClassVar[dict[str, Any]] = {"trail": both_trails}


class Named:
    """What a part has: a name for ever, and a label that edits overwrite."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    label: Mapped[str] = mapped_column(String(40))


class Thing(Described, Base):
    """A thing without a version."""

    __tablename__ = "thing"
    parts: Mapped[list[Part]] = relationship(cascade="all, delete-orphan", order_by="Part.id")


class Part(Named, Base):
    """A part of it."""

    __tablename__ = "part"
    thing_id: Mapped[int] = mapped_column(ForeignKey("thing.id"))


class CountedThing(Described, Base):
    """A thing with ``version_id_col``."""

    __tablename__ = "counted_thing"
    version: Mapped[int] = mapped_column()
    parts: Mapped[list[CountedPart]] = relationship(cascade="all, delete-orphan", order_by="CountedPart.id")
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class CountedPart(Named, Base):
    """A part of it, with ``version_id_col`` too."""

    __tablename__ = "counted_part"
    version: Mapped[int] = mapped_column()
    thing_id: Mapped[int] = mapped_column(ForeignKey("counted_thing.id"))
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Edit(Base):
    """One line of the log, written in the transaction of the edit itself.

    Attributes:
        token: Names the edit; no other edit has it.
        place: What was edited: ``thing 7 colour``, ``thing 7 trail``, ``part w3-12``.
        base: The value that the editor had before their eyes.
        value: The value they put there.
    """

    __tablename__ = "edit"
    token: Mapped[str] = mapped_column(String(40), primary_key=True)
    place: Mapped[str] = mapped_column(String(60))
    base: Mapped[str] = mapped_column(String(60))
    value: Mapped[str] = mapped_column(String(60))


@dataclass(frozen=True)
class Family:
    """The classes of one storm."""

    thing: type[Any]
    part: type[Any]


WITHOUT_VERSION = Family(Thing, Part)
WITH_VERSION = Family(CountedThing, CountedPart)


def family(versioned: bool) -> Family:
    """Return the classes with or without a version column."""
    return WITH_VERSION if versioned else WITHOUT_VERSION


def fill(session: Session, classes: Family, things: int) -> None:
    """Add *things* things, each with two parts."""
    for key in range(1, things + 1):
        parts = [classes.part(name=f"first-{key}-{n}", label="first") for n in range(PARTS_AT_FIRST)]
        session.add(classes.thing(id=key, parts=parts))
