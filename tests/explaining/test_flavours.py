"""Other ways to map and to own an instance: what is predicted still is what happens."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Column, Engine, ForeignKey, Integer, String, Table, create_engine, event, inspect, text
from sqlalchemy.exc import InvalidRequestError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    attribute_keyed_dict,
    mapped_column,
    registry,
    relationship,
)

from tests.explaining import models
from tests.explaining.test_reading import attributes, differences, observed
from tether.explaining import explain
from tether.explaining.consequences import commit_of
from tether.explaining.reading import reading
from tether.explaining.surroundings import around


class DataBase(MappedAsDataclass, DeclarativeBase):
    pass


class Coin(DataBase):
    __tablename__ = "coin"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    side: Mapped[str] = mapped_column(default="heads")
    album_id: Mapped[int | None] = mapped_column(ForeignKey("album.id"), default=None)


class Album(DataBase):
    __tablename__ = "album"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str | None] = mapped_column(default=None)
    coins: Mapped[list[Coin]] = relationship(default_factory=list)


mapping = registry()


class Ship:
    """Mapped imperatively, below."""

    def __init__(self, **values: Any) -> None:
        for key, value in values.items():
            setattr(self, key, value)


class Sailor(Ship):
    pass


ship = Table("ship", mapping.metadata, Column("id", Integer, primary_key=True), Column("name", String))
sailor = Table(
    "sailor",
    mapping.metadata,
    Column("id", Integer, primary_key=True),
    Column("rank", String),
    Column("ship_id", ForeignKey("ship.id")),
)
mapping.map_imperatively(Sailor, sailor)
mapping.map_imperatively(
    Ship,
    ship,
    properties={
        "crew": relationship(Sailor, collection_class=attribute_keyed_dict("rank")),
        "ranked": relationship(
            Sailor, collection_class=ordering_list("rank"), order_by=sailor.c.rank, viewonly=True
        ),
    },
)


class Base(DeclarativeBase):
    pass


class Parent(Base):
    __tablename__ = "parent"
    id: Mapped[int] = mapped_column(primary_key=True)


class Child(Base):
    __tablename__ = "child"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    updated: Mapped[str | None] = mapped_column(onupdate=lambda: "now")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("parent.id"))
    parent: Mapped[Parent | None] = relationship(load_on_pending=True)


def check(instance: object, make: Callable[[], object], statements: list[str]) -> list[object]:
    """Compare each attribute's prediction with a fresh instance made the same way."""
    wrong: list[object] = []
    for key in attributes(inspect(type(instance))):
        fresh = make()
        state = inspect(fresh)
        outcome = reading(state, key, around(state))
        found = differences(outcome, *observed(fresh, key, statements))
        wrong += [(key, outcome.text, claim) for claim in found]
    return wrong


@pytest.fixture
def database() -> Engine:
    engine = create_engine("sqlite://")
    for metadata in (DataBase.metadata, mapping.metadata, Base.metadata):
        metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Album(coins=[Coin(), Coin()]))
        session.add(Ship(id=1, name="a", crew={"cook": Sailor(id=1, rank="cook")}))
        session.add_all([Parent(id=1), Child(id=1, parent_id=1)])
        session.commit()
    return engine


@pytest.fixture
def sent(database: Engine) -> list[str]:
    seen: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *arguments: seen.append(arguments[2].strip()))
    return seen


@pytest.mark.parametrize("cls", [Album, Coin, Ship, Sailor, Child], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("situation", ["transient", "pending", "persistent", "expired", "detached"])
def test_reading_is_predicted_for_other_mappings(
    database: Engine, sent: list[str], cls: type[Any], situation: str
) -> None:
    """
    Dataclasses, imperative mappings, keyed and ordered collections, load_on_pending: as predicted.
    """
    kept: list[Session] = []

    def make() -> object:
        session = Session(database)
        kept.append(session)
        if situation in ("transient", "pending"):
            instance = cls(parent_id=1) if cls is Child else cls()
            if situation == "pending":
                session.add(instance)
            return instance
        found = session.get(cls, 1)
        if situation == "expired":
            session.expire(found)
        if situation == "detached":
            session.close()
        return found

    assert [] == check(make(), make, sent)
    for session in kept:
        session.close()


def test_collections_are_counted_whatever_their_class(database: Engine) -> None:
    """
    A keyed collection is summed up like a list.
    """
    with Session(database) as session:
        found = session.get(Ship, 1)
        assert found is not None
        assert found.crew
        lines = explain(found).long.splitlines()

    assert "  crew: loaded 1 Sailor (1 persistent); reading it gives the loaded value" in lines


def test_dataclass_with_its_default(database: Engine) -> None:
    """
    What a dataclass fills in by itself reads without SQL, whether it is kept on the instance or on the class.
    """
    line = next(line for line in explain(Coin()).long.splitlines() if line.startswith("  side"))

    assert line in (
        "  side: changed to 'heads'; reading it gives the loaded value",
        "  side: unloaded; reading it gives its default",
    )
    assert "heads" == Coin().side


def test_sqlmodel() -> None:
    """
    A SQLModel instance is explained like any other; its own pydantic repr is not called.
    """
    sqlmodel = pytest.importorskip("sqlmodel")

    class Hero(sqlmodel.SQLModel, table=True):
        __tablename__ = "hero_of_explain"
        id: int | None = sqlmodel.Field(default=None, primary_key=True)
        name: str
        key: str = sqlmodel.Field(sa_column_kwargs={"info": {"tether": "secret"}})

    engine = create_engine("sqlite://")
    sqlmodel.SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Hero(id=1, name="Ann", key="s3cret"))
        session.commit()
        hero = session.get(Hero, 1)
        hero.name = "Eve"
        explanation = explain(hero)

    assert "Hero(id=1) is persistent; changed: name" == explanation.short
    assert (
        "  name: changed from 'Ann' to 'Eve'; reading it gives the changed value"
        in explanation.long.splitlines()
    )
    assert "s3cret" not in explanation.long


def raised(error: Exception) -> str:
    """Return the name of the error; with some drivers 2.1 wraps MissingGreenlet in a StatementError."""
    inner = error.__cause__ if isinstance(error, StatementError) and error.__cause__ else error
    return type(inner).__name__


@pytest.mark.parametrize("situation", ["loaded", "expired", "detached", "run_sync"])
def test_reading_in_async_code_is_predicted(run_async: Callable[..., Any], situation: str) -> None:
    """
    In an AsyncSession every read that needs SQL raises MissingGreenlet, but not inside run_sync().
    """

    async def wrong() -> list[object]:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.begin() as connection:
            await connection.run_sync(models.Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            session.add_all(models.rows())
            await session.commit()
        found: list[object] = []
        for key in attributes(inspect(models.Person)):
            async with AsyncSession(engine) as session:
                person = await session.get(models.Person, 1)
                if situation == "expired":
                    session.expire(person)
                if situation == "detached":
                    session.expunge(person)
                if situation == "run_sync":
                    found += await session.run_sync(lambda _, *of: compare(*of), person, key)
                else:
                    found += compare(person, key)
        await engine.dispose()
        return found

    def compare(person: object, key: str) -> list[object]:
        state = inspect(person)
        outcome = reading(state, key, around(state))
        try:
            getattr(person, key)
        except Exception as error:  # noqa: BLE001  whatever it is, its name is what was predicted
            name = raised(error)
        else:
            name = ""
        return (
            [] if name in (outcome.raises, *outcome.may_raise.split(" or ")) else [(key, outcome.text, name)]
        )

    with warnings.catch_warnings():
        # a coroutine of the driver that the read could not await
        warnings.simplefilter("ignore")
        found = run_async(wrong)
        gc.collect()

    assert [] == found


def test_autobegin_is_off_and_nothing_was_begun(database: Engine) -> None:
    """
    Without autobegin, reading and committing raise until begin() is called.
    """
    session = Session(database, autobegin=False)
    with session.begin():
        child = session.get(Child, 1)
    prediction = commit_of(inspect(child))

    assert "InvalidRequestError" == prediction.raises
    with pytest.raises(InvalidRequestError):
        session.commit()


def test_commit_without_a_bind(database: Engine) -> None:
    """
    A commit that has something to write raises if the Session has no bind.
    """
    session = Session()
    child = Child(id=9)
    session.add(child)

    assert "raises UnboundExecutionError" == commit_of(inspect(child)).text
    with pytest.raises(Exception, match="Could not locate a bind"):
        session.commit()


def test_session_bound_by_table(database: Engine) -> None:
    """
    With binds= the database of each class is found, although the Session has none of its own.
    """
    with Session(binds={Child: database}) as session:
        child = session.get(Child, 1)
        long = explain(child).long

    assert "  session: Session on sqlite://, in a transaction, expire_on_commit=True" in long.splitlines()


def test_own_get_bind_is_not_called(database: Engine) -> None:
    """
    A Session class that chooses its database by its own code is not asked.
    """

    class Routing(Session):
        def get_bind(self, *arguments: Any, **options: Any) -> Any:
            if self.info.get("asked"):
                raise AssertionError("explain must not run the program's code")
            return database

    with Routing() as session:
        child = session.get(Child, 1)
        session.info["asked"] = True
        explained = explain(child).long, explain(session).long

    assert "session: Routing with a get_bind() of its own" in explained[0]
    assert explained[1].startswith("Routing with a get_bind() of its own")


def test_async_session_with_its_own_get_bind(run_async: Callable[..., Any]) -> None:
    """
    An AsyncSession that routes by its own code still is one: an expired column raises MissingGreenlet.
    """
    engine = create_async_engine("sqlite+aiosqlite://")

    class Routing(Session):
        def get_bind(self, *arguments: Any, **options: Any) -> Any:
            return engine.sync_engine

    async def outcome() -> tuple[str, str]:
        async with AsyncSession(sync_session_class=Routing) as session:
            await (await session.connection()).run_sync(Base.metadata.create_all)
            session.add(Child(id=1))
            await session.commit()
            child = await session.get(Child, 1)
            session.expire(child)
            predicted = reading(inspect(child), "name", around(inspect(child))).raises
            try:
                assert child.name
            except Exception as error:  # noqa: BLE001  its name is what was predicted
                observed_name = raised(error)
            await session.rollback()
        await engine.dispose()
        return predicted, observed_name

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a coroutine of the driver that the read could not await
        predicted, happened = run_async(outcome)
        gc.collect()

    assert "MissingGreenlet" == predicted == happened


def test_noload(database: Engine) -> None:
    """
    A relationship that is never loaded reads as empty, with no SQL, in any state.
    """
    local = registry()

    class Tree:
        pass

    trees = Table(
        "tree", local.metadata, Column("id", Integer, primary_key=True), Column("up", ForeignKey("tree.id"))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 2.1 warns that noload is legacy
        local.map_imperatively(Tree, trees, properties={"down": relationship(Tree, lazy="noload")})
        local.configure()
    local.metadata.create_all(database)
    with Session(database) as session:
        session.execute(text("INSERT INTO tree (id) VALUES (1)"))
        tree = session.get(Tree, 1)
        session.expire(tree)
        outcome = reading(inspect(tree), "down", around(inspect(tree)))

        assert "gives an empty collection" == outcome.text
        assert [] == tree.down
