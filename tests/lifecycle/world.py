"""A Session with one instance in each state an instance can be in, and what can be seen of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, ForeignKey, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(AsyncAttrs, DeclarativeBase):
    """Base of the models."""


class Shop(Base):
    """What a thing is in."""

    __tablename__ = "shop"
    id: Mapped[int] = mapped_column(primary_key=True)


class Thing(Base):
    """One attribute of each kind; QUERIED and the like name them."""

    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    note: Mapped[str | None] = mapped_column(deferred_group="long")
    changed: Mapped[str | None] = mapped_column(onupdate=func.current_timestamp())
    made: Mapped[str | None] = mapped_column(server_default=func.current_timestamp())
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shop.id"))
    shop: Mapped[Shop | None] = relationship()
    parts: Mapped[list[Part]] = relationship(cascade="all")
    tags: Mapped[list[Tag]] = relationship(lazy="selectin")


class Part(Base):
    """Goes where its thing goes: the cascade is all."""

    __tablename__ = "part"
    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int | None] = mapped_column(ForeignKey("thing.id"))


class Tag(Base):
    """Loaded with its thing; the cascade is SQLAlchemy's default, save-update and merge."""

    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int | None] = mapped_column(ForeignKey("thing.id"))


# What a query loads of each class, what an INSERT leaves loaded beside what was set, and what an UPDATE unloads.
QUERIED = {
    "Thing": frozenset({"id", "name", "changed", "made", "shop_id", "tags"}),
    "Part": frozenset({"id", "thing_id"}),
    "Tag": frozenset({"id", "thing_id"}),
}
INSERTED = {"Thing": frozenset({"id", "made"})}
UPDATED = {"Thing": frozenset({"changed"})}
# The relationships that must be loaded before a delete: the cascade goes over them.
DELETED = {"Thing": frozenset({"parts"})}

# The states an instance may be in before a call, and how it got there.
BEFORE = {
    "transient": "made",
    "pending": "made and added",
    "clean": "loaded",
    "full": "loaded, with everything that is not loaded by itself",
    "dirty": "loaded and changed",
    "expired": "loaded and expired",
    "new": "inserted in this transaction",
    "written": "loaded, changed and flushed in this transaction",
    "marked": "loaded and to be deleted at the next flush",
    "deleted": "deleted in this transaction",
    "detached": "loaded and expunged",
    "lost": "loaded, expunged and changed then",
}
PRIMARY_KEY = {name: number for number, name in enumerate(BEFORE, 1)}
UNUSED = 99  # a primary key that no row has
IN_DATABASE = 50  # one of a row that no instance stands for


def fill(engine: Engine) -> None:
    """Create the tables, and a row for each instance that is to be loaded."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for key in [*PRIMARY_KEY.values(), IN_DATABASE]:
            if key not in (PRIMARY_KEY["transient"], PRIMARY_KEY["pending"], PRIMARY_KEY["new"]):
                things = {
                    "note": "long",
                    "shop": Shop(id=key),
                    "parts": [Part(id=key)],
                    "tags": [Tag(id=key)],
                }
                session.add(Thing(id=key, name="ann", **things))


def populate(session: Session) -> dict[str, Any]:
    """Return an instance in each state of BEFORE, and the part and the tag of the one that is loaded in full."""
    with session.no_autoflush:
        rows = {row.id: row for row in session.scalars(select(Thing).where(Thing.id != IN_DATABASE))}
        found: dict[str, Any] = {name: rows[key] for name, key in PRIMARY_KEY.items() if key in rows}
        for name in ("transient", "pending", "new"):
            found[name] = Thing(id=PRIMARY_KEY[name], name="new")
        session.refresh(found["full"], ["note", "shop", "parts"])
        found["part"], found["tag"] = found["full"].parts[0], found["full"].tags[0]
        session.expire(found["expired"])
        session.add(found["new"])
        found["written"].name = "changed"
        session.delete(found["deleted"])
        session.flush()
        session.add(found["pending"])
        found["dirty"].name = "changed"
        session.delete(found["marked"])
        session.expunge(found["detached"])
        session.expunge(found["lost"])
        found["lost"].name = "changed"
    return found


@dataclass(frozen=True)
class Seen:
    """What inspect() shows of an instance.

    Attributes:
        state: SQLAlchemy's word.
        session: ``this``, ``another`` or "".
        loaded: Names of the attributes that hold a value.
        changes: Names of the attributes with a change that was not flushed.
        marked: Whether the next flush deletes it.
    """

    state: str
    session: str
    loaded: frozenset[str]
    changes: frozenset[str]
    marked: bool = False


def look(instance: object, session: Session) -> Seen:
    """Return what can be seen of *instance* beside *session*; sends no SQL."""
    insp = inspect(instance)
    names = ("transient", "pending", "persistent", "deleted", "detached")
    state = next(name for name in names if getattr(insp, name))
    where = "" if insp.session is None else "this" if insp.session is session else "another"
    loaded = frozenset(one.key for one in insp.attrs) - insp.unloaded
    changes = [one.key for one in insp.attrs if insp.modified and one.history.has_changes()]
    return Seen(state, where, loaded, frozenset(changes), instance in session.deleted)


def look_at_all(world: Mapping[str, object], session: Session) -> dict[str, Seen]:
    """Return what can be seen of each instance."""
    return {name: look(instance, session) for name, instance in world.items()}
