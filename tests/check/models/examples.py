"""Mapped classes in many styles; imported by SQLAlchemy, and read as source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    Column,
    Computed,
    DateTime,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    WriteOnlyMapped,
    backref,
    column_property,
    composite,
    declared_attr,
    deferred,
    mapped_column,
    registry,
    relationship,
    synonym,
)

Key = Annotated[int, mapped_column(primary_key=True)]


class Base(DeclarativeBase):
    pass


class Stamped:
    created: Mapped[datetime] = mapped_column(server_default=func.now())
    changed: Mapped[datetime | None] = mapped_column(onupdate=func.now(), server_onupdate=FetchedValue())

    @declared_attr
    def note(cls) -> Mapped[str | None]:
        return mapped_column(String(20), deferred=True)


links = Table(
    "link",
    Base.metadata,
    Column("user_id", ForeignKey("user.id"), primary_key=True),
    Column("group_id", ForeignKey("group.id"), primary_key=True),
)


@dataclass
class Point:
    x: int
    y: int


class User(Stamped, Base):
    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("name", "e_mail"),)
    kinds: ClassVar[list[str]] = []

    id: Mapped[Key]
    name: Mapped[str]
    mail: Mapped[str | None] = mapped_column("e_mail", unique=True)
    size = Column(Integer, nullable=False)
    twice = Column(Integer, Computed("size * 2"))
    text = deferred(Column(String))
    place: Mapped[Point] = composite(mapped_column("place_x"), mapped_column("place_y"))
    alias = synonym("name")
    orders: Mapped[list[Order]] = relationship(back_populates="user", lazy="selectin")
    first: Mapped[Order | None] = relationship(viewonly=True, uselist=False, lazy="raise")
    groups: Mapped[set[Group]] = relationship(secondary=links, back_populates="users")
    written: WriteOnlyMapped[Letter] = relationship(back_populates="writer")
    group_names: AssociationProxy[list[str]] = association_proxy("groups", "name")

    @hybrid_property
    def long(self) -> bool:
        return self.size > 10

    @property
    def shown(self) -> str:
        return f"{self.name} {self.mail}"


class Order(Base):
    __tablename__ = "order"

    id = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    user: Mapped[User] = relationship(back_populates="orders", lazy="joined")
    lines = relationship("Line", backref="order", cascade="all, delete-orphan")
    total = column_property(select(func.count()).scalar_subquery())


class Line(Base):
    __tablename__ = "line"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))


class Group(Base):
    __tablename__ = "group"

    id: Mapped[Key]
    name: Mapped[str]
    users = relationship(User, secondary="link", back_populates="groups")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("group.id"))
    children = relationship("Group", backref=backref("parent", remote_side="Group.id", lazy="joined"))


class Letter(Base):
    __tablename__ = "letter"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "letter"}  # noqa: RUF012

    id: Mapped[Key]
    kind: Mapped[str]
    writer_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    writer = relationship("User", back_populates="written")
    stamps: DynamicMapped[Stamp] = relationship(lazy="dynamic")


class Parcel(Letter):
    __mapper_args__ = {"polymorphic_identity": "parcel"}  # noqa: RUF012
    weight: Mapped[int | None]


class Stamp(Base):
    __tablename__ = "stamp"
    __table_args__ = (ForeignKeyConstraint(["letter_id"], ["letter.id"]),)

    id: Mapped[Key]
    letter_id: Mapped[int]


class Abstract(Base):
    __abstract__ = True
    id: Mapped[Key]


class Concrete(Abstract):
    __tablename__ = "concrete"
    at = Column(DateTime, onupdate=func.now())


class FromTable(Base):
    __table__ = Table(
        "from_table", Base.metadata, Column("id", Integer, primary_key=True), Column("n", String)
    )


imperative = registry()
things = Table("thing", imperative.metadata, Column("id", Integer, primary_key=True), Column("name", String))


class Thing:
    def __init__(self, **values: Any) -> None:
        vars(self).update(values)


imperative.map_imperatively(Thing, things, properties={"also": synonym("name")})


@imperative.mapped
class Decorated:
    __tablename__ = "decorated"
    id = Column(Integer, primary_key=True)


@imperative.mapped_as_dataclass
class Data:
    __tablename__ = "data"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(default="")
