"""The small world that random programs live in: two tables, and a database file of their own."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import JSON, Engine, ForeignKey, create_engine, event
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import NullPool


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "user"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - a key is never used for a second row
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    data: Mapped[dict[str, str] | None] = mapped_column(MutableDict.as_mutable(JSON))
    posts: Mapped[list[Post]] = relationship(back_populates="user", order_by="Post.id")


class Post(Base):
    __tablename__ = "post"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User | None] = relationship(back_populates="posts")


COLUMNS = {"User": ("name", "email", "bio", "data"), "Post": ("title",)}
NAMING = {"User": "name", "Post": "title"}  # the column that tells new rows apart


def open_database(path: Path) -> Engine:
    """Return an Engine on a fresh copy of the database.

    Each Session has a connection and, by way of the write-ahead log, a snapshot of its own; a lock that
    somebody else holds is refused at once. The sqlite3 module would begin its transactions too late for
    savepoints, so SQLAlchemy sends BEGIN itself, as its documentation of SQLite advises.
    """
    path.write_bytes(_template())
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 0})
    _begin_by_hand(engine)
    return engine


def _begin_by_hand(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = OFF")

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")


@cache
def _template() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite"
        engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            posts = [Post(id=1, title="p1"), Post(id=2, title="p2")]
            session.add(User(id=1, name="ann", email="ann@here", bio="b1", data={"k": "d1"}, posts=posts))
            session.add(User(id=2, name="bob", email=None, bio=None, data={"k": "d2"}))
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        return path.read_bytes()
