"""What the random programs import: two models, and makers of Sessions.

A trigger writes each name that a transaction keeps into ``history``, so that a lost write can be told from a kept one.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, create_engine, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker
from sqlalchemy.pool import NullPool


class Base(DeclarativeBase):
    """Base of the models."""


class User(Base):
    """Somebody who orders."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    orders: Mapped[list[Order]] = relationship(back_populates="user")


class Order(Base):
    """What somebody ordered."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User | None] = relationship(back_populates="orders")


engine = create_engine("sqlite:///shop.db", poolclass=NullPool, connect_args={"timeout": 0})
async_engine = create_async_engine(
    "sqlite+aiosqlite:///shop.db", poolclass=NullPool, connect_args={"timeout": 0}
)
factory = sessionmaker(engine)
keeping = sessionmaker(engine, expire_on_commit=False)
async_factory = async_sessionmaker(async_engine)
async_keeping = async_sessionmaker(async_engine, expire_on_commit=False)


def begin() -> None:
    """Make the tables anew, with one user who has two orders."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS history"))
        connection.execute(text("CREATE TABLE history (name TEXT)"))
        for when in ("UPDATE", "INSERT"):
            connection.execute(
                text(
                    f"CREATE TRIGGER IF NOT EXISTS on_{when} AFTER {when} ON user "
                    "BEGIN INSERT INTO history VALUES (new.name); END"
                )
            )
    with Session(engine) as session, session.begin():
        session.add(User(id=1, name="ann", bio="B", orders=[Order(id=7), Order(id=8)]))


def kept() -> list[str]:
    """Return each name that some transaction has kept."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT name FROM history")).scalars())
