"""A shop on an SQLite file, with one of everything."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.orm import Session

from tests.carry.back.boxes import fill as fill_boxes
from tests.carry.back.models import (
    Base,
    Customer,
    Engineer,
    Item,
    Note,
    Order,
    Person,
    Point,
    Step,
    Tag,
    Versioned,
)


def fill(engine: Engine) -> None:
    """Create the tables and a row or two in each."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        ann, bob = Customer(id=1, name="ann", email="a@x"), Customer(id=2, name="bob", email="b@x")
        session.add_all([ann, bob, *(Tag(id=n, name=f"tag{n}") for n in (1, 2, 3))])
        session.flush()
        session.add(
            Order(
                id=1,
                status="new",
                note="n",
                total=Decimal("1.50"),
                memo="m",
                data={"k": 1},
                customer=ann,
                items=[Item(id=1, label="a"), Item(id=2, label="b")],
                tags=[session.get(Tag, 1), session.get(Tag, 2)],
                notes={"x": Note(id=1, title="x", text="first")},
                steps=[Step(id=n, position=n - 1, name=f"step{n}") for n in (1, 2, 3)],
            )
        )
        session.add(Order(id=2, status="new", customer=bob))
        session.add(Versioned(id=1, name="a", email="e", place=Point(1, 2)))
        session.add_all([Person(id=1, kind="person", name="eve"), Engineer(id=2, name="joe", skill="c")])

    if engine.dialect.name == "postgresql":  # rows with a given key do not move the sequence
        with engine.begin() as connection:
            for table in Base.metadata.tables.values():
                if "id" in table.c and table.name != "engineers":
                    connection.execute(select(func.setval(f"{table.name}_id_seq", 100)))


def open_engine(request: pytest.FixtureRequest) -> Engine:
    """Return an engine on the database that the parameter of the fixture names; SQLite checks foreign keys."""
    if request.param != "sqlite":
        return create_engine(request.getfixturevalue(f"{request.param}_url"))
    engine: Engine = request.getfixturevalue("sqlite_engine")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = on"))
    return engine


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def boxes(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    An engine on the filled boxes, on each of the three databases.
    """
    engine = open_engine(request)
    fill_boxes(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def shop(sqlite_engine: Engine) -> Engine:
    """
    An engine on the filled shop.
    """
    fill(sqlite_engine)
    return sqlite_engine


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    An engine on the filled shop, on each of the three databases.
    """
    if request.param == "sqlite":
        engine = request.getfixturevalue("sqlite_engine")
    else:
        engine = create_engine(request.getfixturevalue(f"{request.param}_url"))
    fill(engine)
    yield engine
    engine.dispose()
