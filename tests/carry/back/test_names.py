"""Names that are given by mistake: of attributes in policies, and classes in the place of instances."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, composite, mapped_column, synonym

from tests.carry.back.models import Item, Order, Point
from tests.carry.back.people import taken, theirs
from tether.carry.attach import attach
from tether.carry.plan import plan
from tether.carry.rebase import rebase


def changed(engine: Engine) -> Order:
    """Return a copy with a change."""
    order = taken(engine, Order, 1)
    order.status = "mine"
    return order


def test_policies_for_other_classes_are_none_of_ours(shop: Engine) -> None:
    """
    A mapping may name attributes of every mapped class, also of those that are not in this call.
    """
    order = changed(shop)

    with Session(shop) as session:
        rows = {"email": "mine", Item.label: "theirs", "": "mine", "name, email": "mine"}
        assert "mine" == attach(session, order, on_conflict=rows).status
        assert session.get(Order, 1) is rebase(session.get(Order, 1), on_conflict=rows)
        with pytest.raises(TypeError, match="attribute `nothing`"):
            rebase(session.get(Order, 1), on_conflict={"nothing": "mine"})


def test_declared_policy_for_an_unknown_attribute(sqlite_engine: Engine) -> None:
    """
    A slip in what a mapped class says about its conflicts is told at the first attach().
    """

    class Base(DeclarativeBase):
        pass

    class Counter(Base):
        __tablename__ = "counters"
        __tether_on_conflict__: ClassVar[dict[str, Any]] = {"visit": "mine"}
        id: Mapped[int] = mapped_column(primary_key=True)
        visits: Mapped[int] = mapped_column(default=0)

    Base.metadata.create_all(sqlite_engine)
    with Session(sqlite_engine) as session, session.begin():
        session.add(Counter(id=1))
    with Session(sqlite_engine) as session:
        counter = session.get(Counter, 1)
    counter.visits = 2

    with Session(sqlite_engine) as session, pytest.raises(TypeError) as error:
        attach(session, counter)

    assert (
        "Counter.__tether_on_conflict__: `Counter` has no mapped attribute `visit`; did you mean `visits`?"
        == str(error.value)
    )


@pytest.mark.parametrize("name", ["place", "mail"])
def test_policy_for_a_composite_and_a_synonym(sqlite_engine: Engine, name: str) -> None:
    """
    A policy for a composite holds for its columns, and one for a synonym for the column it stands for.
    """

    class Base(DeclarativeBase):
        pass

    class Spot(Base):
        __tablename__ = "spots"
        id: Mapped[int] = mapped_column(primary_key=True)
        x: Mapped[int]
        y: Mapped[int]
        place: Mapped[Point] = composite("x", "y")
        mail = synonym("y")

    Base.metadata.create_all(sqlite_engine)
    with Session(sqlite_engine) as session, session.begin():
        session.add(Spot(id=1, x=1, y=1))
    with Session(sqlite_engine) as session:
        spot = session.get(Spot, 1)
    spot.y = 2
    theirs(sqlite_engine, Spot, 1, y=3)

    for policy in ({name: "mine"}, {getattr(Spot, name): "mine"}):
        with Session(sqlite_engine) as session:
            assert 2 == attach(session, spot, on_conflict=policy).y


@pytest.mark.parametrize(
    "verb", [lambda s: attach(s, Order), lambda s: plan(s, [Order]), lambda _: rebase(Order)]
)
def test_class_in_place_of_an_instance(shop: Engine, verb: Any) -> None:
    """
    A class that is given where an instance is wanted is called by its name.
    """
    with Session(shop) as session, pytest.raises(TypeError) as error:
        verb(session)

    assert "class Order is not an instance of a mapped class" == str(error.value)


def test_class_in_place_of_a_session(shop: Engine) -> None:
    """
    So is the class Session.
    """
    with pytest.raises(TypeError) as error:
        attach(Session, changed(shop))  # type: ignore[call-overload]

    assert "this takes a Session; got class Session" == str(error.value)
