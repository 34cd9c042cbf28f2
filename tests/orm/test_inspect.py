"""What orm.inspect says about instances, compared with what a flush then writes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Engine, ForeignKey, Table, create_engine, event, func, inspect
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import (
    Composite,
    DeclarativeBase,
    Mapped,
    Session,
    column_property,
    composite,
    defer,
    mapped_column,
    relationship,
    synonym,
)
from sqlalchemy.orm.attributes import flag_modified

from tether.core.finding import Place
from tether.core.states import State
from tether.orm import inspect as orm_inspect
from tether.orm.provenance import Provenance, provenance_of, set_teller


class Base(DeclarativeBase):
    pass


class Point(tuple[int, int]):
    def __new__(cls, x: int, y: int) -> Point:
        return super().__new__(cls, (x, y))

    def __composite_values__(self) -> tuple[int, int]:
        return tuple(self)


tags = Table(
    "tags",
    Base.metadata,
    Column("user_id", ForeignKey("user.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    users: Mapped[list[User]] = relationship(secondary=tags, back_populates="tags")


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    token: Mapped[str | None] = mapped_column(info={"tether": "secret"})
    bio: Mapped[str | None] = mapped_column(deferred=True)
    data: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON))
    x: Mapped[int | None]
    y: Mapped[int | None]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    point: Composite[Point] = composite(Point, "x", "y")
    nick: Mapped[str | None] = synonym("name")
    password: Mapped[str | None] = synonym("token")
    team: Mapped[Team | None] = relationship()
    card: Mapped[Card | None] = relationship(back_populates="user")

    tags = relationship(Tag, secondary=tags, back_populates="users")


User.shouted = column_property(func.upper(User.__table__.c.token))


class Card(Base):
    __tablename__ = "card"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User | None] = relationship(back_populates="card")


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Team(id=7))
        session.add(Tag(id=5))
        session.add(User(id=1, name="ann", bio="b", data={"k": 1}, x=1, y=2, team_id=7))
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, autoflush=False) as session:
        yield session


@pytest.fixture
def statements(engine: Engine) -> list[str]:
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    return seen


CHANGES: dict[str, tuple[Callable[[User, Session], object], list[str]]] = {
    "nothing": (lambda user, session: None, []),
    "an equal value": (lambda user, session: setattr(user, "name", "ann"), []),
    "another value": (lambda user, session: setattr(user, "name", "bob"), ["name"]),
    "a value and back": (
        lambda user, session: (setattr(user, "name", "b"), setattr(user, "name", "ann")),
        [],
    ),
    "through a synonym": (lambda user, session: setattr(user, "nick", "bob"), ["name"]),
    "a deleted value": (lambda user, session: delattr(user, "name"), ["name"]),
    "a deferred column": (lambda user, session: setattr(user, "bio", "new"), ["bio"]),
    "Mutable in place": (lambda user, session: user.data.update(k=2), ["data"]),
    "Mutable, equal": (lambda user, session: setattr(user, "data", {"k": 1}), []),
    "flag_modified": (lambda user, session: flag_modified(user, "name"), ["name"]),
    "a composite": (lambda user, session: setattr(user, "point", Point(1, 9)), ["y"]),
    "an equal composite": (lambda user, session: setattr(user, "point", Point(1, 2)), []),
    "a many-to-one": (lambda user, session: setattr(user, "team", None), ["team"]),
    "the same many-to-one": (lambda user, session: setattr(user, "team", user.team), []),
    "an append": (lambda user, session: user.tags.append(session.get(Tag, 5)), ["tags"]),
    "append and remove": (
        lambda user, session: (user.tags.append(tag := session.get(Tag, 5)), user.tags.remove(tag)),
        [],
    ),
    "an unloaded one-to-one": (lambda user, session: setattr(user, "card", Card()), ["card"]),
    "merge of equal values": (lambda user, session: session.merge(User(id=1, name="ann")), []),
    "merge of another value": (lambda user, session: session.merge(User(id=1, name="bob")), ["name"]),
}


@pytest.mark.parametrize("change, names", CHANGES.values(), ids=CHANGES.keys())
def test_net_changes_names_what_differs(
    session: Session, statements: list[str], change: Callable[[User, Session], object], names: list[str]
) -> None:
    """
    net_changes names exactly the attributes that differ, emits no SQL, and has_net_changes agrees.
    """
    user = session.get(User, 1)
    change(user, session)
    state = inspect(user)
    statements.clear()
    before = (dict(user.__dict__), dict(state.committed_state))

    assert names == orm_inspect.net_changes(state)
    assert bool(names) == orm_inspect.has_net_changes(state)
    assert [] == statements
    assert before == (dict(user.__dict__), dict(state.committed_state))


# A flush of a value deleted with `del` ends in a KeyError inside SQLAlchemy (2.0.20, 2.0.58, 2.1.9).
FLUSHED = {name: case for name, case in CHANGES.items() if name != "a deleted value"}


@pytest.mark.parametrize("change, names", FLUSHED.values(), ids=FLUSHED.keys())
def test_flush_writes_if_and_only_if_there_is_a_net_change(
    session: Session, statements: list[str], change: Callable[[User, Session], object], names: list[str]
) -> None:
    """
    A flush emits INSERT, UPDATE or DELETE exactly when net_changes names something.
    """
    user = session.get(User, 1)
    change(user, session)
    statements.clear()
    session.flush()

    assert bool(names) == any(not statement.startswith("SELECT") for statement in statements)


def test_net_changes_of_an_instance_that_is_gone(session: Session) -> None:
    """
    With the instance's dictionary the changes are still known after it was collected.
    """
    user = session.get(User, 1)
    user.name = "bob"
    state, values = inspect(user), user.__dict__
    session.expunge(user)
    del user

    assert state.object is None
    assert ["name"] == orm_inspect.net_changes(state, values)


def test_states(session: Session) -> None:
    """
    state_of uses SQLAlchemy's five words and takes an instance or its state.
    """
    user = User(id=2)
    seen = [orm_inspect.state_of(user)]
    session.add(user)
    seen.append(orm_inspect.state_of(inspect(user)))
    session.flush()
    seen.append(orm_inspect.state_of(user))
    session.delete(user)
    session.flush()
    seen.append(orm_inspect.state_of(user))
    session.commit()
    seen.append(orm_inspect.state_of(user))

    assert [State.TRANSIENT, State.PENDING, State.PERSISTENT, State.DELETED, State.DETACHED] == seen


def test_pending_in_a_session_that_is_gone_is_transient(engine: Engine) -> None:
    """
    When its Session was garbage-collected, a pending instance is transient again.
    """
    user = User()
    Session(engine).add(user)
    gc.collect()  # the Session and its identity map refer to each other

    assert State.TRANSIENT == orm_inspect.state_of(user)


def test_identity_key_and_class_path(session: Session) -> None:
    """
    The identity key is SQLAlchemy's, and None before the first flush.
    """
    assert (User, (1,), None) == orm_inspect.identity_key(inspect(session.get(User, 1)))
    assert None is orm_inspect.identity_key(inspect(User(id=1)))
    assert f"{__name__}.User" == orm_inspect.class_path(inspect(User()))


@pytest.mark.parametrize("key", ["token", "password", "shouted"])
def test_secret(key: str) -> None:
    """
    A column is secret by its info; so are its synonym and what is computed from it.
    """
    assert orm_inspect.is_secret(inspect(User), key)


@pytest.mark.parametrize("key", ["name", "nick", "point", "team", "nothing"])
def test_not_secret(key: str) -> None:
    """
    What is not marked is not secret, nor is a name that is not mapped.
    """
    assert not orm_inspect.is_secret(inspect(User), key)


def test_unloaded_expired_and_deferred(session: Session) -> None:
    """
    A deferred column stays deferred when the rest expires; relationships are unloaded, never expired.
    """
    user = session.get(User, 1, options=[defer(User.x)])
    state = inspect(user)
    relations = {"team", "tags", "card"}

    assert {"bio", "x"} == orm_inspect.deferred(state)
    assert set() == orm_inspect.expired(state)
    assert {"bio", "x"} | relations == orm_inspect.unloaded(state)

    session.expire(user)

    assert {"bio"} == orm_inspect.deferred(state)
    assert set(state.mapper.column_attrs.keys()) - {"bio"} == orm_inspect.expired(state)
    assert set(state.mapper.column_attrs.keys()) | relations == orm_inspect.unloaded(state)


def test_column_that_was_set_again_is_not_expired(session: Session) -> None:
    """
    A value set on an expired instance is loaded; the rest stays expired.
    """
    user = session.get(User, 1)
    session.expire(user)
    user.name = "bob"

    assert "name" not in orm_inspect.expired(inspect(user))
    assert "x" in orm_inspect.expired(inspect(user))


def test_instance_without_a_row_has_nothing_deferred() -> None:
    """
    Nothing of a transient instance is deferred: there is no row to load it from.
    """
    assert set() == orm_inspect.deferred(inspect(User()))


def test_provenance_is_what_the_teller_says() -> None:
    """
    Nobody knows the places while nothing is watching.
    """
    state = inspect(User())
    told = Provenance(loaded=Place("loaded", "app.py", 3))
    unwatched = provenance_of(state)
    set_teller(lambda _: told)
    watched = provenance_of(state)
    set_teller(None)

    assert None is unwatched
    assert told is watched
    assert (told.loaded,) == told.places
    assert None is provenance_of(state)
