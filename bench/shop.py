"""The small database that the workloads run on: users with posts, and one table of many rows.

It is SQLite in memory, so there is no input or output for overhead to hide behind: ratios on a database
server are smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import JSON, Engine, ForeignKey, create_engine, insert
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, configure_mappers, mapped_column, relationship
from sqlalchemy.pool import StaticPool

USERS = 1_000
THINGS = 50_000


class Base(DeclarativeBase):
    """Base of the benchmark's models."""


class User(Base):
    """A row with plain columns, a deferred one, a mutable one and a collection."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    nick: Mapped[str | None]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    data: Mapped[dict[str, int] | None] = mapped_column(MutableDict.as_mutable(JSON))
    posts: Mapped[list[Post]] = relationship(back_populates="user")


class Post(Base):
    """The child side of the collection."""

    __tablename__ = "post"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    title: Mapped[str]
    user: Mapped[User] = relationship(back_populates="posts")


class Thing(Base):
    """The row of the big query: seven columns, no relationship."""

    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[str]
    b: Mapped[str]
    c: Mapped[int]
    d: Mapped[float]
    e: Mapped[bool]
    f: Mapped[str]


@dataclass(frozen=True)
class Shop:
    """The engine, and one Session that stays open with one User loaded in it."""

    engine: Engine
    session: Session
    user: User


def open_shop() -> Shop:
    """Return a filled database; every mapper is configured, so that no variant pays for it."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(User), [_user(number) for number in range(1, USERS + 1)])
        connection.execute(insert(Post), [_post(number) for number in range(1, 2 * USERS + 1)])
        connection.execute(insert(Thing), [_thing(number) for number in range(1, THINGS + 1)])
    configure_mappers()
    session = Session(engine)
    return Shop(engine, session, session.get_one(User, USERS))


def _user(number: int) -> dict[str, object]:
    return {"id": number, "name": f"n{number}", "nick": "x", "data": {"a": number}}


def _post(number: int) -> dict[str, object]:
    return {"id": number, "user_id": 1 + number % USERS, "title": f"t{number}"}


def _thing(number: int) -> dict[str, object]:
    texts = {"a": f"a{number}", "b": "b" * 20, "f": "f"}
    return {"id": number, "c": number, "d": number / 3, "e": True, **texts}
