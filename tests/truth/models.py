"""The models and the questions of the truth table.

The row in the database is ``(1, "ann", "a", "B", {"k": 1})`` with two posts, ``p1`` and ``p2``. The cascade
of ``posts`` is SQLAlchemy's default, and ``bio`` is deferred.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Engine, ForeignKey, inspect, text
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of the models."""


class User(Base):
    """Somebody who writes posts."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    nick: Mapped[str | None]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    data: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON))
    posts: Mapped[list[Post]] = relationship(back_populates="user", cascade="save-update, merge")


class Post(Base):
    """What somebody wrote."""

    __tablename__ = "post"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User | None] = relationship(back_populates="posts")


LOST = "DetachedInstanceError"


def fill(engine: Engine) -> None:
    """Create the tables and the row."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        posts = [Post(title="p1"), Post(title="p2")]
        session.add(User(id=1, name="ann", nick="a", bio="B", data={"k": 1}, posts=posts))


def in_database(engine: Engine, query: str = "SELECT name FROM user WHERE id = 1") -> Any:
    """Return one value from the database, past any Session."""
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar()


def state_of(instance: object) -> str:
    """Return the state of an instance in SQLAlchemy's word."""
    names = ("transient", "pending", "persistent", "deleted", "detached")
    return next(name for name in names if getattr(inspect(instance), name))


def outcome(action: Callable[[], Any]) -> Any:
    """Return what *action* returns, or the class name of the exception it raises."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - any error is an outcome
        return type(error).__name__


def loaded(instance: object) -> list[str]:
    """Return the names of the attributes that hold a value."""
    return sorted(name for name in vars(instance) if not name.startswith("_"))


def history_of(instance: object, name: str) -> tuple[list[Any], list[Any]]:
    """Return the added and the deleted values of an attribute that was changed."""
    history = inspect(instance).attrs[name].history
    return list(history.added), list(history.deleted)


def rename(user: User, name: str) -> None:
    """Change an attribute in a plain function that knows no Session."""
    user.name = name


def rename_elsewhere(engine: Engine, name: str) -> None:
    """Commit a new name in a Session of its own."""
    with Session(engine) as session, session.begin():
        session.get(User, 1).name = name


def delete_elsewhere(engine: Engine) -> None:
    """Delete the row and its posts in a Session of its own."""
    with Session(engine) as session, session.begin():
        user = session.get(User, 1)
        for post in user.posts:
            session.delete(post)
        session.delete(user)
