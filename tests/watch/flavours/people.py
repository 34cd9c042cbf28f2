"""The models most of these tests run on: users with orders, and a deferred column."""

from __future__ import annotations

from sqlalchemy import Engine, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of the models."""

    type_annotation_map = {str: String(50)}  # noqa: RUF012


class User(Base):
    """Somebody who orders."""

    __tablename__ = "shop_user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    orders: Mapped[list[Order]] = relationship(back_populates="user", order_by="Order.id")


class Order(Base):
    """What somebody ordered."""

    __tablename__ = "shop_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("shop_user.id"))
    user: Mapped[User | None] = relationship(back_populates="orders")


def fill(engine: Engine) -> None:
    """Create the tables, and two users with two orders each."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(rows())


def rows() -> list[User]:
    """Return the rows as new instances."""
    return [
        User(id=number, name=f"user {number}", bio="b", orders=[Order(what="pen"), Order(what="cup")])
        for number in (1, 2)
    ]
