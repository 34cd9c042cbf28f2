"""Every way to map a class: the story is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Column, Engine, ForeignKey, ForeignKeyConstraint, Integer, String, Table
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    declarative_base,
    mapped_column,
    registry,
    relationship,
)
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"
EXPIRED = (
    "expired-read-after-close: loaded <load>, expired <expire> (commit), detached <end> (close), used <use>"
)
LOST = "write-while-detached: loaded <load>, detached <end> (close), used <write>"

# Each flavour makes its classes anew, in a registry of its own, and returns the parent, the child, and the
# primary key of a row of each. Parents have ``name`` and ``children``.
Flavour = Callable[[], tuple[Any, Any, Any]]


def declarative() -> tuple[Any, Any, Any]:
    """Map by annotations."""

    class Base(DeclarativeBase):
        pass

    class Parent(Base):
        __tablename__ = "parent"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        children = relationship("Child")

    class Child(Base):
        __tablename__ = "child"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("parent.id"))

    return Base.metadata, Parent(id=1, name="a", children=[Child(id=1)]), 1


def classical_declarative() -> tuple[Any, Any, Any]:
    """Map by columns, as before 2.0."""
    Base = declarative_base()

    class Parent(Base):  # type: ignore[misc,valid-type]
        __tablename__ = "parent"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        children = relationship("Child")

    class Child(Base):  # type: ignore[misc,valid-type]
        __tablename__ = "child"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("parent.id"))

    return Base.metadata, Parent(id=1, name="a", children=[Child(id=1)]), 1


def imperative() -> tuple[Any, Any, Any]:
    """Map classes that know nothing of SQLAlchemy, the parent with a constructor of its own."""
    mapping = registry()
    parent = Table(
        "parent", mapping.metadata, Column("id", Integer, primary_key=True), Column("name", String)
    )
    child = Table(
        "child",
        mapping.metadata,
        Column("id", Integer, primary_key=True),
        Column("parent_id", ForeignKey("parent.id")),
    )

    class Parent:
        def __init__(self, number: int, name: str) -> None:
            self.id = number
            self.name = name

    class Child:
        pass

    mapping.map_imperatively(Child, child)
    mapping.map_imperatively(Parent, parent, properties={"children": relationship(Child)})
    row = Parent(1, "a")
    row.children.append(Child())  # type: ignore[attr-defined]
    return mapping.metadata, row, 1


def dataclasses() -> tuple[Any, Any, Any]:
    """Map as dataclasses."""

    class Base(MappedAsDataclass, DeclarativeBase):
        pass

    class Child(Base):
        __tablename__ = "child"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("parent.id"), default=None)

    class Parent(Base):
        __tablename__ = "parent"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        children: Mapped[list[Any]] = relationship(Child, default_factory=list)

    return Base.metadata, Parent(id=1, name="a", children=[Child(id=1)]), 1


def composite_key() -> tuple[Any, Any, Any]:
    """Map a primary key of two columns."""

    class Base(DeclarativeBase):
        pass

    class Parent(Base):
        __tablename__ = "parent"
        country: Mapped[str] = mapped_column(primary_key=True)
        number: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        children = relationship("Child")

    class Child(Base):
        __tablename__ = "child"
        id: Mapped[int] = mapped_column(primary_key=True)
        country: Mapped[str | None]
        number: Mapped[int | None]
        __table_args__ = (ForeignKeyConstraint(["country", "number"], ["parent.country", "parent.number"]),)

    return Base.metadata, Parent(country="fr", number=1, name="a", children=[Child(id=1)]), ("fr", 1)


def joined_inheritance() -> tuple[Any, Any, Any]:
    """Map a subclass to a table of its own, joined to that of its base."""

    class Base(DeclarativeBase):
        pass

    class Person(Base):
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        kind: Mapped[str]
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012

    class Parent(Person):
        __tablename__ = "parent"
        id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
        children = relationship("Child")
        __mapper_args__ = {"polymorphic_identity": "parent"}  # noqa: RUF012

    class Child(Base):
        __tablename__ = "child"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("parent.id"))

    return Base.metadata, Parent(id=1, name="a", children=[Child(id=1)]), 1


def single_inheritance() -> tuple[Any, Any, Any]:
    """Map a subclass to the table of its base."""

    class Base(DeclarativeBase):
        pass

    class Person(Base):
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        kind: Mapped[str]
        children = relationship("Child")
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012

    class Parent(Person):
        __mapper_args__ = {"polymorphic_identity": "parent"}  # noqa: RUF012

    class Child(Base):
        __tablename__ = "child"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    return Base.metadata, Parent(id=1, name="a", children=[Child(id=1)]), 1


FLAVOURS = [
    declarative,
    classical_declarative,
    imperative,
    dataclasses,
    composite_key,
    joined_inheritance,
    single_inheritance,
]


def filled(engine: Engine, flavour: Flavour) -> tuple[type[Any], Any]:
    """Return the parent class and the primary key of its row, once that is in the database."""
    metadata, row, key = flavour()
    metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(row)
    return type(row), key


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_unloaded_relationship_tells_its_story(sqlite_engine: Engine, flavour: Flavour) -> None:
    """
    A relationship that was never loaded is explained, however its class is mapped.
    """
    parent, key = filled(sqlite_engine, flavour)
    with tether.watching() as report:
        with Session(sqlite_engine) as session:  # <end>
            row = session.get(parent, key)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = row.children  # <use>

    assert [LAZY] == told(report.findings)
    assert {"Parent.children"} == {finding.subject for finding in report.findings}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_expired_column_tells_its_story(sqlite_engine: Engine, flavour: Flavour) -> None:
    """
    A column that a commit has expired is explained, however its class is mapped.
    """
    parent, key = filled(sqlite_engine, flavour)
    with tether.watching() as report:
        with Session(sqlite_engine) as session:  # <end>
            row = session.get(parent, key)  # <load>
            session.commit()  # <expire>
        with pytest.raises(DetachedInstanceError):
            _ = row.name  # <use>

    assert [EXPIRED] == told(report.findings)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_lost_write_tells_its_story(sqlite_engine: Engine, flavour: Flavour) -> None:
    """
    A write to a detached instance is found, however its class is mapped.
    """
    parent, key = filled(sqlite_engine, flavour)
    with tether.watching() as report:
        with Session(sqlite_engine) as session:  # <end>
            row = session.get(parent, key)  # <load>
        row.name = "b"  # <write>
        del row

    assert [LOST] == told(report.findings)
