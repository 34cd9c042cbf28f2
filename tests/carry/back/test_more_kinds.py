"""attach() of rarer kinds: sets, association objects and proxies, viewonly, one table for several classes, versions."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, select
from sqlalchemy.orm import Session, selectin_polymorphic, selectinload

import tether
from tests.carry.back.people import bring, row, somebody, taken, theirs
from tests.carry.back.zoo import Animal, Base, Bird, Cage, Duty, Fish, Keeper, Log, PostgresBase, Ticket, Toy
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError, Kind
from tether.carry.drafts import edit
from tether.carry.snapshots import snapshot


@pytest.fixture
def zoo(sqlite_engine: Engine) -> Engine:
    """
    An engine on a small zoo.
    """
    Base.metadata.create_all(sqlite_engine)
    with Session(sqlite_engine) as session, session.begin():
        session.add_all(
            [
                Bird(id=1, name="owl", wings=2, toys={Toy(id=1, size=1), Toy(id=2, size=9)}),
                Fish(id=2, name="cod", fins=3),
                Animal(id=3, name="cat"),
                Keeper(id=1, name="kim"),
                Cage(id=1, name="c", place="p", version=1),
            ]
        )
        session.flush()
        session.add(Duty(keeper_id=1, animal_id=1, hours=4))
    return sqlite_engine


def toys(engine: Engine) -> list[tuple[int, int]]:
    """Return the toys with their animals."""
    with Session(engine) as session:
        return [(t.id, t.animal_id) for t in session.scalars(select(Toy).order_by(Toy.id))]


@pytest.mark.parametrize("kind", ["detached", "draft"])
def test_set(zoo: Engine, kind: str) -> None:
    """
    A set is merged element by element.
    """
    with Session(zoo) as session:
        owl: Any = session.get(Bird, 1, options=[selectinload(Bird.toys)])
        owl = edit(snapshot(owl)) if kind == "draft" else owl
    first = next(toy for toy in owl.toys if toy.id == 1)
    owl.toys.discard(first)
    owl.toys.add(owl.new(Toy, id=70, size=3) if kind == "draft" else Toy(id=70, size=3))
    with somebody(zoo, Bird, 1) as there:
        there.toys.add(Toy(id=80, size=3))

    bring(zoo, owl)

    assert [(2, 1), (70, 1), (80, 1)] == toys(zoo)


def test_viewonly(zoo: Engine) -> None:
    """
    A viewonly relationship is read with the copy, and never written.
    """
    owl = taken(zoo, Bird, 1, selectinload(Bird.big_toys))
    owl.big_toys.clear()
    owl.name = "mine"

    bring(zoo, owl)

    assert [(1, 1), (2, 1)] == toys(zoo)
    assert ("mine",) == row(zoo, Bird, 1, "name")


def test_association_object(zoo: Engine) -> None:
    """
    The rows of an association object are rows with a key of two columns: mine and theirs are both there.
    """
    kim = taken(zoo, Keeper, 1, selectinload(Keeper.duties).selectinload(Duty.animal))
    kim.duties[0].hours = 8
    kim.duties.append(Duty(animal=taken(zoo, Animal, 2), hours=1))
    with somebody(zoo, Keeper, 1) as there:
        there.duties.append(Duty(animal_id=3, hours=2))

    bring(zoo, kim)

    with Session(zoo) as session:
        found = session.execute(select(Duty.animal_id, Duty.hours).order_by(Duty.animal_id)).all()
    assert [(1, 8), (2, 1), (3, 2)] == [tuple(duty) for duty in found]


def test_association_object_that_both_add(zoo: Engine) -> None:
    """
    Two rows for the same pair are a conflict about their primary key.
    """
    kim = taken(zoo, Keeper, 1, selectinload(Keeper.duties))
    kim.duties.append(Duty(keeper_id=1, animal_id=2, hours=1))
    with somebody(zoo, Keeper, 1) as there:
        there.duties.append(Duty(animal_id=2, hours=2))

    with Session(zoo) as session, pytest.raises(ConflictError) as raised:
        attach(session, kim)

    assert [(Kind.UNIQUE, (1, 2))] == [(c.kind, c.mine) for c in raised.value.conflicts]


def test_association_proxy(zoo: Engine) -> None:
    """
    What is done through an association proxy is done to the association objects.
    """
    kim = taken(zoo, Keeper, 1, selectinload(Keeper.duties).selectinload(Duty.animal))
    kim.animals.append(taken(zoo, Fish, 2))
    kim.animals.remove(kim.animals[0])

    bring(zoo, kim)

    with Session(zoo) as session:
        assert ["cod"] == [animal.name for animal in session.get(Keeper, 1).animals]


@pytest.mark.parametrize("in_session", [False, True])
def test_one_table_for_several_classes(zoo: Engine, in_session: bool) -> None:
    """
    Rows come back as instances of their own class, taken by it or by the class above.
    """
    with Session(zoo) as session:
        everything = selectin_polymorphic(Animal, [Bird, Fish])
        animals: Any = session.scalars(select(Animal).options(everything).order_by(Animal.id)).all()
    animals[0].wings, animals[1].fins, animals[2].name = 1, 7, "CAT"
    theirs(zoo, Animal, 1, name="OWL")

    with Session(zoo) as session:
        here = session.scalars(select(Animal)).all() if in_session else []
        found = attach(session, list(animals))
        assert [Bird, Fish, Animal] == [type(animal) for animal in found]
        session.commit()
        del here

    assert (("OWL", 1), ("cod", 7)) == (row(zoo, Bird, 1, "name", "wings"), row(zoo, Fish, 2, "name", "fins"))


def test_row_that_has_another_class_by_now(zoo: Engine) -> None:
    """
    A row that was deleted and inserted again as another class is re-created, and not deleted.
    """
    owl = taken(zoo, Bird, 1)
    owl.name = "mine"
    with Session(zoo) as session, session.begin():
        session.delete(session.get(Duty, (1, 1)))
        session.delete(session.get(Bird, 1))
        session.flush()
        session.add(Fish(id=1, name="eel"))

    for policy in ("raise", "mine"):
        with Session(zoo) as session, pytest.raises(ConflictError) as raised:
            attach(session, owl, on_conflict=policy)
        assert [Kind.ROW_RECREATED] == [conflict.kind for conflict in raised.value.conflicts]
    with Session(zoo) as session:
        assert attach(session, owl, on_conflict="theirs") is None


def test_uuid_and_a_version_that_is_no_number(database: Engine) -> None:
    """
    A UUID is a key, and a version of any kind is bumped once, without a false conflict.
    """
    Base.metadata.create_all(database)
    with Session(database) as session, session.begin():
        ticket = Ticket(holder="h", seat="s")
        session.add(ticket)
        session.flush()
        key, first = ticket.id, ticket.version
    mine = taken(database, Ticket, key)
    mine.holder = "mine"
    theirs(database, Ticket, key, seat="theirs")
    (second,) = row(database, Ticket, key, "version")

    bring(database, mine)

    assert ("mine", "theirs") == row(database, Ticket, key, "holder", "seat")
    assert 3 == len({first, second, *row(database, Ticket, key, "version")})


@pytest.mark.parametrize("by_me", [0, 1])
def test_version_that_the_program_counts(zoo: Engine, by_me: int) -> None:
    """
    Where the program sets the version, my step of it is done on top of theirs.
    """
    cage = taken(zoo, Cage, 1)
    cage.name = "mine"
    cage.version += by_me
    theirs(zoo, Cage, 1, place="theirs", version=2)

    bring(zoo, cage)

    assert ("mine", "theirs", 2 + by_me) == row(zoo, Cage, 1, "name", "place", "version")


def test_version_that_the_database_gives(postgresql_url: URL) -> None:
    """
    PostgreSQL's xmin is a version that does not count: it is checked by the flush, and tells no re-created row.
    """
    engine = create_engine(postgresql_url)
    PostgresBase.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Log(id=1, line="l", other="o", words=["a", "b"], tree={}))
    mine = taken(engine, Log, 1)
    mine.line = "mine"
    theirs(engine, Log, 1, other="theirs")

    bring(engine, mine)

    assert ("mine", "theirs") == row(engine, Log, 1, "line", "other")
    engine.dispose()


def test_array(postgresql_url: URL) -> None:
    """
    An array is one value: changed on one side it is kept, on both it is a conflict.
    """
    engine = create_engine(postgresql_url)
    PostgresBase.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Log(id=1, line="l", other="o", words=["a", "b"], tree={}))
    unchanged, mine = taken(engine, Log, 1), taken(engine, Log, 1)
    unchanged.words = ["a", "b"]
    mine.words = ["a", "b", "mine"]
    theirs(engine, Log, 1, words=["theirs"])

    assert "UPDATE logs" not in bring(engine, unchanged)
    with Session(engine) as session, pytest.raises(ConflictError) as raised:
        attach(session, mine)
    assert [("words", ["a", "b"], ["a", "b", "mine"], ["theirs"])] == [
        (c.attribute, c.base, c.mine, c.theirs) for c in raised.value.conflicts
    ]
    engine.dispose()


@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_document(zoo: Engine, format_: Any) -> None:
    """
    A draft that went through a document comes home with its base, its removed and its new rows.
    """
    with Session(zoo) as session:
        draft = edit(snapshot(session.get(Keeper, 1, options=[selectinload(Keeper.duties)])))
    draft.name = "mine"
    draft.duties[0].hours = 9
    draft.duties.append(draft.new(Duty, animal_id=2))
    home = tether.loads(tether.dumps(draft, format=format_), Base)
    theirs(zoo, Duty, (1, 1), hours=5)

    with Session(zoo) as session, pytest.raises(ConflictError) as raised:
        attach(session, home)
    assert [("hours", 4, 9, 5)] == [(c.attribute, c.base, c.mine, c.theirs) for c in raised.value.conflicts]
    bring(zoo, home, on_conflict="mine")

    with Session(zoo) as session:
        found = session.execute(select(Duty.animal_id, Duty.hours).order_by(Duty.animal_id)).all()
    assert ("mine", [(1, 9), (2, 1)]) == (
        row(zoo, Keeper, 1, "name")[0],
        [tuple(duty) for duty in found],
    )
