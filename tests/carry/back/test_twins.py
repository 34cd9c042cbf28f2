"""attach() of snapshots and drafts: the same merge as for detached instances."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Customer, Item, Order, Tag, Versioned, statements
from tests.carry.back.people import row, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError
from tether.carry.drafts import changes, edit, new
from tether.carry.snapshots import snapshot
from tether.errors import NoBaseError


def snap(engine: Engine, class_: Any, key: Any, *include: Any) -> Any:
    """Return a snapshot."""
    with Session(engine) as session:
        return snapshot(session.get(class_, key), include=include or None)


def bring(engine: Engine, changed: Any, **options: Any) -> list[str]:
    """Attach, commit, and return the statements."""
    with Session(engine) as session, statements(engine) as seen:
        attach(session, changed, **options)
        session.commit()
    return seen


def test_snapshot(shop: Engine) -> None:
    """
    A snapshot is an unchanged copy: it gives the persistent instance as it is now, and writes nothing.
    """
    order = snap(shop, Order, 1, Order.items)
    theirs(shop, Order, 1, note="theirs")

    with Session(shop) as session, statements(shop) as seen:
        assert "theirs" == attach(session, order).note
        session.commit()

    assert ["SELECT orders"] == seen


def test_draft(shop: Engine) -> None:
    """
    What a draft changed is merged: a column, a new child, a removed child, a reference; theirs is kept.
    """
    draft = edit(snap(shop, Order, 1, Order.items, Order.tags, Order.customer))
    draft.status = "paid"
    draft.items.remove(draft.items[0])
    draft.items.append(new(draft, Item, label="mine"))
    draft.tags.append(snap(shop, Tag, 3))
    draft.customer = snap(shop, Customer, 2)
    before = changes(draft)
    with somebody(shop, Order, 1) as there:
        there.note = "theirs"
        there.items.append(Item(label="theirs"))

    bring(shop, draft)

    assert ("paid", "theirs", 2) == row(shop, Order, 1, "status", "note", "customer_id")
    with Session(shop) as session:
        order = session.get(Order, 1)
        assert ["b", "mine", "theirs"] == sorted(item.label for item in order.items)
        assert [1, 2, 3] == [tag.id for tag in order.tags]
    assert before == changes(draft)


def test_draft_in_conflict(shop: Engine) -> None:
    """
    A draft keeps its base, so a conflict shows all three values.
    """
    draft = edit(snap(shop, Versioned, 1))
    draft.name = "mine"
    theirs(shop, Versioned, 1, name="theirs")

    with (
        Session(shop) as session,
        pytest.raises(ConflictError, match="base 'a', mine 'mine', theirs 'theirs'"),
    ):
        attach(session, draft)
    bring(shop, draft, on_conflict="mine")

    assert ("mine", 3) == row(shop, Versioned, 1, "name", "version")


def test_change_in_place(shop: Engine) -> None:
    """
    A draft sees a JSON value that was changed in place, which a detached instance cannot.
    """
    draft = edit(snap(shop, Order, 1))
    draft.data["k"] = 2

    bring(shop, draft)

    assert ({"k": 2},) == row(shop, Order, 1, "data")


def test_attribute_that_was_not_taken(shop: Engine) -> None:
    """
    A draft that sets what its snapshot did not take has no base, and is refused by name.
    """
    draft = edit(snap(shop, Order, 1))
    draft.memo = "mine"

    with Session(shop) as session, pytest.raises(NoBaseError, match=r"`Order.memo`.*not taken along"):
        attach(session, draft)


def test_mixed_list(shop: Engine) -> None:
    """
    Drafts of different snapshots, a snapshot and a detached instance come home in one call, in their order.
    """
    first, second = edit(snap(shop, Order, 1)), edit(snap(shop, Order, 2))
    thing, tag = taken(shop, Versioned, 1), snap(shop, Tag, 1)
    first.status, second.status, thing.name = "one", "two", "mine"
    things = pickle.loads(pickle.dumps([thing, second, tag, first]))

    with Session(shop) as session:
        found = attach(session, things)
        assert [thing.name, "two", "tag1", "one"] == [
            found[0].name,
            found[1].status,
            found[2].name,
            found[3].status,
        ]
        session.commit()

    assert [("one",), ("two",)] == [row(shop, Order, key, "status") for key in (1, 2)]


def test_drafts_with_removed_rows_beside_each_other(shop: Engine) -> None:
    """
    Drafts of different snapshots, with rows that only their base knows, and an instance come home in one call.
    """
    with Session(shop) as session:
        first = snapshot(session.get(Order, 1, options=[selectinload(Order.items)])).edit()
        second = snapshot(session.get(Order, 2, options=[selectinload(Order.items)])).edit()
    versioned = taken(shop, Versioned, 1)
    versioned.name = "mine"
    first.items.clear()
    first.status = "first"
    second.items.append(second.new(Item, label="new"))
    second.status = "second"

    with Session(shop) as session:
        attach(session, [first, second, versioned])
        session.commit()

    assert ("first", []) == row(shop, Order, 1, "status", "items")
    assert ("second",) == row(shop, Order, 2, "status")
    assert ("mine",) == row(shop, Versioned, 1, "name")
    with Session(shop) as session:
        assert [(2, "new")] == [(item.order_id, item.label) for item in session.scalars(select(Item))]
