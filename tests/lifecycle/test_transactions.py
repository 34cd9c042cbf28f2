"""Context managers, transactions and factories: what entering and leaving them does is what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, close_all_sessions, scoped_session, sessionmaker

from tests.lifecycle.checking import fits, rows_here, which
from tests.lifecycle.conftest import Databases
from tests.lifecycle.evaluate import Call
from tests.lifecycle.world import Thing, look_at_all, populate

pytestmark = pytest.mark.filterwarnings(
    "ignore::sqlalchemy.exc.SAWarning", "ignore::sqlalchemy.exc.SADeprecationWarning"
)
HERE = rows_here()
INSIDE = Call(inside=("clean", "written", "tag"), new=("inner",), gone=("full", "part"))


class LeftByError(Exception):
    """What leaves a block by an exception."""


def work_inside(session: Session, world: dict[str, Any]) -> None:
    """Do something of each kind inside a savepoint: change, add, delete, and change without a flush."""
    world["clean"].name = "inside"
    world["inner"] = Thing(id=200, name="inner")
    session.add(world["inner"])
    session.delete(world["full"])
    session.flush()
    world["written"].name = "again"


Opened = tuple[Any, Callable[[Any], Session]]


def session_begin(engine: Engine, **settings: bool) -> Opened:
    """Session.begin()."""
    session = Session(engine, **settings)
    return session.begin(), lambda value: session


def scoped_begin(engine: Engine, **settings: bool) -> Opened:
    """scoped_session.begin()."""
    registry = scoped_session(sessionmaker(engine, **settings))
    return registry.begin(), lambda value: registry()


def no_autoflush(engine: Engine, **settings: bool) -> Opened:
    """Session.no_autoflush."""
    session = Session(engine, **settings)
    return session.no_autoflush, lambda value: session


def scoped_no_autoflush(engine: Engine, **settings: bool) -> Opened:
    """scoped_session.no_autoflush."""
    registry = scoped_session(sessionmaker(engine, **settings))
    return registry.no_autoflush, lambda value: registry()


MANAGERS: dict[str, Callable[..., Opened]] = {
    "sqlalchemy.orm.Session.__enter__": lambda engine, **settings: (
        Session(engine, **settings),
        lambda value: value,
    ),
    "sqlalchemy.orm.sessionmaker.begin": lambda engine, **settings: (
        sessionmaker(engine, **settings).begin(),
        lambda value: value,
    ),
    "sqlalchemy.orm.Session.begin": session_begin,
    "sqlalchemy.orm.scoped_session.begin": scoped_begin,
    "sqlalchemy.orm.Session.no_autoflush": no_autoflush,
    "sqlalchemy.orm.scoped_session.no_autoflush": scoped_no_autoflush,
}


@contextmanager
def left(by_error: bool) -> Iterator[None]:
    """Swallow the error that left a block."""
    try:
        yield
    except LeftByError:
        assert by_error


@pytest.mark.parametrize("by_error", [False, True])
@pytest.mark.parametrize("expires", [True, False])
@pytest.mark.parametrize("name", MANAGERS)
def test_manager(name: str, expires: bool, by_error: bool, databases: Databases) -> None:
    """
    Leaving a with block, normally or by an exception, does to each instance what the row says.
    """
    row = HERE[name]
    manager, session_of = MANAGERS[name](databases.fresh(), expire_on_commit=expires)
    with left(by_error), manager as value:
        session = session_of(value)
        fitting = fits(row.returns, value, manager if row.returns.kind != "self" else value, session)
        world = populate(session)
        before = look_at_all(world, session)
        if by_error:
            raise LeftByError
    effects = row.failing if by_error else row.leaving
    call = Call(settings={"autoflush", "expire_on_commit"} if expires else {"autoflush"})
    problem = which(before, effects, call, look_at_all(world, session))[1]
    ended = any(effect.verb in ("commit", "rollback", "close") for effect in effects)
    open_still = session.in_transaction()
    session.close()

    assert (True, {}, not ended) == (fitting, problem, open_still)


def scoped(engine: Engine) -> tuple[scoped_session[Session], Session]:
    """Return a registry and its Session."""
    registry = scoped_session(sessionmaker(engine))
    return registry, registry()


def plain(engine: Engine) -> tuple[Session, Session]:
    """Return a Session twice."""
    session = Session(engine)
    return session, session


SAVEPOINTS = {
    "sqlalchemy.orm.Session.begin_nested": plain,
    "sqlalchemy.orm.scoped_session.begin_nested": scoped,
}


@pytest.mark.parametrize("end", ["leaving", "failing", "commit", "rollback"])
@pytest.mark.parametrize("name", SAVEPOINTS)
def test_savepoint(name: str, end: str, databases: Databases) -> None:
    """
    begin_nested() flushes; leaving it, or ending it by hand, does to each instance what the row says.
    """
    receiver, session = SAVEPOINTS[name](databases.fresh())
    row, world = HERE[name], populate(session)
    first = look_at_all(world, session)
    savepoint = receiver.begin_nested()
    entering = which(first, row.effects, Call(), look_at_all(world, session))[1]
    if end in ("commit", "rollback"):
        work_inside(session, world)
        before = look_at_all(world, session)
        getattr(savepoint, end)()
        effects = HERE[f"sqlalchemy.orm.Session.begin_nested().{end}"].effects
    else:
        with left(end == "failing"), savepoint:
            work_inside(session, world)
            before = look_at_all(world, session)
            if end == "failing":
                raise LeftByError
        effects = getattr(row, end)
    problem = which(before, effects, INSIDE, look_at_all(world, session))[1]
    session.close()

    assert ({}, {}) == (entering, problem)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_transaction(end: str, databases: Databases) -> None:
    """
    commit() and rollback() of what Session.begin() gives do what the Session's do.
    """
    session = Session(databases.fresh())
    transaction = session.begin()
    world = populate(session)
    before = look_at_all(world, session)
    getattr(transaction, end)()
    row = HERE[f"sqlalchemy.orm.SessionTransaction.{end}"]
    problem = which(before, row.effects, Call(settings={"expire_on_commit"}), look_at_all(world, session))[1]
    session.close()

    assert ({}, row.effects) == (problem, HERE[f"sqlalchemy.orm.Session.{end}"].effects)


def test_factories(databases: Databases) -> None:
    """
    Session, sessionmaker and scoped_session give what their rows say, with the settings their rows say.
    """
    engine = databases.fresh()
    factory = sessionmaker(engine)
    registry = scoped_session(factory)
    made = {
        "sqlalchemy.orm.Session": Session(engine),
        "sqlalchemy.orm.sessionmaker": factory,
        "sqlalchemy.orm.sessionmaker.__call__": factory(),
        "sqlalchemy.orm.sessionmaker.configure": factory.configure(),
        "sqlalchemy.orm.scoped_session": registry,
        "sqlalchemy.orm.scoped_session.__call__": registry(),
        "sqlalchemy.orm.scoped_session.configure": scoped_session(factory).configure(),
        "sqlalchemy.orm.scoped_session.query_property": registry.query_property(),
    }

    assert [] == [
        name for name, value in made.items() if not fits(HERE[name].returns, value, None, registry())
    ]
    session = made["sqlalchemy.orm.Session"]
    settings = {name: str(getattr(session, name)).lower() for name in ("expire_on_commit", "autoflush")}
    assert (
        dict(HERE["sqlalchemy.orm.Session"].defaults)
        == dict(HERE["sqlalchemy.orm.sessionmaker"].defaults)
        == settings
    )


ENDS = {
    "sqlalchemy.orm.scoped_session.remove": lambda registry: registry.remove(),
    "sqlalchemy.orm.close_all_sessions": lambda registry: close_all_sessions(),
    "sqlalchemy.orm.Session.close_all": lambda registry: Session.close_all(),
}


@pytest.mark.parametrize("name", [name for name in ENDS if name in HERE])
def test_end_of_a_scope(name: str, databases: Databases) -> None:
    """
    remove() closes the ambient Session and the next one is another; close_all_sessions() closes every Session.
    """
    registry, session = scoped(databases.fresh())
    world = populate(session)
    before = look_at_all(world, session)
    ENDS[name](registry)
    problem = which(before, HERE[name].effects, Call(), look_at_all(world, session))[1]
    another = any(effect.verb == "end" for effect in HERE[name].effects)

    assert ({}, another) == (problem, registry() is not session)
    registry.remove()


EXECUTED = {
    *MANAGERS,
    *SAVEPOINTS,
    *ENDS,
    *(f"sqlalchemy.orm.Session.begin_nested().{end}" for end in ("commit", "rollback")),
    *(f"sqlalchemy.orm.SessionTransaction.{end}" for end in ("commit", "rollback")),
    *(f"sqlalchemy.orm.{name}" for name in ("Session", "sessionmaker", "scoped_session")),
    *(f"sqlalchemy.orm.sessionmaker.{name}" for name in ("__call__", "configure")),
    *(f"sqlalchemy.orm.scoped_session.{name}" for name in ("__call__", "configure", "query_property")),
}
