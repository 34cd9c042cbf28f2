"""attach() of rows that are gone, of many rows, and of what is no row."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.carry.back.models import Item, Note, Order, Person, Step, Tag, Versioned, statements
from tests.carry.back.people import order_with, row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError, Kind
from tether.carry.drafts import edit
from tether.carry.merge import MISSING
from tether.carry.snapshots import snapshot


def test_deleted_row(shop: Engine) -> None:
    """
    A row that somebody deleted is a conflict about the row.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    with Session(shop) as session, session.begin():
        session.delete(session.get(Versioned, 1))

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, thing)

    key = (Versioned, (1,), None)
    expected = Conflict(key, "", {"name": "a"}, {"name": "mine"}, MISSING, Kind.ROW_DELETED)
    assert [expected] == raised.value.conflicts


def test_deleted_row_stays_deleted_with_theirs(shop: Engine) -> None:
    """
    With "theirs" a deleted row stays deleted, and None stands in its place.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    with Session(shop) as session, session.begin():
        session.delete(session.get(Versioned, 1))

    with Session(shop) as session, statements(shop) as seen:
        assert attach(session, thing, on_conflict="theirs") is None
        session.commit()

    assert ["DELETE versioned", "SELECT versioned"] == seen


@pytest.mark.parametrize("as_draft", [False, True], ids=["detached", "draft"])
def test_deleted_row_takes_what_i_put_below_it_along(shop: Engine, as_draft: bool) -> None:
    """
    With "theirs" what I added to collections of a deleted row is not inserted either: it has no parent.
    """
    order: Any = order_with(shop, Order.items, Order.steps, Order.notes, Order.tags)
    if as_draft:
        order = edit(snapshot(order))
    new = order.new if as_draft else lambda class_, **values: class_(**values)
    order.items.append(new(Item, label="mine"))
    order.steps.append(new(Step, name="mine"))
    order.notes["mine"] = new(Note, title="mine")
    order.tags.append(new(Tag, name="mine"))
    with Session(shop) as session, session.begin():
        session.delete(session.get(Order, 1))

    with Session(shop) as session:
        assert attach(session, order, on_conflict="theirs") is None
        assert [] == list(session.new)
        session.commit()


def test_deleted_row_comes_back_with_mine(shop: Engine) -> None:
    """
    With "mine" a deleted row is inserted again, with everything my copy holds, as version 1.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    with Session(shop) as session, session.begin():
        session.delete(session.get(Versioned, 1))

    with Session(shop) as session:
        attach(session, thing, on_conflict="mine")
        session.commit()

    assert ("mine", "e", 1) == row(shop, Versioned, 1, "name", "email", "version")


def test_recreated_row(shop: Engine) -> None:
    """
    A row that was deleted and inserted again is known by its version, which counts from the beginning.
    """
    theirs(shop, Versioned, 1, name="b")
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    with Session(shop) as session, session.begin():
        session.delete(session.get(Versioned, 1))
        session.flush()
        session.add(Versioned(id=1, name="b", email="another"))

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, thing)

    assert [Kind.ROW_RECREATED] == [conflict.kind for conflict in raised.value.conflicts]


def test_primary_key_that_i_changed(shop: Engine) -> None:
    """
    A new primary key of mine is written as SQLAlchemy writes it, with their change of another attribute.
    """
    thing = taken(shop, Versioned, 1)
    thing.id = 7
    theirs(shop, Versioned, 1, email="theirs")

    with Session(shop) as session:
        attach(session, thing)
        session.commit()

    assert ("theirs",) == row(shop, Versioned, 7, "email")


def test_lists_and_copies(shop: Engine) -> None:
    """
    A list gives a list in its order; two copies of one row give one instance with the changes of both.
    """
    first, second, other = taken(shop, Order, 1), taken(shop, Order, 1), taken(shop, Order, 2)
    first.status, second.note = "paid", "mine"

    with Session(shop) as session, statements(shop) as seen:
        persistent = attach(session, [other, first, second])
        session.commit()

    assert ["DELETE orders", "SELECT orders", "UPDATE orders"] == seen
    assert persistent[1] is persistent[2]
    assert ("paid", "mine") == row(shop, Order, 1, "status", "note")


def test_copies_that_disagree(shop: Engine) -> None:
    """
    Two copies of one row that say different things are refused by row and attribute.
    """
    first, second = taken(shop, Order, 1), taken(shop, Order, 1)
    first.status, second.status = "paid", "sent"

    with Session(shop) as session, pytest.raises(ValueError, match=r"two copies of Order 1.*`status`"):
        attach(session, [first, second])


def test_a_thousand_rows_take_one_select(shop: Engine) -> None:
    """
    Statements grow with thousands of rows, never with rows.
    """
    with Session(shop) as session, session.begin():
        session.add_all([Person(id=n, kind="person", name="x") for n in range(10, 2510)])
    with Session(shop) as session:
        people = session.query(Person).filter(Person.id >= 10).all()
    for person in people:
        person.name = "y"

    with Session(shop) as session, statements(shop) as seen:
        assert 2500 == len(attach(session, people))
        session.commit()

    assert ["DELETE people", *["SELECT people"] * 3, "UPDATE people"] == seen


@pytest.mark.parametrize("running", [True, False])
def test_garbage_collector_is_as_it_was(shop: Engine, running: bool) -> None:
    """
    The collector runs again after many rows, also after an error, and is not switched on for who switched it off.
    """
    with Session(shop) as session, session.begin():
        session.add_all([Person(id=n, kind="person", name="x") for n in range(10, 610)])
    with Session(shop) as session:
        people = session.query(Person).all()
    before = gc.isenabled()
    (gc.enable if running else gc.disable)()
    try:
        with Session(shop) as session:
            attach(session, people)
            with pytest.raises(TypeError):
                attach(session, [*people, 3])
        assert running == gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("thing", [3, None, Order, object()])
def test_unmapped(shop: Engine, thing: Any) -> None:
    """
    What is no instance of a mapped class is refused.
    """
    with Session(shop) as session, pytest.raises(TypeError, match="not an instance of a mapped class"):
        attach(session, thing)


def test_without_a_row(shop: Engine) -> None:
    """
    A transient and a pending instance are refused with the word for what they are.
    """
    pending = Order()
    with Session(shop) as session:
        session.add(pending)
        with pytest.raises(ValueError, match="is pending: it has no row yet"):
            attach(session, pending)
        with pytest.raises(ValueError, match="is transient: it has no row yet"):
            attach(session, Order())
