"""attach() of dictionaries, ordered lists and one-to-one relationships."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Customer, Note, Order, Profile, Step
from tests.carry.back.people import bring, order_with, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError, Kind


def test_dictionary(shop: Engine) -> None:
    """
    A dictionary is merged key by key: what both added under different keys is there.
    """
    order = order_with(shop, Order.notes)
    order.notes["mine"] = Note(title="mine", text="1")
    with somebody(shop, Order, 1) as there:
        there.notes["theirs"] = Note(title="theirs", text="2")

    bring(shop, order)

    with Session(shop) as session:
        assert ["mine", "theirs", "x"] == sorted(session.get(Order, 1).notes)


def test_dictionary_clash(shop: Engine) -> None:
    """
    Two rows under one key are a conflict; nothing is replaced silently.
    """
    order = order_with(shop, Order.notes)
    order.notes["y"] = Note(title="y", text="mine")
    with somebody(shop, Order, 1) as there:
        there.notes["y"] = Note(title="y", text="theirs")

    with Session(shop) as session:
        with pytest.raises(ConflictError) as raised:
            attach(session, order)
        assert ([], []) == (list(session), list(session.new))
    (conflict,) = raised.value.conflicts
    assert (Kind.UNIQUE, "notes") == (conflict.kind, conflict.attribute)
    bring(shop, order, on_conflict="theirs")
    with Session(shop) as session:
        assert ["theirs"] == [n.text for n in session.scalars(select(Note).where(Note.title == "y"))]
    bring(shop, order, on_conflict="mine")
    with Session(shop) as session:
        assert ["mine"] == [n.text for n in session.scalars(select(Note).where(Note.title == "y"))]


def steps(engine: Engine) -> list[tuple[int, str]]:
    """Return the steps of the first order with their positions."""
    with Session(engine) as session:
        return [(step.position, step.name) for step in session.get(Order, 1).steps]


def test_ordered_list(shop: Engine) -> None:
    """
    I insert in the middle, they append: both are there, the order is kept, and the positions count through.
    """
    order = order_with(shop, Order.steps)
    order.steps.insert(1, Step(name="mine"))
    with somebody(shop, Order, 1) as there:
        there.steps.append(Step(name="theirs"))

    bring(shop, order)

    assert [(0, "step1"), (1, "mine"), (2, "step2"), (3, "step3"), (4, "theirs")] == steps(shop)


def test_ordered_list_that_i_reordered(shop: Engine) -> None:
    """
    I reverse the list, they add to it: my order of what I know, their element where it stood.
    """
    order = order_with(shop, Order.steps)
    order.steps[:] = list(reversed(order.steps))
    order.steps.reorder()
    with somebody(shop, Order, 1) as there:
        there.steps.append(Step(name="theirs"))

    bring(shop, order)

    assert [(0, "step3"), (1, "theirs"), (2, "step2"), (3, "step1")] == steps(shop)


def test_ordered_list_of_which_both_removed(shop: Engine) -> None:
    """
    An element that moved up because another one went was not changed by anybody: it can be removed.
    """
    order = order_with(shop, Order.steps)
    del order.steps[:2]
    with somebody(shop, Order, 1) as there:
        del there.steps[0]

    bring(shop, order)

    assert [(0, "step3")] == steps(shop)


def test_ordered_list_that_both_reordered(shop: Engine) -> None:
    """
    Two different orders are a conflict about the relationship.
    """
    order = order_with(shop, Order.steps)
    order.steps[:] = list(reversed(order.steps))
    order.steps.reorder()
    with somebody(shop, Order, 1) as there:
        there.steps.insert(0, there.steps.pop(1))

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)
    assert [(Kind.ORDER, "steps")] == [(c.kind, c.attribute) for c in raised.value.conflicts]
    bring(shop, order, on_conflict="theirs")
    assert [(0, "step2"), (1, "step1"), (2, "step3")] == steps(shop)
    bring(shop, order, on_conflict="mine")
    assert [(0, "step3"), (1, "step2"), (2, "step1")] == steps(shop)


def test_one_to_one(shop: Engine) -> None:
    """
    A one-to-one relationship from the side without foreign key: the other row gets it.
    """
    ann = taken(shop, Customer, 1, selectinload(Customer.profile))
    ann.profile = Profile(text="mine")

    bring(shop, ann)

    with Session(shop) as session:
        assert "mine" == session.get(Customer, 1).profile.text


def test_one_to_one_on_both_sides(shop: Engine) -> None:
    """
    If both put a row there, it is a conflict: a one-to-one relationship holds one.
    """
    ann = taken(shop, Customer, 1, selectinload(Customer.profile))
    ann.profile = Profile(text="mine")
    theirs(shop, Customer, 1, profile=Profile(text="theirs"))

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, ann)

    assert ["profile"] == [conflict.attribute for conflict in raised.value.conflicts]
    bring(shop, ann, on_conflict="theirs")
    with Session(shop) as session:
        assert "theirs" == session.get(Customer, 1).profile.text
        assert ["theirs"] == list(session.scalars(select(Profile.text)))
