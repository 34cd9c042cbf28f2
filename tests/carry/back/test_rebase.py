"""rebase(): the newest row, with my unflushed edits on top."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import ObjectDeletedError

from tests.carry.back.models import Customer, Item, Order, Point, Versioned, statements
from tests.carry.back.people import row, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError
from tether.carry.rebase import rebase


def test_edits_stay_on_top(shop: Engine) -> None:
    """
    Their change is read, mine stays, and both are in the row afterwards; the version counts once for each.
    """
    with Session(shop) as session:
        thing = session.get(Versioned, 1)
        thing.name = "mine"
        theirs(shop, Versioned, 1, email="theirs")
        with statements(shop) as seen:
            assert thing is rebase(thing)
        assert ("mine", "theirs") == (thing.name, thing.email)
        session.commit()

    assert ["DELETE versioned", "SELECT versioned"] == seen
    assert ("mine", "theirs", 3) == row(shop, Versioned, 1, "name", "email", "version")


def test_unedited_row_is_refreshed_without_a_lock(shop: Engine) -> None:
    """
    Without edits it is a refresh of columns, foreign keys and composites.
    """
    with Session(shop) as session:
        order, thing = session.get(Order, 1), session.get(Versioned, 1)
        assert ("ann", Point(1, 2)) == (order.customer.name, thing.place)
        theirs(shop, Order, 1, customer_id=2)
        theirs(shop, Versioned, 1, place=Point(8, 9))
        with statements(shop) as seen:
            rebase([order, thing])

        assert ["SELECT orders", "SELECT versioned"] == seen
        assert ("bob", Point(8, 9)) == (order.customer.name, thing.place)


@pytest.mark.parametrize(
    ("policy", "kept"), [("mine", "mine"), ("theirs", "theirs"), (lambda c: c.base, "a")]
)
def test_conflict(shop: Engine, policy: Any, kept: str) -> None:
    """
    The same attribute changed on both sides is a conflict that leaves everything as it was, or that a policy decides.
    """
    with Session(shop) as session:
        thing = session.get(Versioned, 1)
        thing.name = "mine"
        theirs(shop, Versioned, 1, name="theirs", email="theirs")
        with pytest.raises(ConflictError, match="base 'a', mine 'mine', theirs 'theirs'"):
            rebase(thing)
        assert ("mine", "e") == (thing.name, thing.email)

        rebase(thing, on_conflict=policy)
        assert (kept, "theirs") == (thing.name, thing.email)
        session.commit()

    assert (kept, "theirs") == row(shop, Versioned, 1, "name", "email")


def test_collections(shop: Engine) -> None:
    """
    A loaded collection is read anew; what I added and removed unflushed is done again.
    """
    with Session(shop) as session:
        order = session.get(Order, 1)
        order.items.append(Item(label="mine"))
        order.items.remove(order.items[0])
        with somebody(shop, Order, 1) as there:
            there.items.append(Item(label="theirs"))
        rebase(order)
        assert ["b", "theirs", "mine"] == [item.label for item in order.items]
        session.commit()

        assert ["b", "mine", "theirs"] == sorted(item.label for item in order.items)


def test_session_that_holds_an_older_edit(shop: Engine) -> None:
    """
    attach() to a row whose unflushed edit was made on an older value is a conflict of that edit.
    """
    mine = taken(shop, Order, 1)
    mine.note = "mine"
    with Session(shop) as session:
        here = session.get(Order, 1)
        here.status = "unflushed"
        theirs(shop, Order, 1, status="theirs")
        with pytest.raises(ConflictError, match="base 'new', mine 'unflushed', theirs 'theirs'"):
            attach(session, mine)
        assert ("unflushed", "n") == (here.status, here.note)
        attach(session, mine, on_conflict={"status": "theirs"})
        assert ("theirs", "mine") == (here.status, here.note)


def test_row_that_is_gone(shop: Engine) -> None:
    """
    A row that somebody deleted raises SQLAlchemy's own error for that.
    """
    with Session(shop) as session:
        thing = session.get(Versioned, 1)
        with Session(shop) as other, other.begin():
            other.delete(other.get(Versioned, 1))
        with pytest.raises(ObjectDeletedError):
            rebase(thing)


def test_not_in_a_session(shop: Engine) -> None:
    """
    A detached instance is refused with the name of what to use; so is anything unmapped.
    """
    with pytest.raises(ValueError, match=r"in no Session: bring it back with attach\(\)"):
        rebase(taken(shop, Customer, 1))
    with pytest.raises(TypeError, match="int is not an instance"):
        rebase(3)
