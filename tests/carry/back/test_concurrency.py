"""Nobody's acknowledged change is lost between reading theirs and writing mine, on the real databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Item, Order, Tag, Versioned, statements
from tests.carry.back.people import row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError

SECONDS = 20  # how long a test waits for what must happen at once


def meanwhile(work: Callable[[], Any]) -> tuple[Future[Any], threading.Event]:
    """Run *work* in a thread of its own; the event tells that it has begun."""
    begun = threading.Event()

    def run() -> Any:
        begun.set()
        return work()

    executor = ThreadPoolExecutor(1)
    future = executor.submit(run)
    executor.shutdown(wait=False)
    return future, begun


def bring(engine: Engine, changed: Any, **options: Any) -> None:
    """Attach and commit."""
    with Session(engine) as session:
        attach(session, changed, **options)
        session.commit()


def test_second_attach_waits_and_merges(database: Engine) -> None:
    """
    While one attach() is not committed, another one of the same row waits, and then sees what was written.
    """
    first, second = taken(database, Order, 1), taken(database, Order, 1)
    first.status, second.note = "first", "second"

    with Session(database) as session:
        attach(session, first)
        future, begun = meanwhile(lambda: bring(database, second))
        assert begun.wait(SECONDS)
        assert not future.done()
        session.commit()
    future.result(SECONDS)

    assert ("first", "second") == row(database, Order, 1, "status", "note")


def test_second_attach_waits_and_conflicts(database: Engine) -> None:
    """
    If both changed the same attribute, the one that waited gets the conflict with the committed value.
    """
    first, second = taken(database, Order, 1), taken(database, Order, 1)
    first.status, second.status = "first", "second"

    with Session(database) as session:
        attach(session, first)
        future, begun = meanwhile(lambda: bring(database, second))
        assert begun.wait(SECONDS)
        session.commit()
    with pytest.raises(ConflictError) as raised:
        future.result(SECONDS)

    assert [("new", "second", "first")] == [(c.base, c.mine, c.theirs) for c in raised.value.conflicts]
    assert ("first",) == row(database, Order, 1, "status")


def test_writer_without_tether_waits(database: Engine) -> None:
    """
    A plain UPDATE cannot come between reading theirs and writing mine.
    """
    order = taken(database, Order, 1)
    order.status = "mine"

    def plain_update() -> None:
        with Session(database) as session, session.begin():
            session.execute(update(Order).where(Order.id == 1).values(status="theirs"))

    with Session(database) as session:
        attach(session, order)
        future, begun = meanwhile(plain_update)
        assert begun.wait(SECONDS)
        assert not future.done()
        session.commit()
    future.result(SECONDS)

    assert ("theirs",) == row(database, Order, 1, "status")


def test_transaction_that_began_before_their_commit(database: Engine) -> None:
    """
    In a Session that read the row before they changed it, their change is not lost: kept, or reported by the database.
    """
    order = taken(database, Order, 1)
    order.status = "mine"

    with Session(database) as session:
        session.get(Order, 1)
        theirs(database, Order, 1, note="theirs")
        try:
            attach(session, order)
            session.commit()
            status, reported = "mine", ""
        except OperationalError as error:  # MariaDB with innodb_snapshot_isolation: 1020, Record has changed
            status, reported = "new", str(error)

    assert (status == "new") == ("1020" in reported)
    assert (status, "theirs") == row(database, Order, 1, "status", "note")


def test_what_is_locked(database: Engine) -> None:
    """
    Rows that will be written are locked, rows that are only looked at are not.
    """
    order = taken(database, Order, 1, selectinload(Order.tags), selectinload(Order.items))
    order.tags.append(taken(database, Tag, 3))
    order.items[0].label = "mine"

    with Session(database) as session, statements(database) as seen:
        attach(session, order)

    lock = "" if database.dialect.name == "sqlite" else " FOR UPDATE"
    expected = [f"SELECT items{lock}", f"SELECT orders{lock}", "SELECT tags", f"SELECT order_tag{lock}"]
    assert [*expected, "SELECT orders"] == [statement for statement in seen if statement.startswith("SELECT")]


def test_tag_that_both_add(database: Engine) -> None:
    """
    Two writers who add the same element of a many-to-many relationship do not meet in a duplicate key.
    """
    first, second = (taken(database, Order, 1, selectinload(Order.tags)) for _ in range(2))
    for order in (first, second):
        order.tags.append(taken(database, Tag, 3))

    with Session(database) as session:
        attach(session, first)
        future, begun = meanwhile(lambda: bring(database, second))
        assert begun.wait(SECONDS)
        session.commit()
    future.result(SECONDS)

    with Session(database) as session:
        assert [1, 2, 3] == [tag.id for tag in session.get(Order, 1).tags]


def test_many_writers(database: Engine) -> None:
    """
    Six writers, three rows, different and same attributes and children: what was acknowledged is there.
    """
    with Session(database) as session, session.begin():
        session.add_all(Versioned(id=n, name="a", email="e") for n in (2, 3))
    children: list[str] = []
    # Each edit of a row adds a power of two of its own: sums tell which edits are in, and equal no other edit.
    edits = [(writer, turn) for writer in range(6) for turn in range(8)]
    powers = {
        edit: 2 ** (number // 3) for number, edit in enumerate(sorted(edits, key=lambda e: (e[1], e[0])))
    }

    def write(writer: int) -> None:
        for turn in range(8):
            thing = taken(database, Versioned, 1 + writer % 3)
            thing.count += powers[writer, turn]
            order = taken(database, Order, 1, selectinload(Order.items))
            order.items.append(Item(label=f"{writer}-{turn}"))
            with Session(database) as session:
                attach(session, [thing, order])
                session.commit()
            children.append(f"{writer}-{turn}")

    with ThreadPoolExecutor(6) as executor:
        for future in [executor.submit(write, writer) for writer in range(6)]:
            future.result(60)

    with Session(database) as session:
        assert sum(powers.values()) == sum(session.scalars(select(Versioned.count)))
        assert {"a", "b", *children} == set(session.scalars(select(Item.label)))
        assert 3 + 48 == sum(session.scalars(select(Versioned.version)))
