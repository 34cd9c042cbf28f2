"""attach() of detached instances whose columns were changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from tests.carry.back.models import Order, statements
from tether.carry.attach import attach


def taken(engine: Engine, class_: Any, key: Any, *options: Any) -> Any:
    """Return a detached instance."""
    with Session(engine) as session:
        return session.get_one(class_, key, options=options)


def theirs(engine: Engine, class_: Any, key: Any, **values: Any) -> None:
    """Let somebody else change a row."""
    with Session(engine) as session, session.begin():
        row = session.get_one(class_, key)
        for name, value in values.items():
            setattr(row, name, value)


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
    with Session(shop) as session:
        row = session.get_one(Order, 1)
        assert ("paid", "theirs") == (row.status, row.note)
    assert persistent is not order
    assert inspect(order).detached
    assert inspect(order).modified
