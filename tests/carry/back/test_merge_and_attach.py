"""M1 to M6: what `session.merge()` does, and what `attach()` does, with the same copy and the same colleague."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session, make_transient, selectinload
from sqlalchemy.orm.exc import StaleDataError

import tether
from tests.carry.back.models import Customer, Item, Order, Versioned, statements
from tests.carry.back.people import row, somebody, taken, theirs


def labels(engine: Engine) -> list[str]:
    """Return the items of the first order."""
    with Session(engine) as session:
        return list(session.scalars(select(Item.label).where(Item.order_id == 1).order_by(Item.label)))


def unchanged_order(engine: Engine) -> Order:
    """Return a copy with its items, from before somebody added another one."""
    order = taken(engine, Order, 1, selectinload(Order.items))
    with somebody(engine, Order, 1) as there:
        there.items.append(Item(label="theirs"))
    return order


def merge(engine: Engine, copy: Any) -> None:
    """Bring it back as SQLAlchemy does."""
    with Session(engine) as session:
        session.merge(copy)
        session.commit()


def attach(engine: Engine, copy: Any) -> None:
    """Bring it back as tether does."""
    with Session(engine) as session:
        tether.attach(session, copy)
        session.commit()


def test_m1_merge_deletes_their_child(shop: Engine) -> None:
    """
    M1: merge() of an unchanged copy deletes the child that somebody added, without a word.
    """
    merge(shop, unchanged_order(shop))

    assert ["a", "b"] == labels(shop)


def test_m1_attach_keeps_their_child(shop: Engine) -> None:
    """
    M1: attach() of the same copy keeps it.
    """
    attach(shop, unchanged_order(shop))

    assert ["a", "b", "theirs"] == labels(shop)


def test_m1_without_delete_orphan(shop: Engine) -> None:
    """
    M1: without delete-orphan merge() unlinks what they linked; attach() leaves it linked.
    """
    for bring, expected in ((attach, 2), (merge, None)):
        copy = taken(shop, Customer, 2, selectinload(Customer.orders))
        with Session(shop) as session, session.begin():
            session.add(Order(id=9, status="new", customer_id=2))
        bring(shop, copy)

        assert (expected,) == row(shop, Order, 9, "customer_id")
        with Session(shop) as session, session.begin():
            session.delete(session.get(Order, 9))


@pytest.mark.parametrize(("bring", "note"), [(merge, "n"), (attach, "theirs")])
def test_m2_other_attribute(shop: Engine, bring: Any, note: str) -> None:
    """
    M2: with only `status` changed, merge() puts their `note` back to what it was; attach() keeps it.
    """
    order = taken(shop, Order, 1)
    order.status = "mine"
    theirs(shop, Order, 1, note="theirs")

    bring(shop, order)

    assert ("mine", note) == row(shop, Order, 1, "status", "note")


def test_m3_false_conflict(shop: Engine) -> None:
    """
    M3: with a version column merge() raises StaleDataError for different attributes; attach() keeps both.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    theirs(shop, Versioned, 1, email="theirs")

    with pytest.raises(StaleDataError) as raised:
        merge(shop, thing)
    assert not hasattr(raised.value, "conflicts")
    attach(shop, thing)

    assert ("mine", "theirs", 3) == row(shop, Versioned, 1, "name", "email", "version")


def test_m3_true_conflict_is_a_stale_data_error(shop: Engine) -> None:
    """
    M3: a true conflict of attach() is caught by whoever caught SQLAlchemy's, and says what it is about.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    theirs(shop, Versioned, 1, name="theirs")

    with pytest.raises(StaleDataError) as raised:
        attach(shop, thing)

    assert isinstance(raised.value, tether.ConflictError)
    assert [("name", "a", "mine", "theirs")] == [
        (c.attribute, c.base, c.mine, c.theirs) for c in raised.value.conflicts
    ]


def test_conflict_error_survives_pickle(shop: Engine) -> None:
    """
    A ConflictError can be sent between processes with its conflicts.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    theirs(shop, Versioned, 1, name="theirs")
    with pytest.raises(tether.ConflictError) as raised:
        attach(shop, thing)

    copy = pickle.loads(pickle.dumps(raised.value))

    assert (raised.value.conflicts, str(raised.value)) == (copy.conflicts, str(copy))


def test_m4_change_after_expunge(shop: Engine) -> None:
    """
    M4: a change made after expunge() is lost in that Session; attach() brings it home.
    """
    with Session(shop) as session:
        order = session.get(Order, 1)
        session.expunge(order)
        order.status = "mine"
        session.commit()
    assert ("new",) == row(shop, Order, 1, "status")

    attach(shop, order)

    assert ("mine",) == row(shop, Order, 1, "status")


def test_m4_change_that_was_not_flushed_at_close(shop: Engine) -> None:
    """
    M4: what was not flushed when its Session was closed is still on the instance, and comes home with it.
    """
    with Session(shop) as session:
        order = session.get(Order, 1)
        order.status = "mine"
    assert ("new",) == row(shop, Order, 1, "status")

    attach(shop, order)

    assert ("mine",) == row(shop, Order, 1, "status")


def test_m5_statements(shop: Engine) -> None:
    """
    M5: merge() of a hundred parents with children sends a SELECT for each row; attach() one for all that changed.
    """
    with Session(shop) as session, session.begin():
        session.add_all(
            Order(id=n, status="new", items=[Item(label="x"), Item(label="y")]) for n in range(100, 200)
        )
    with Session(shop) as session:
        orders = session.query(Order).options(selectinload(Order.items)).filter(Order.id >= 100).all()
    for order in orders:
        order.status = "paid"

    with Session(shop) as session, session.no_autoflush, statements(shop) as merged:
        for order in orders:
            session.merge(order)
    with Session(shop) as session, statements(shop) as attached:
        tether.attach(session, orders)
        session.commit()

    assert 200 == len(merged)
    assert ["DELETE orders", "SELECT orders", "UPDATE orders"] == attached


def test_m6_base_is_kept(shop: Engine) -> None:
    """
    M6: SQLAlchemy keeps the old value of a loaded attribute that was changed while detached, also in a pickle.
    """
    order = taken(shop, Order, 1)
    order.status = "mine"

    assert {"status": "new"} == dict(inspect(pickle.loads(pickle.dumps(order))).committed_state)


def test_m6_set_while_expired(shop: Engine) -> None:
    """
    M6, first hole: an attribute set while expired has no base; attach() refuses it by name, merge() overwrites.
    """
    with Session(shop) as session:
        order = session.get(Order, 1)
        session.commit()
    order.status = "mine"
    theirs(shop, Order, 1, status="theirs")

    with pytest.raises(tether.NoBaseError, match=r"`Order.status` cannot be brought back: it was set while"):
        attach(shop, order)
    assert ("theirs",) == row(shop, Order, 1, "status")
    merge(shop, order)
    assert ("mine",) == row(shop, Order, 1, "status")


def test_m6_change_in_place(shop: Engine) -> None:
    """
    M6, second hole: a change in place through Mutable has no base on the instance; a draft of a snapshot has one.
    """
    order = taken(shop, Order, 1)
    order.data["k"] = 2

    with pytest.raises(tether.NoBaseError, match=r"`Order.data`.*changed in place"):
        attach(shop, order)


def test_m6_make_transient(shop: Engine) -> None:
    """
    M6, third hole: after make_transient() nobody knows which row it was; attach() refuses it.
    """
    order = taken(shop, Order, 1)
    make_transient(order)

    with pytest.raises(ValueError, match="is transient: it has no row yet"):
        attach(shop, order)
