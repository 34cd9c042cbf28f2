"""A box with parts, and below each part one of every relationship that a deleted row loses."""

from __future__ import annotations

from sqlalchemy import Column, Engine, ForeignKey, String, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


part_colour = Table(
    "part_colour",
    Base.metadata,
    Column("part_id", ForeignKey("parts.id", ondelete="CASCADE"), primary_key=True),
    Column("colour_id", ForeignKey("colours.id"), primary_key=True),
)


class Box(Base):
    __tablename__ = "boxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    parts: Mapped[list[Part]] = relationship(
        back_populates="box", cascade="all, delete-orphan", order_by="Part.id"
    )


class Part(Base):
    __tablename__ = "parts"
    id: Mapped[int] = mapped_column(primary_key=True)
    box_id: Mapped[int] = mapped_column(ForeignKey("boxes.id"))
    name: Mapped[str] = mapped_column(String(20))
    box: Mapped[Box] = relationship(back_populates="parts")
    screws: Mapped[list[Screw]] = relationship(cascade="all, delete-orphan", order_by="Screw.id")
    stickers: Mapped[list[Sticker]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    notes: Mapped[list[Note]] = relationship()
    colours: Mapped[list[Colour]] = relationship(secondary=part_colour, order_by="Colour.id")


class Screw(Base):
    __tablename__ = "screws"
    id: Mapped[int] = mapped_column(primary_key=True)
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id"))
    size: Mapped[int]
    threads: Mapped[list[Thread]] = relationship(cascade="all, delete-orphan")


class Thread(Base):
    __tablename__ = "threads"
    id: Mapped[int] = mapped_column(primary_key=True)
    screw_id: Mapped[int] = mapped_column(ForeignKey("screws.id"))
    turns: Mapped[int]


class Sticker(Base):
    __tablename__ = "stickers"
    id: Mapped[int] = mapped_column(primary_key=True)
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(20))


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    part_id: Mapped[int | None] = mapped_column(ForeignKey("parts.id"))
    text: Mapped[str] = mapped_column(String(20))


class Colour(Base):
    __tablename__ = "colours"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))


EVERYTHING = (
    selectinload(Box.parts).selectinload(Part.screws).selectinload(Screw.threads),
    selectinload(Box.parts).selectinload(Part.stickers),
    selectinload(Box.parts).selectinload(Part.notes),
    selectinload(Box.parts).selectinload(Part.colours),
)


def fill(engine: Engine) -> None:
    """Create the tables; a box with two parts, everything below the first."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        red, blue = Colour(id=1, name="red"), Colour(id=2, name="blue")
        part = Part(
            id=1,
            name="lid",
            screws=[Screw(id=n, size=n, threads=[Thread(id=n, turns=n)]) for n in (1, 2)],
            stickers=[Sticker(id=1, text="top")],
            notes=[Note(id=1, text="n")],
            colours=[red],
        )
        session.add_all([blue, Box(id=1, name="box", parts=[part, Part(id=2, name="base")])])
        session.add(Box(id=2, name="other"))
