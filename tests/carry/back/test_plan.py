"""plan(): what would be written, as a diff; apply() does it, or refuses."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Customer, Item, Order, Tag, Versioned, statements
from tests.carry.back.people import row, taken, theirs
from tether.carry.conflicts import ConflictError, Kind
from tether.carry.plan import plan


def changed_order(engine: Engine) -> Order:
    """Return an order with a change of every kind."""
    order = taken(engine, Order, 1, *map(selectinload, (Order.items, Order.tags, Order.customer)))
    order.status = "paid"
    order.items[0].label = "A"
    del order.items[1]
    order.items.append(Item(label="mine"))
    order.tags.append(taken(engine, Tag, 3))
    order.customer = taken(engine, Customer, 2)
    return order


DIFF = """\
INSERT Item
+   label: 'mine'
+   order: Order 1
UPDATE Order 1
-   status: 'new'
+   status: 'paid'
-   customer: Customer 1
+   customer: Customer 2
-   items: Item 2
+   items: new Item
+   tags: Tag 3
UPDATE Item 1
-   label: 'a'
+   label: 'A'
DELETE Item 2"""


def test_text(shop: Engine) -> None:
    """
    The text is a diff of rows and attributes; nothing is written, locked or left in the Session.
    """
    order = changed_order(shop)

    with Session(shop) as session, statements(shop) as seen:
        found = plan(session, order)
        assert ([], []) == (list(session), list(session.new))
        session.commit()

    assert DIFF == str(found)
    assert {"SELECT"} == {statement.partition(" ")[0] for statement in seen}
    assert ("new",) == row(shop, Order, 1, "status")


def test_apply(shop: Engine) -> None:
    """
    apply() does what the plan says, and gives the persistent instance.
    """
    order = changed_order(shop)

    with Session(shop) as session:
        assert "paid" == plan(session, order).apply().status
        session.commit()

    assert ("paid", 2) == row(shop, Order, 1, "status", "customer_id")
    with Session(shop) as session:
        assert ["A", "mine"] == [item.label for item in session.get(Order, 1).items]


def test_conflicts_are_shown(shop: Engine) -> None:
    """
    A plan shows its conflicts with all three values, and apply() raises them.
    """
    thing = taken(shop, Versioned, 1)
    thing.name = "mine"
    theirs(shop, Versioned, 1, name="theirs")

    with Session(shop) as session:
        found = plan(session, thing)
        with pytest.raises(ConflictError):
            found.apply()

    assert (
        "CONFLICT Versioned 1.name: changed\n!   base   'a'\n!   mine   'mine'\n!   theirs 'theirs'"
    ) == str(found)


def test_rows_that_moved_on(shop: Engine) -> None:
    """
    apply() refuses if a row is not what the plan saw, also where that is no conflict with mine.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"
    with Session(shop) as session:
        found = plan(session, order)
        session.rollback()
        theirs(shop, Order, 1, note="theirs")
        with pytest.raises(ConflictError) as raised:
            found.apply()
        assert [] == list(session)

    (conflict,) = raised.value.conflicts
    assert (Kind.MOVED_ON, "note", "n", "theirs") == (
        conflict.kind,
        conflict.attribute,
        conflict.base,
        conflict.theirs,
    )
    assert ("new", "theirs") == row(shop, Order, 1, "status", "note")


def test_unchanged(shop: Engine) -> None:
    """
    The plan of an unchanged copy is empty, and says so.
    """
    order = taken(shop, Order, 1)

    with Session(shop) as session:
        found = plan(session, order)

    assert ("nothing to write", False, {"steps": [], "conflicts": []}) == (
        str(found),
        bool(found),
        found.to_dict(),
    )


def test_to_dict(shop: Engine) -> None:
    """
    A plan is a JSON document.
    """
    thing = taken(shop, Versioned, 1)
    thing.name, thing.email = "mine", "mine"
    theirs(shop, Versioned, 1, name="theirs")

    with Session(shop) as session:
        found = json.loads(json.dumps(plan(session, thing).to_dict()))

    assert {
        "steps": [
            {
                "verb": "UPDATE",
                "class": "Versioned",
                "primary_key": [1],
                "values": {"email": ["e", "mine"]},
                "added": {},
                "removed": {},
            }
        ],
        "conflicts": [
            {
                "class": "Versioned",
                "primary_key": [1],
                "attribute": "name",
                "kind": "changed",
                "base": "a",
                "mine": "mine",
                "theirs": "theirs",
                "missing": [],
            }
        ],
    } == found
