"""Conflicts that only the contents of a collection show: all at once, in plan() too, and nothing half done."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Customer, Item, Note, Order, Profile, Step, statements
from tests.carry.back.people import order_with, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError, Kind
from tether.carry.plan import plan


def everything_in_conflict(engine: Engine) -> list[Any]:
    """Return copies with one conflict of each kind that shows late, and one that shows early."""
    order = order_with(engine, Order.notes, Order.steps)
    ann = taken(engine, Customer, 1, selectinload(Customer.profile))
    order.status = "mine"
    order.notes["y"] = Note(title="y", text="mine")
    order.steps[:] = list(reversed(order.steps))
    order.steps.reorder()
    ann.profile = Profile(text="mine")
    with somebody(engine, Order, 1) as there:
        there.status = "theirs"
        there.notes["y"] = Note(title="y", text="theirs")
        there.steps.insert(0, there.steps.pop(1))
    theirs(engine, Customer, 1, profile=Profile(text="theirs"))
    return [order, ann]


EXPECTED = [
    (Order, "status", Kind.CHANGED),
    (Order, "notes", Kind.UNIQUE),
    (Customer, "profile", Kind.CHANGED),
    (Order, "steps", Kind.ORDER),
]


def test_all_at_once(database: Engine) -> None:
    """
    Every conflict is in one error, and in the plan; nothing is left in the Session.
    """
    changed = everything_in_conflict(database)

    with Session(database) as session:
        found = plan(session, changed)
        planned = [(c.identity_key[0], c.attribute, c.kind) for c in found.conflicts]
        assert ([], []) == (list(session), list(session.new))
    with Session(database) as session:
        with pytest.raises(ConflictError) as raised:
            attach(session, changed)
        assert ([], []) == (list(session), list(session.new))

    said = [(c.identity_key[0], c.attribute, c.kind) for c in raised.value.conflicts]
    assert (sorted(EXPECTED, key=str), sorted(EXPECTED, key=str)) == (
        sorted(planned, key=str),
        sorted(said, key=str),
    )


@pytest.mark.parametrize("policy", ["mine", "theirs"])
def test_policies_decide_all(database: Engine, policy: str) -> None:
    """
    One policy decides them all.
    """
    changed = everything_in_conflict(database)

    with Session(database) as session:
        attach(session, changed, on_conflict=policy)
        session.commit()

    with Session(database) as session:
        order, ann = session.get(Order, 1), session.get(Customer, 1)
        names = ["step3", "step2", "step1"] if policy == "mine" else ["step2", "step1", "step3"]
        assert (policy, policy, policy, names) == (
            order.status,
            order.notes["y"].text,
            ann.profile.text,
            [step.name for step in order.steps],
        )


def held(session: Session) -> dict[Any, Any]:
    """Return all that the Session's instances hold, with what is unflushed, expired and modified."""
    return {
        inspect(instance).key: (
            {
                name: (id(value), list(value) if isinstance(value, list) else None)
                for name, value in inspect(instance).dict.items()
                if name != "_sa_instance_state"
            },
            {name: repr(value) for name, value in inspect(instance).committed_state.items()},
            set(inspect(instance).expired_attributes),
            inspect(instance).modified,
        )
        for instance in session
    }


def refuse_conflict(order: Order, engine: Engine) -> type[Exception]:
    """Let a late conflict stand in the way."""
    order.notes["y"] = Note(title="y", text="mine")
    with somebody(engine, Order, 1) as there:
        there.notes["y"] = Note(title="y", text="theirs")
    return ConflictError


def refuse_validator(order: Order, engine: Engine) -> type[Exception]:
    """Let a validator stand in the way, after other rows were written."""
    inspect(order).dict["status"] = "nonsense"
    inspect(order).committed_state["status"] = "new"
    inspect(order).modified = True
    return ValueError


@pytest.mark.parametrize("refuse", [refuse_conflict, refuse_validator])
def test_session_is_exactly_as_it_was(database: Engine, refuse: Any) -> None:
    """
    After a late conflict or a validator's error each instance of the Session holds what it held, to the object.
    """
    order = order_with(database, Order.notes, Order.items, Order.steps)
    other = taken(database, Order, 2)
    order.items.append(Item(label="mine"))
    del order.items[0]
    order.steps.append(Step(name="mine"))
    other.note = "mine"
    expected = refuse(order, database)

    with Session(database) as session:
        here = session.get(Order, 1, options=[selectinload(Order.items), selectinload(Order.steps)])
        there = session.get(Order, 2)
        assert here.customer is not None
        session.expire(here.customer, ["name"])
        session.expire(there, ["note"])
        there.status = "unflushed"
        theirs_of_the_session = [*here.items, *here.steps, here, there]
        items = here.items
        if database.dialect.name != "sqlite":
            theirs(database, Order, 2, total=7)
        before = held(session)

        with pytest.raises(expected):
            attach(session, [other, order])

        assert before == held(session)
        assert here.items is items
        assert [] == list(session.new)
        assert [there] == list(session.dirty)
    del theirs_of_the_session


def test_statements(database: Engine) -> None:
    """
    One SELECT per collection that changes, in attach() as in plan().
    """
    order = order_with(database, Order.notes)
    order.notes["y"] = Note(title="y", text="mine")

    with Session(database) as session, statements(database) as planned:
        plan(session, order)
    with Session(database) as session, statements(database) as seen:
        attach(session, order)

    locks = "" if database.dialect.name == "sqlite" else " FOR UPDATE"
    lock = [] if locks else ["DELETE orders"]
    assert ["SELECT orders", "SELECT orders"] == planned
    assert [*lock, f"SELECT orders{locks}", "SELECT orders"] == seen
