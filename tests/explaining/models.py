"""One small mapping with every kind of attribute that SQLAlchemy reads in its own way."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, Column, ForeignKey, Table, func
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import (
    Composite,
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    WriteOnlyMapped,
    column_property,
    composite,
    mapped_column,
    query_expression,
    relationship,
    synonym,
)


class Base(DeclarativeBase):
    pass


class Point:
    def __init__(self, x: int | None, y: int | None) -> None:
        self.x, self.y = x, y

    def __composite_values__(self) -> tuple[int | None, int | None]:
        return self.x, self.y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self) -> int:
        return hash((self.x, self.y))

    def __repr__(self) -> str:
        return f"Point({self.x}, {self.y})"


person_tag = Table(
    "person_tag",
    Base.metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]


class Office(Base):
    __tablename__ = "office"
    id: Mapped[int] = mapped_column(primary_key=True)
    open: Mapped[bool] = mapped_column(default=True)
    rooms: Mapped[list[Room]] = relationship(lazy="selectin")


class Room(Base):
    __tablename__ = "room"
    id: Mapped[int] = mapped_column(primary_key=True)
    office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    token: Mapped[str | None] = mapped_column(info={"tether": "secret"})
    bio: Mapped[str | None] = mapped_column(deferred=True)
    essay: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    data: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON))
    made: Mapped[str | None] = mapped_column(server_default="now")
    x: Mapped[int | None]
    y: Mapped[int | None]
    u: Mapped[int | None] = mapped_column(deferred=True)
    v: Mapped[int | None] = mapped_column(deferred=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    home_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    late_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), deferred=True)
    office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))
    computed: Mapped[int] = query_expression()

    point: Composite[Point] = composite(Point, "x", "y")
    corner: Composite[Point] = composite(Point, "u", "v")
    nick: Mapped[str | None] = synonym("name")

    team: Mapped[Team | None] = relationship(foreign_keys=team_id)
    team_raise: Mapped[Team | None] = relationship(foreign_keys=team_id, lazy="raise", viewonly=True)
    team_raise_on_sql: Mapped[Team | None] = relationship(
        foreign_keys=team_id, lazy="raise_on_sql", viewonly=True
    )
    team_joined: Mapped[Team | None] = relationship(foreign_keys=home_id, lazy="joined")
    late_team: Mapped[Team | None] = relationship(foreign_keys=late_id)
    open_office: Mapped[Office | None] = relationship(
        primaryjoin="and_(Person.office_id == Office.id, Office.open == True)", viewonly=True
    )
    office: Mapped[Office | None] = relationship(foreign_keys=office_id)
    phones: Mapped[list[Phone]] = relationship(back_populates="person")
    phones_raise: Mapped[list[Phone]] = relationship(lazy="raise", viewonly=True)
    phones_raise_on_sql: Mapped[list[Phone]] = relationship(lazy="raise_on_sql", viewonly=True)
    phones_selectin: Mapped[list[Phone]] = relationship(lazy="selectin", viewonly=True)
    phones_dynamic: DynamicMapped[Phone] = relationship(lazy="dynamic", viewonly=True)
    phones_write_only: WriteOnlyMapped[Phone] = relationship(lazy="write_only", viewonly=True)
    badge: Mapped[Badge | None] = relationship(back_populates="person", cascade="all, delete-orphan")
    tags: Mapped[list[Tag]] = relationship(secondary=person_tag)

    numbers: AssociationProxy[list[str]] = association_proxy("phones", "number")

    @hybrid_property
    def shouted(self) -> str:
        raise AssertionError("explain must not run the class's own code")

    def __repr__(self) -> str:
        raise AssertionError("explain must not call the repr of an instance")


class Phone(Base):
    __tablename__ = "phone"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    person: Mapped[Person | None] = relationship(back_populates="phones")


class Badge(Base):
    __tablename__ = "badge"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    person: Mapped[Person | None] = relationship(back_populates="badge")


Person.lower = column_property(func.lower(Person.__table__.c.name))
Person.masked = column_property(func.lower(Person.__table__.c.token), deferred=True)


class Animal(Base):
    __tablename__ = "animal"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str | None]
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}


class Dog(Animal):
    __tablename__ = "dog"
    id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    trick: Mapped[str | None]
    story: Mapped[str | None] = mapped_column(deferred=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    owner: Mapped[Team | None] = relationship()
    __mapper_args__: ClassVar = {"polymorphic_identity": "dog"}


class Seat(Base):
    __tablename__ = "seat"
    row: Mapped[int] = mapped_column(primary_key=True)
    letter: Mapped[str] = mapped_column(primary_key=True, info={"tether": "secret"})
    name: Mapped[str | None]


def rows() -> list[Base]:
    """Return one instance of everything, not yet added anywhere."""
    return [
        Team(id=7, name="red"),
        Team(id=8, name="blue"),
        Office(id=3),
        Room(id=1, office_id=3),
        Tag(id=5),
        Person(
            id=1,
            name="ann",
            token="hunter2",
            bio="born",
            essay="long",
            data={"k": 1},
            x=1,
            y=2,
            u=3,
            v=4,
            team_id=7,
            home_id=8,
            late_id=8,
            office_id=3,
        ),
        Person(id=2),
        Phone(id=11, number="555", person_id=1),
        Phone(id=12),
        Badge(id=21, person_id=1),
        Dog(id=1, name="rex", trick="roll", story="once", owner_id=7),
        Seat(row=4, letter="c", name="aisle"),
    ]
