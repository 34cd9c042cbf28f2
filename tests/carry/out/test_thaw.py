"""Snapshots and drafts as detached instances of the mapped classes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session, load_only
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.exc import DetachedInstanceError

from tests.carry.out.models import EVERYTHING, Base, Book, Customer, Item, Note, Order, Place, Point, Status
from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.snapshots import snapshot
from tether.carry.thawing import thaw
from tether.errors import SnapshotError


def test_a_correct_detached_instance(session: Session) -> None:
    """
    Class, identity key, loaded values and relationships are there; nothing is modified; shared rows are shared.
    """
    snaps = snapshot([session.get(Order, 1), session.get(Order, 2)], include=EVERYTHING)
    first, second = thaw(snaps)
    state = inspect(first)

    assert (Order, True, False, (Order, (1,), None)) == (
        type(first),
        state.detached,
        state.modified,
        state.key,
    )
    assert first.customer is second.customer
    assert first.items[0].order is first
    assert isinstance(first.items[0].product, Book)
    assert {"tax", "gift"} == set(first.notes)
    assert (Point(3, 4), 30, 1) == (first.where, first.total, first.version)
    assert [0, 1] == [item.position for item in first.items]


def test_what_was_not_taken_raises(session: Session) -> None:
    """
    Deferred, unloaded, expired and secret attributes raise SQLAlchemy's own error, never give None.
    """
    order = session.scalars(select(Order).options(load_only(Order.title, Order.note)).limit(1)).one()
    customer = session.get(Customer, 1)
    session.expire(order, ["note"])
    thawed, ann = thaw([snapshot(order), snapshot(customer)])

    assert "order 1" == thawed.title
    for instance, names in (
        (thawed, ("note", "status", "letter", "items", "customer")),
        (ann, ("password",)),
    ):
        for name in names:
            with pytest.raises(DetachedInstanceError):
                getattr(instance, name)


def test_a_thawed_instance_can_be_added(session: Session, engine: Engine, statements: list[str]) -> None:
    """
    SQLAlchemy takes it back: no statement for what is unchanged, an UPDATE for a change, also in place.
    """
    thawed = thaw(snapshot(session.get(Order, 1), include=EVERYTHING))
    session.rollback()
    statements.clear()
    with Session(engine) as other:
        other.add(thawed)
        other.flush()
        assert [] == statements
        thawed.extra["new"] = 1
        other.commit()
    with Session(engine) as other:
        order = other.get(Order, 1)

        assert {"a": [1, {"b": None}], "new": 1} == order.extra
        assert 2 == order.version


def test_the_history_of_a_draft(session: Session) -> None:
    """
    Changed attributes have the base as their old value, collections have added and removed rows.
    """
    draft: Any = edit(snapshot(session.get(Order, 1), include=EVERYTHING))
    draft.title = "mine"
    draft.pay()
    draft.items.append(draft.new(Item, price=Decimal(1), count=1))
    draft.items.pop(0)
    draft.notes["way"] = draft.new(Note, topic="way", text="air")
    draft.customer = None
    order = thaw(loads(dumps(draft), Base))

    assert (["mine"], ["order 1"]) == (
        get_history(order, "title").added,
        list(get_history(order, "title").deleted),
    )
    assert [Status.OPEN] == list(get_history(order, "status").deleted)
    items = get_history(order, "items")
    assert ([None], [11], [10]) == tuple([item.id for item in part] for part in items)
    assert inspect(items.added[0]).transient
    assert items.added[0].order is order
    assert ["way"] == [note.topic for note in get_history(order, "notes").added]
    assert ["Ann"] == [customer.name for customer in get_history(order, "customer").deleted]


def test_a_thawed_draft_is_written_by_add(session: Session, engine: Engine) -> None:
    """
    Added to a Session, the changes are flushed, new rows inserted, removed ones deleted by their cascade.
    """
    draft: Any = edit(snapshot(session.get(Order, 1), include=EVERYTHING))
    draft.title = "mine"
    draft.items.append(draft.new(Item, price=Decimal(1), count=4))
    draft.items.pop(0)
    order = thaw(draft)
    session.rollback()
    with Session(engine) as other:
        other.add(order)
        other.commit()

        assert ("mine", [1, 4]) == (order.title, [item.count for item in order.items])
        assert other.get(Item, 10) is None


def test_trees_and_refusals(session: Session) -> None:
    """
    A tree thaws as a tree; what is no snapshot is refused.
    """
    world = thaw(snapshot(session.get(Place, 1), include=["children.children"]))

    assert world.children[0].children[0].parent.parent is world
    with pytest.raises(SnapshotError, match=r"thaw\(\) takes a snapshot or a draft"):
        thaw(world)
