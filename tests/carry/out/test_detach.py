"""Mapped instances that leave their Session on purpose."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import get_history

from tests.carry.out.models import Item, Order, Tag
from tether.carry.detaching import detach
from tether.carry.snapshots import snapshot
from tether.errors import SnapshotError


def test_the_loaded_graph_leaves_together(session: Session) -> None:
    """
    The instance itself is returned, and children leave along; links between them work, and nothing stays behind.
    """
    order = session.get(Order, 1)

    assert detach(order, include=[Order.items, Order.customer, Order.tags]) is order
    assert [True] * 4 == [inspect(row).detached for row in (order, *order.items, order.customer)]
    assert ("Ann", 30) == (order.customer.name, order.total)
    assert [] == list(session)


def test_what_was_expired_is_read_again(session: Session) -> None:
    """
    After a commit nothing is loaded; detach() reads rows and children before they leave.
    """
    order = session.get(Order, 1)
    _ = [item.count for item in order.items]
    session.commit()
    _ = order.items
    session.expire(order.items[0])
    session.expire(order, ["note"])
    detach(order)

    assert ("order 1", None, [2, 1]) == (order.title, order.note, [item.count for item in order.items])


def test_unflushed_edits_stay_edits(session: Session, statements: list[str]) -> None:
    """
    Nothing is flushed; edits and removals leave with their history, and the removed row leaves too.
    """
    order = session.get(Order, 1)
    gone = order.items.pop(0)
    order.title = "mine"
    session.expire(order, ["weight"])
    statements.clear()
    detach(order, include=[Order.letter])

    assert {"SELECT"} == {statement.split()[0] for statement in statements}
    assert ("mine", 2.5, "Dear customer") == (order.title, order.weight, order.letter)
    assert ["order 1"] == list(get_history(order, "title").deleted)
    assert [gone] == list(get_history(order, "items").deleted)
    assert inspect(gone).detached
    session.add(order)
    session.flush()
    assert ("mine", 1) == (
        session.execute(select(Order.title).where(Order.id == 1)).scalar(),
        len(order.items),
    )
    session.rollback()


def test_a_list(session: Session, statements: list[str]) -> None:
    """
    A list leaves with one query for each relationship.
    """
    orders = list(session.scalars(select(Order)))
    statements.clear()

    assert detach(orders, include=[Order.items]) == orders
    assert 2 == len(statements)


def test_nothing_is_detached_on_error(session: Session) -> None:
    """
    A new row in the graph, or an unknown include, is named, and everything stays in the Session.
    """
    order = session.get(Order, 1)
    order.items.append(Item(price=Decimal(1)))
    with session.no_autoflush:
        with pytest.raises(SnapshotError, match="Item is pending"):
            detach(order)
        with pytest.raises(SnapshotError, match="no mapped attribute `itmes`"):
            detach(order, include=["itmes"])

    assert order in session
    with pytest.raises(SnapshotError, match="no Session to leave"):
        detach(snapshot(session.get(Tag, 1)))
