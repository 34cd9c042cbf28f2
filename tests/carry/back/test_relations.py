"""attach() of relationships: what both sides added, removed and moved."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, object_session, selectinload

from tests.carry.back.models import Customer, Item, Order, Person, Step, Tag, statements
from tests.carry.back.people import bring, order_with, row, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError, Kind
from tether.carry.merge import MISSING


def labels(engine: Engine, order: int = 1) -> list[str]:
    """Return the items of an order as the database holds them."""
    with Session(engine) as session:
        return list(session.scalars(select(Item.label).where(Item.order_id == order).order_by(Item.label)))


def add_item(engine: Engine, label: str, order: int = 1) -> None:
    """Let somebody else add an item."""
    with Session(engine) as session, session.begin():
        session.add(Item(order_id=order, label=label))


def delete(engine: Engine, class_: Any, key: Any) -> None:
    """Let somebody else delete a row."""
    with Session(engine) as session, session.begin():
        session.delete(session.get(class_, key))


def test_unchanged_collection(shop: Engine) -> None:
    """
    An unchanged parent with loaded children reads its own row only; a child that somebody added stays (M1).
    """
    order = order_with(shop, Order.items, Order.tags, Order.notes, Order.steps)
    add_item(shop, "theirs")

    assert ["SELECT orders"] == bring(shop, order)
    assert ["a", "b", "theirs"] == labels(shop)


def test_children_of_both(shop: Engine) -> None:
    """
    My new child, their new child and my removed child: all three happen.
    """
    order = order_with(shop, Order.items)
    order.items.append(Item(label="mine"))
    del order.items[0]
    add_item(shop, "theirs")

    seen = bring(shop, order)

    assert [
        "DELETE items",  # of no row: SQLite's lock
        "SELECT items",
        "SELECT orders",
        "SELECT orders",
        "INSERT items",
        "DELETE items",
    ] == seen
    assert ["b", "mine", "theirs"] == labels(shop)
    assert ["b", "mine"] == [item.label for item in order.items]


def test_children_are_in_the_result(shop: Engine) -> None:
    """
    The persistent parent holds the merged collection before anything is flushed.
    """
    order = order_with(shop, Order.items)
    order.items.append(Item(label="mine"))
    add_item(shop, "theirs")

    with Session(shop) as session:
        persistent = attach(session, order)
        assert ["a", "b", "theirs", "mine"] == [item.label for item in persistent.items]


def test_child_that_both_removed(shop: Engine) -> None:
    """
    A child that both removed is no conflict.
    """
    order = order_with(shop, Order.items)
    del order.items[0]
    delete(shop, Item, 1)

    bring(shop, order)

    assert ["b"] == labels(shop)


def test_child_that_i_removed_and_they_changed(shop: Engine) -> None:
    """
    A child that I removed and they changed is a conflict; "theirs" keeps it, "mine" deletes it.
    """
    order = order_with(shop, Order.items)
    del order.items[0]
    theirs(shop, Item, 1, label="theirs")

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)
    (conflict,) = raised.value.conflicts
    assert (Kind.REMOVED_BUT_CHANGED, {"label": "a"}, MISSING, {"label": "theirs"}) == (
        conflict.kind,
        conflict.base,
        conflict.mine,
        conflict.theirs,
    )
    bring(shop, order, on_conflict="theirs")
    assert ["b", "theirs"] == labels(shop)
    bring(shop, order, on_conflict="mine")
    assert ["b"] == labels(shop)


def test_child_that_i_changed_and_they_removed(shop: Engine) -> None:
    """
    A child that I changed and they deleted is a conflict about the child's row.
    """
    order = order_with(shop, Order.items)
    order.items[0].label = "mine"
    delete(shop, Item, 1)

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)

    assert [(Kind.ROW_DELETED, (Item, (1,), None))] == [
        (conflict.kind, conflict.identity_key) for conflict in raised.value.conflicts
    ]


def test_children_that_both_changed(shop: Engine) -> None:
    """
    Children are rows like any other: different attributes of one child are both kept.
    """
    order = order_with(shop, Order.items)
    order.items[0].label = "mine"
    theirs(shop, Item, 1, count=7)

    bring(shop, order)

    assert ("mine", 7) == row(shop, Item, 1, "label", "count")


def test_child_that_moved(shop: Engine) -> None:
    """
    A child that I moved to another parent is one change, whichever sides of it are loaded.
    """
    with Session(shop) as session:
        orders = session.scalars(select(Order).options(selectinload(Order.items)).order_by(Order.id)).all()
    orders[1].items.append(orders[0].items[0])
    orders[0].items.remove(orders[1].items[0])

    bring(shop, list(orders))

    assert (["b"], ["a"]) == (labels(shop), labels(shop, 2))


def test_child_that_both_moved(shop: Engine) -> None:
    """
    A child that I moved here and they moved there is a conflict of its foreign key.
    """
    with Session(shop) as session, session.begin():
        session.add(Order(id=3, status="new"))
    with Session(shop) as session:
        item = session.get(Item, 1, options=[selectinload(Item.order)])
        other = session.get(Order, 2)
    item.order = other
    theirs(shop, Item, 1, order_id=3)

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, item)

    (conflict,) = raised.value.conflicts
    assert ("order", 1, 2, 3) == (conflict.attribute, conflict.base, conflict.mine, conflict.theirs)
    bring(shop, item, on_conflict="mine")
    assert (2,) == row(shop, Item, 1, "order_id")


@pytest.mark.parametrize("loaded", [True, False])
def test_many_to_one(shop: Engine, loaded: bool) -> None:
    """
    A many-to-one relationship is merged by its foreign key, also if it was not loaded before it was set.
    """
    order = order_with(shop, *([Order.customer] if loaded else []))
    order.customer = taken(shop, Customer, 2)
    theirs(shop, Order, 1, note="theirs")

    bring(shop, order)

    assert (2, "theirs") == row(shop, Order, 1, "customer_id", "note")


def test_many_to_one_set_to_none(shop: Engine) -> None:
    """
    None is a value: the foreign key becomes NULL.
    """
    order = order_with(shop, Order.customer)
    order.customer = None

    bring(shop, order)

    assert (None,) == row(shop, Order, 1, "customer_id")


def test_reference_to_a_deleted_row(shop: Engine) -> None:
    """
    A row that I refer to and they deleted is a conflict named after the relationship.
    """
    order = order_with(shop, Order.customer)
    with Session(shop) as session, session.begin():
        session.add(Customer(id=9, name="new"))
    order.customer = taken(shop, Customer, 9)
    delete(shop, Customer, 9)

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)

    (conflict,) = raised.value.conflicts
    assert (Kind.REFERENCE, "customer", (Customer, (9,), None)) == (
        conflict.kind,
        conflict.attribute,
        conflict.mine,
    )
    bring(shop, order, on_conflict="theirs")
    assert (1,) == row(shop, Order, 1, "customer_id")


def tags(engine: Engine) -> list[int]:
    """Return the tags of the first order."""
    with Session(engine) as session:
        return [tag.id for tag in session.get(Order, 1).tags]


def test_many_to_many(shop: Engine) -> None:
    """
    My added and my removed tag, and the one they added: the association table gets one INSERT and one DELETE.
    """
    order = order_with(shop, Order.tags)
    with somebody(shop, Order, 1) as there:
        there.tags.append(object_session(there).get(Tag, 3))
        object_session(there).add(Tag(id=4, name="tag4"))
    order.tags.append(taken(shop, Tag, 4))
    del order.tags[0]

    seen = bring(shop, order)

    assert [2, 3, 4] == tags(shop)
    assert [
        "DELETE orders",
        "SELECT orders",
        "SELECT tags",
        "SELECT order_tag",
        "SELECT orders",
        "DELETE order_tag",
        "INSERT order_tag",
    ] == seen


def test_many_to_many_the_same_on_both_sides(shop: Engine) -> None:
    """
    A tag that both added, and one that both removed, are no conflict and write nothing.
    """
    order = order_with(shop, Order.tags)
    order.tags.append(taken(shop, Tag, 3))
    del order.tags[0]
    with somebody(shop, Order, 1) as there:
        there.tags.append(object_session(there).get(Tag, 3))
        there.tags.remove(there.tags[0])

    seen = bring(shop, order)

    assert [2, 3] == tags(shop)
    assert [] == [
        statement for statement in seen if statement.endswith("order_tag") and "SELECT" not in statement
    ]


def test_self_referential(shop: Engine) -> None:
    """
    A tree in one table: my new member of staff and theirs.
    """
    eve = taken(shop, Person, 1, selectinload(Person.staff))
    eve.staff.append(Person(name="mine", kind="person"))
    theirs(shop, Person, 2, boss_id=1)

    bring(shop, eve)

    with Session(shop) as session:
        assert ["joe", "mine"] == sorted(p.name for p in session.get(Person, 1).staff)


def test_new_graph_below_an_existing_row(shop: Engine) -> None:
    """
    A new child that has children of its own, and refers to existing rows, is inserted with all of them.
    """
    ann = taken(shop, Customer, 1, selectinload(Customer.orders))
    order = Order(status="paid", items=[Item(label="deep")], tags=[taken(shop, Tag, 3)])
    ann.orders.append(order)

    bring(shop, ann)

    with Session(shop) as session:
        new = session.scalars(select(Order).where(Order.status == "paid")).one()
        assert (1, ["deep"], [3]) == (new.customer_id, [i.label for i in new.items], [t.id for t in new.tags])


def test_argument_is_not_modified(shop: Engine) -> None:
    """
    The detached graph is afterwards what it was, and can be attached again elsewhere.
    """
    order = order_with(shop, Order.items, Order.steps)
    new = Item(label="mine")
    order.items.append(new)
    order.status = "paid"
    before = {**order.__dict__, "items": list(order.items), "steps": list(order.steps)}

    bring(shop, order)

    assert before == {**order.__dict__, "items": list(order.items), "steps": list(order.steps)}
    assert new.id is None
    assert new.order is order


def test_instance_of_the_session_as_target(shop: Engine) -> None:
    """
    A row that is in the Session already can be referred to, and is not read again.
    """
    step = taken(shop, Step, 1)
    with Session(shop) as session:
        bob = step.author = session.get(Customer, 2)
        with statements(shop) as seen:
            assert bob is attach(session, step).author
        session.commit()

    assert ["DELETE steps", "SELECT steps"] == seen
    assert (2,) == row(shop, Step, 1, "author_id")


def test_statements_for_many_parents(shop: Engine) -> None:
    """
    A hundred parents with a new child each cost as many SELECTs as one.
    """
    with Session(shop) as session, session.begin():
        session.add_all(Order(id=n, status="new") for n in range(10, 110))
    with Session(shop) as session:
        orders = session.query(Order).options(selectinload(Order.items)).filter(Order.id >= 10).all()
    for order in orders:
        order.items.append(Item(label="x"))

    seen = bring(shop, orders)

    assert ["DELETE orders", "SELECT orders", "SELECT orders"] == [
        s for s in seen if not s.startswith("INSERT")
    ]


def test_another_copy_of_the_same_row(shop: Engine) -> None:
    """
    To put another copy of the same row in the place of one changes nothing.
    """
    order = order_with(shop, Order.customer, Order.tags)
    order.customer = taken(shop, Customer, 1)
    order.tags = [taken(shop, Tag, 1), order.tags[1]]
    theirs(shop, Order, 1, customer_id=2)

    seen = bring(shop, order)

    assert [] == [statement for statement in seen if not statement.startswith(("SELECT", "DELETE orders"))]
    assert ((2,), [1, 2]) == (row(shop, Order, 1, "customer_id"), tags(shop))
