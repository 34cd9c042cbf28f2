"""attach() of detached instances whose columns were changed."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session, undefer

from tests.carry.back.models import Engineer, Order, Person, Point, Versioned, statements
from tests.carry.back.people import row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError
from tether.errors import NoBaseError


def test_both_changes_survive(shop: Engine) -> None:
    """
    My change of one attribute and theirs of another are both in the row afterwards.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"
    theirs(shop, Order, 1, note="theirs")

    with Session(shop) as session, statements(shop) as seen:
        persistent = attach(session, order)
        session.commit()

    assert ["DELETE orders", "SELECT orders", "UPDATE orders"] == seen
    assert ("paid", "theirs") == row(shop, Order, 1, "status", "note")
    assert persistent is not order
    assert inspect(order).detached
    assert inspect(order).modified


def test_unchanged_copy_reads_its_row_and_writes_nothing(shop: Engine) -> None:
    """
    An unchanged copy costs one SELECT, without a lock, and their change shows in the result.
    """
    order = taken(shop, Order, 1)
    theirs(shop, Order, 1, note="theirs")

    with Session(shop) as session, statements(shop) as seen:
        assert "theirs" == attach(session, order).note
        session.commit()

    assert ["SELECT orders"] == seen


def test_same_change_on_both_sides(shop: Engine) -> None:
    """
    If both sides changed to the same value, there is no conflict and nothing is written.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"
    theirs(shop, Order, 1, status="paid")

    with Session(shop) as session, statements(shop) as seen:
        attach(session, order)
        session.commit()

    assert ["DELETE orders", "SELECT orders"] == seen


def test_value_set_back_is_no_change(shop: Engine) -> None:
    """
    A value that was changed and changed back was not changed: theirs is kept.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"
    order.status = "new"
    theirs(shop, Order, 1, status="sent")

    with Session(shop) as session:
        attach(session, order)
        session.commit()

    assert ("sent",) == row(shop, Order, 1, "status")


def conflicting(engine: Engine) -> Order:
    """Return my copy, in conflict with the row in one attribute of two."""
    order = taken(engine, Order, 1)
    order.status, order.note = "mine", "mine too"
    theirs(engine, Order, 1, status="theirs")
    return order


def test_conflict_names_everything(shop: Engine) -> None:
    """
    A conflict has the row, the attribute and its three values; nothing is written, not even the other attribute.
    """
    order = conflicting(shop)

    with Session(shop) as session:
        with pytest.raises(ConflictError) as raised:
            attach(session, order)
        assert [] == list(session)
        session.commit()

    expected = Conflict((Order, (1,), None), "status", "new", "mine", "theirs")
    assert [expected] == raised.value.conflicts
    assert "Order 1.status: base 'new', mine 'mine', theirs 'theirs'" in str(raised.value)
    assert ("theirs", "n") == row(shop, Order, 1, "status", "note")


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("mine", "mine"),
        ("theirs", "theirs"),
        (lambda conflict: f"{conflict.base}{conflict.mine}{conflict.theirs}", "newminetheirs"),
        ({"status": "mine"}, "mine"),
        ({Order.status: "theirs"}, "theirs"),
    ],
)
def test_policies(shop: Engine, policy: Any, kept: str) -> None:
    """
    A policy decides the attribute in conflict, and only that.
    """
    order = conflicting(shop)

    with Session(shop) as session:
        attach(session, order, on_conflict=policy)
        session.commit()

    assert (kept, "mine too") == row(shop, Order, 1, "status", "note")


def test_policy_for_another_attribute_raises(shop: Engine) -> None:
    """
    What a mapping does not name is raised.
    """
    order = conflicting(shop)

    with Session(shop) as session, pytest.raises(ConflictError):
        attach(session, order, on_conflict={Order.note: "mine"})


@pytest.mark.parametrize("policy", ["ours", 7])
def test_unknown_policy(shop: Engine, policy: Any) -> None:
    """
    Anything but the three words and a function is refused before a statement is sent.
    """
    order = taken(shop, Order, 1)

    with Session(shop) as session, statements(shop) as seen, pytest.raises(TypeError, match="on_conflict="):
        attach(session, order, on_conflict=policy)

    assert [] == seen


def test_function_that_raises(shop: Engine) -> None:
    """
    What a conflict function raises comes out, and the Session is as it was.
    """
    order = conflicting(shop)

    with Session(shop) as session:
        with pytest.raises(ZeroDivisionError):
            attach(session, order, on_conflict=lambda conflict: 1 / 0)
        assert [] == list(session)


def test_function_that_returns_a_wrong_type(shop: Engine) -> None:
    """
    A value the column cannot hold is refused by the names of the attribute and of both types.
    """
    order = conflicting(shop)

    with Session(shop) as session, pytest.raises(TypeError, match=r"list for Order\.status, which holds str"):
        attach(session, order, on_conflict=lambda conflict: [])


def test_policy_on_the_mapped_class(shop: Engine) -> None:
    """
    A mapped class says for one of its attributes how conflicts end: here both additions count.
    """
    thing = taken(shop, Versioned, 1)
    thing.count += 5
    theirs(shop, Versioned, 1, count=2)

    with Session(shop) as session:
        attach(session, thing)
        session.commit()

    assert (7, 3) == row(shop, Versioned, 1, "count", "version")


def test_version_is_bumped_once_without_a_false_conflict(shop: Engine) -> None:
    """
    Changes of different attributes of a versioned row are both kept; the version counts each flush once.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    theirs(shop, Versioned, 1, email="theirs")

    with Session(shop) as session:
        attach(session, thing)
        session.commit()

    assert ("mine", "theirs", 3) == row(shop, Versioned, 1, "name", "email", "version")


def test_row_in_the_session_is_refreshed(shop: Engine) -> None:
    """
    If the row is in the Session, that instance is returned, with their newest values and my changes.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    with Session(shop) as session:
        here = session.get(Versioned, 1)
        theirs(shop, Versioned, 1, email="theirs")

        assert here is attach(session, thing)
        assert ("mine", "theirs") == (here.name, here.email)
        session.commit()

    assert ("mine", "theirs", 3) == row(shop, Versioned, 1, "name", "email", "version")


def test_unflushed_changes_of_the_session_count_as_theirs(shop: Engine) -> None:
    """
    What the Session holds unflushed is kept, and the same attribute is a conflict that leaves it as it was.
    """
    order, other = taken(shop, Order, 1), taken(shop, Order, 1)
    order.status, other.note = "mine", "mine"
    with Session(shop) as session:
        here = session.get(Order, 1)
        here.note = "unflushed"

        assert here is attach(session, order)
        assert ("mine", "unflushed") == (here.status, here.note)
        with pytest.raises(ConflictError) as raised:
            attach(session, other)
        assert ("n", "mine", "unflushed") == versions(raised.value)
        assert ("mine", "unflushed") == (here.status, here.note)
        session.commit()

    assert ("mine", "unflushed") == row(shop, Order, 1, "status", "note")


def versions(error: ConflictError) -> tuple[Any, Any, Any]:
    """Return base, mine and theirs of the only conflict."""
    (conflict,) = error.conflicts
    return conflict.base, conflict.mine, conflict.theirs


def test_validator_that_refuses(shop: Engine) -> None:
    """
    Validators run; what one raises comes out, and the Session is as it was.
    """
    order = taken(shop, Order, 1)
    order.note = "mine"
    order.__dict__["status"] = "nonsense"
    inspect(order).committed_state["status"] = "new"
    with Session(shop) as session:
        here = session.get(Order, 1)
        here.total = Decimal(9)
        with pytest.raises(ValueError, match="no such status"):
            attach(session, order)

        assert ("new", "n", Decimal(9)) == (here.status, here.note, here.total)
        assert {here} == set(session.dirty)


@pytest.mark.parametrize("name", ["status", "memo"])
def test_attribute_without_base(shop: Engine, name: str) -> None:
    """
    An attribute that was set while expired or deferred has no base, and is refused by name.
    """
    with Session(shop) as session:
        order = session.get(Order, 1)
        if name == "status":
            session.expire(order)
    setattr(order, name, "mine")

    with Session(shop) as session, pytest.raises(NoBaseError, match=f"`Order.{name}` cannot be brought back"):
        attach(session, order)


def test_change_in_place_has_no_base(shop: Engine) -> None:
    """
    SQLAlchemy keeps no copy of what a Mutable was before it was changed in place, and tether says so.
    """
    order = taken(shop, Order, 1)
    order.data["k"] = 2

    with Session(shop) as session, pytest.raises(NoBaseError, match="changed in place"):
        attach(session, order)


def test_new_dictionary_is_not_shared(shop: Engine) -> None:
    """
    A JSON value that replaced another is merged; what the result does to it does not reach my copy.
    """
    order = taken(shop, Order, 1)
    order.data = {"k": 2, "deep": {}}

    with Session(shop) as session:
        persistent = attach(session, order)
        persistent.data["deep"]["x"] = 1
        session.commit()

    assert {"k": 2, "deep": {}} == order.data
    assert ({"k": 2, "deep": {"x": 1}},) == row(shop, Order, 1, "data")


def test_deferred_column(shop: Engine) -> None:
    """
    A deferred column that was loaded and changed is read together with its row.
    """
    order = taken(shop, Order, 1, undefer(Order.memo))
    order.memo = "mine"

    with Session(shop) as session, statements(shop) as seen:
        attach(session, order)
        session.commit()

    assert ["DELETE orders", "SELECT orders", "UPDATE orders"] == seen
    assert ("mine",) == row(shop, Order, 1, "memo")


def test_composite(shop: Engine) -> None:
    """
    A composite is merged by its columns, also if the Session holds the old one.
    """
    thing = taken(shop, Versioned, 1)
    thing.place = Point(1, 9)
    with Session(shop) as session:
        here = session.get(Versioned, 1)
        assert Point(1, 2) == here.place
        attach(session, thing)
        assert Point(1, 9) == here.place
        session.commit()

    assert (Point(1, 9),) == row(shop, Versioned, 1, "place")


def test_joined_inheritance(shop: Engine) -> None:
    """
    Columns of both tables of a subclass are merged with one SELECT; the result has the right class.
    """
    joe = taken(shop, Person, 2)
    assert isinstance(joe, Engineer)
    with Session(shop) as session:
        joe = session.get(Engineer, 2)
    joe.name, joe.skill = "jim", "rust"

    with Session(shop) as session, statements(shop) as seen:
        assert isinstance(attach(session, joe), Engineer)
        session.commit()

    assert ["DELETE engineers", "SELECT people", "UPDATE people", "UPDATE engineers"] == seen
    assert ("jim", "rust") == row(shop, Engineer, 2, "name", "skill")


def test_after_pickle(shop: Engine) -> None:
    """
    The base survives a pickle.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"
    order = pickle.loads(pickle.dumps(order))
    theirs(shop, Order, 1, note="theirs")

    with Session(shop) as session:
        attach(session, order)
        session.commit()

    assert ("paid", "theirs") == row(shop, Order, 1, "status", "note")
