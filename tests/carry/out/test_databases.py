"""Types and keys as each database gives them: out, through bytes, and in again."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    Engine,
    ForeignKeyConstraint,
    LargeBinary,
    Numeric,
    String,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.snapshots import snapshot
from tether.carry.thawing import thaw

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456)  # noqa: DTZ001  # a column without a time zone
FRACTIONS = DateTime().with_variant(mysql.DATETIME(fsp=6), "mariadb", "mysql")


class Base(DeclarativeBase):
    """Base of the models."""


class Level(enum.Enum):
    """Stored by name."""

    LOW = 1
    HIGH = 2


class Name(str):
    """Text with a type of its own."""

    __slots__ = ()


class NameType(TypeDecorator[Name]):
    """Gives Names."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """Return what is stored."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """Return a Name."""
        return None if value is None else Name(value)


class Everything(Base):
    """A column of each type that databases store differently."""

    __tablename__ = "everything"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    price: Mapped[Decimal] = mapped_column(Numeric(12, 4))
    at: Mapped[datetime] = mapped_column(FRACTIONS)
    zoned: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    day: Mapped[date]
    clock: Mapped[time] = mapped_column(Time)
    level: Mapped[Level]
    data: Mapped[Any] = mapped_column(JSON)
    empty: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary().with_variant(mysql.BINARY(4), "mariadb", "mysql"))
    code: Mapped[UUID]
    code_text: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    weight: Mapped[float] = mapped_column(Double)
    flag: Mapped[bool]
    long: Mapped[str] = mapped_column(Text)
    name: Mapped[Name] = mapped_column(NameType)


class Shelf(Base):
    """A row with a key of two columns."""

    __tablename__ = "shelf"

    room: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(String(10), primary_key=True)
    books: Mapped[list[Book]] = relationship(back_populates="shelf", order_by="Book.id")


class Book(Base):
    """A row that refers to it."""

    __tablename__ = "book"
    __table_args__ = (ForeignKeyConstraint(["room", "place"], ["shelf.room", "shelf.place"]),)

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[int]
    place: Mapped[str] = mapped_column(String(10))
    shelf: Mapped[Shelf] = relationship(back_populates="books")


@pytest.fixture(params=["sqlite", "postgresql_url", "mariadb_url"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    An empty database of each kind.
    """
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue(request.param)
    made = create_engine(url)
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def values() -> dict[str, Any]:
    """Return a value of each column."""
    return {
        "id": 2**40, "price": Decimal("10.2500"), "at": MOMENT, "zoned": MOMENT.replace(microsecond=0, tzinfo=UTC),
        "day": date(2026, 2, 3), "clock": time(23, 59, 58), "level": Level.HIGH,
        "data": {"a": [1, 2.5, None, "é"], "b": {"c": True}}, "empty": None, "raw": b"\x00\xff\x01\x02",
        "code": UUID(int=7), "code_text": str(UUID(int=8)), "weight": math.pi, "flag": True, "long": "x" * 3000,
        "name": Name("Ann"),
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_types_of_each_database(engine: Engine, form: Any) -> None:
    """
    What the driver gives is what the snapshot has, what comes out of the bytes, and what a thawed instance has.
    """
    with Session(engine) as session:
        session.add(Everything(**values()))
        session.commit()
        row = session.get(Everything, 2**40)
        loaded = {name: getattr(row, name) for name in values()}
        snap = snapshot(row)
    back = loads(dumps(snap, format=form), Base)
    thawed = thaw(back)

    for copy in (snap, back, thawed):
        found = {name: getattr(copy, name) for name in values()}
        assert loaded == found
        assert {n: type(v) for n, v in loaded.items() if n != "data"} == {
            n: type(v) for n, v in found.items() if n != "data"
        }
    assert loaded == {**values(), "zoned": loaded["zoned"]}


def test_composite_keys_with_include(engine: Engine) -> None:
    """
    Rows with keys of two columns are completed by one SELECT and one more for the relationship, and change nothing.
    """
    with Session(engine) as session:
        for room in (1, 2):
            session.add(Shelf(room=room, place="a", books=[Book(), Book()]))
        session.commit()
        shelves = [session.get(Shelf, (room, "a")) for room in (1, 2)]
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        snaps = snapshot(shelves, include=[Shelf.books])
    back = loads(dumps(snaps), Base)

    assert 2 == len(statements)
    assert [(1, "a", 2), (2, "a", 2)] == [(shelf.room, shelf.place, len(shelf.books)) for shelf in back]
    assert back[0].books[0].shelf is back[0]


def test_the_other_side_stays_in_step(engine: Engine) -> None:
    """
    A child that is moved from one parent's list to the other's has the new parent, and the old list is shorter.
    """
    with Session(engine) as session:
        session.add(Shelf(room=1, place="a", books=[Book(), Book()]))
        session.add(Shelf(room=2, place="a", books=[Book()]))
        session.commit()
        shelves = [session.get(Shelf, (room, "a")) for room in (1, 2)]
        first, second = edit(snapshot(shelves, include=[Shelf.books]))
    moved = first.books[0]
    second.books.append(moved)
    assert ([1, 2], second) == ([len(first.books), len(second.books)], moved.shelf)
    moved.shelf = first

    assert ([2, 1], first) == ([len(first.books), len(second.books)], moved.shelf)
