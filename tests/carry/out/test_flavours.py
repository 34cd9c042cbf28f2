"""Ways to map a class, and column types of other databases."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import ARRAY, URL, Column, Enum, ForeignKey, Integer, String, Table, create_engine, select
from sqlalchemy.dialects.postgresql import INT4RANGE, Range
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    mapped_column,
    registry,
    relationship,
)
from sqlmodel import Field, SQLModel

from tests.carry.out.models import EVERYTHING, Order, Status
from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.snapshots import snapshot
from tether.carry.thawing import thaw


class DataBase(MappedAsDataclass, DeclarativeBase):
    pass


class Card(DataBase):
    __tablename__ = "card"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    links: Mapped[list[CardLink]] = relationship(default_factory=list)


class CardLink(DataBase):
    """An association object, with a key of two columns."""

    __tablename__ = "card_link"
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str

    def shout(self) -> str:
        return self.name.upper()


mapping = registry()


class Plain:
    """Mapped imperatively."""

    def __init__(self, name: str) -> None:
        self.label = name


mapping.map_imperatively(
    Plain,
    Table("plain", mapping.metadata, Column("id", Integer, primary_key=True), Column("name", String)),
    properties={"label": mapping.metadata.tables["plain"].c.name},
)


@pytest.mark.parametrize(
    ("make", "home", "attribute"),
    [
        (lambda: Card(id=1, name="Ann", links=[CardLink(card_id=1, number=2)]), DataBase, "name"),
        (lambda: Hero(id=1, name="Ann"), SQLModel, "name"),
        (lambda: Plain("Ann"), mapping, "label"),
    ],
)
def test_every_way_to_map_a_class(make: Any, home: Any, attribute: str) -> None:
    """
    Dataclasses, SQLModel and imperative mappings: out, through bytes, edited, and back as instances.
    """
    engine = create_engine("sqlite://")
    home.metadata.create_all(engine)
    with Session(engine) as session:
        instance = make()
        session.add(instance)
        session.flush()
        snap = snapshot(instance, include=["links"] if isinstance(instance, Card) else [])
    draft: Any = loads(dumps(edit(snap)), home)
    setattr(draft, attribute, "Bob")
    back = thaw(draft)

    assert ("Ann", "Bob") == (getattr(snap, attribute), getattr(back, attribute))
    assert type(instance) is type(back)
    if isinstance(instance, Hero):
        assert "ANN" == snap.shout()
    if isinstance(instance, Card):
        assert [2] == [link.number for link in back.links]


class PostgresBase(DeclarativeBase):
    pass


class Reading(PostgresBase):
    __tablename__ = "reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    numbers: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    grid: Mapped[list[list[int]]] = mapped_column(ARRAY(Integer, dimensions=2))
    states: Mapped[list[Status]] = mapped_column(ARRAY(Enum(Status)))
    span: Mapped[Range[int]] = mapped_column(INT4RANGE)


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_arrays_and_ranges_of_postgresql(postgresql_url: URL, form: Any) -> None:
    """
    Arrays, arrays of enums and ranges come out of PostgreSQL, through bytes, and back.
    """
    engine = create_engine(postgresql_url)
    PostgresBase.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Reading(id=1, numbers=[1, 2], grid=[[1], [2]], states=[Status.PAID], span=Range(1, 5)))
        session.commit()
        snap = snapshot(session.get(Reading, 1))
    engine.dispose()
    back = loads(dumps(snap, format=form), PostgresBase)

    assert ([1, 2], [[1], [2]], [Status.PAID], Range(1, 5)) == (
        back.numbers,
        back.grid,
        back.states,
        back.span,
    )


def test_a_snapshot_is_read_by_several_threads(session: Session) -> None:
    """
    Threads that read the same relationships at the same time get the same twins.
    """
    snaps = snapshot(list(session.scalars(select(Order))), include=EVERYTHING)
    seen: list[list[int]] = []
    start = threading.Barrier(4)

    def read() -> None:
        start.wait()
        seen.append([id(row) for snap in snaps for row in (snap.customer, *snap.items, snap.items)])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [seen[0]] * 4 == seen
