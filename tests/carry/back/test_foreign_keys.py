"""attach() of foreign keys that were set by hand: to rows that are gone, beside a relationship, in new rows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Customer, Item, Mark, Order, Page, Step, statements
from tests.carry.back.people import bring, row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError, Kind
from tether.carry.drafts import edit
from tether.carry.merge import MISSING
from tether.carry.plan import plan
from tether.carry.snapshots import snapshot


def copy_of(engine: Engine, kind: str, class_: Any, key: Any, *options: Any) -> Any:
    """Return a detached instance or a draft."""
    with Session(engine) as session:
        found = session.get(class_, key, options=options)
        return edit(snapshot(found)) if kind == "draft" else found


@pytest.mark.parametrize("kind", ["detached", "draft"])
def test_row_that_is_gone(database: Engine, kind: str) -> None:
    """
    A foreign key set by hand to a row that is not there is a conflict about the column; plan() shows it.
    """
    order = copy_of(database, kind, Order, 1)
    order.customer_id = 99

    with Session(database) as session:
        planned = plan(session, order).conflicts
    with Session(database) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)

    expected = Conflict((Order, (1,), None), "customer_id", 1, 99, MISSING, Kind.REFERENCE)
    assert ([expected], [expected]) == (planned, raised.value.conflicts)


def test_policies(shop: Engine) -> None:
    """
    "theirs" leaves the foreign key as it is, a function may name another row, "mine" is a conflict still.
    """
    order = taken(shop, Order, 1)
    order.customer_id, order.note = 99, "mine"

    with Session(shop) as session, pytest.raises(ConflictError):
        attach(session, order, on_conflict="mine")
    bring(shop, order, on_conflict="theirs")
    assert (1, "mine") == row(shop, Order, 1, "customer_id", "note")
    bring(shop, order, on_conflict=lambda conflict: 2)
    assert (2,) == row(shop, Order, 1, "customer_id")


def test_row_that_is_there(database: Engine) -> None:
    """
    One SELECT for each foreign key that was set, whatever the number of rows; the rows are locked in one.
    """
    orders = [taken(database, Order, 1), taken(database, Order, 2)]
    orders[0].customer_id, orders[1].customer_id = 2, 1

    with Session(database) as session, statements(database) as seen:
        attach(session, orders)
        session.commit()

    locks = "" if database.dialect.name == "sqlite" else " FOR UPDATE"
    assert [
        *(["DELETE orders"] if not locks else []),
        f"SELECT orders{locks}",
        "SELECT customers",
        "UPDATE orders",
    ] == seen
    assert ((2,), (1,)) == (row(database, Order, 1, "customer_id"), row(database, Order, 2, "customer_id"))


def test_none(shop: Engine) -> None:
    """
    None refers to nothing, and nothing is asked.
    """
    order = taken(shop, Order, 1)
    order.customer_id = None

    seen = bring(shop, order)

    assert "SELECT customers" not in seen
    assert (None,) == row(shop, Order, 1, "customer_id")


def test_key_of_two_columns(shop: Engine) -> None:
    """
    A foreign key of two columns is one value, of which I may have set one part only.
    """
    with Session(shop) as session, session.begin():
        session.add(Page(book="a", number=1, text="x"))
        session.flush()
        session.add(Mark(id=1, book="a", number=1))
    mark = taken(shop, Mark, 1)
    mark.number = 7

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, mark)

    assert [("book, number", ("a", 7), MISSING)] == [
        (c.attribute, c.mine, c.theirs) for c in raised.value.conflicts
    ]


def test_new_row(database: Engine) -> None:
    """
    A new row with a foreign key to nothing is a conflict, not an IntegrityError at the flush.
    """
    order = taken(database, Order, 1, selectinload(Order.steps))
    order.steps.append(Step(name="mine", author_id=99))

    with Session(database) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)

    assert [(Step, "author_id", 99)] == [
        (c.identity_key[0], c.attribute, c.mine) for c in raised.value.conflicts
    ]


def test_target_that_comes_in_the_same_call(shop: Engine) -> None:
    """
    A row that is inserted in the same call can be referred to by its primary key.
    """
    first, second = taken(shop, Order, 1, selectinload(Order.customer)), taken(shop, Order, 2)
    first.customer = Customer(id=70, name="new")
    second.customer_id = 70

    bring(shop, [first, second])

    assert (70,) == row(shop, Order, 2, "customer_id")


@pytest.mark.parametrize("by_hand", [1, 2, 99])
def test_relationship_goes_before_the_column(shop: Engine, by_hand: int) -> None:
    """
    Where both were changed the relationship is written, as in a flush of SQLAlchemy's; one conflict, not two.
    """
    order = taken(shop, Order, 1, selectinload(Order.customer))
    order.customer = taken(shop, Customer, 2)
    order.customer_id = by_hand

    bring(shop, order)
    assert (2,) == row(shop, Order, 1, "customer_id")

    other = taken(shop, Order, 2, selectinload(Order.customer))
    other.customer, other.customer_id = taken(shop, Customer, 1), by_hand
    theirs(shop, Order, 2, customer_id=None)
    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, other)
    assert ["customer"] == [conflict.attribute for conflict in raised.value.conflicts]


def test_collection_goes_before_the_column(shop: Engine) -> None:
    """
    The same from the other side: the collection that a row was put into decides.
    """
    orders = [taken(shop, Order, n, selectinload(Order.items)) for n in (1, 2)]
    item = orders[0].items[0]
    orders[0].items.remove(item)
    orders[1].items.append(item)
    item.order_id = 99

    bring(shop, orders)

    assert (2,) == row(shop, Item, 1, "order_id")


def test_flush_of_sqlalchemy_prefers_the_relationship(shop: Engine) -> None:
    """
    SQLAlchemy itself writes the relationship where both were set.
    """
    with Session(shop) as session, session.begin():
        order = session.get(Order, 1)
        order.customer = session.get(Customer, 2)
        order.customer_id = 99

    assert (2,) == row(shop, Order, 1, "customer_id")
