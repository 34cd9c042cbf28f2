"""attach() of what databases do differently: primary keys of several columns, rows in two tables, JSON."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Engineer, Mark, Order, Page
from tests.carry.back.people import bring, row, somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError


def test_primary_key_of_two_columns(database: Engine) -> None:
    """
    Rows are found, locked and linked by all columns of their primary key.
    """
    with Session(database) as session, session.begin():
        session.add_all([Page(book=book, number=n, text="x") for book in "ab" for n in (1, 2)])
        session.flush()
        session.add_all([Mark(id=1, book="a", number=1), Mark(id=2, book="a", number=1)])
    page = taken(database, Page, ("a", 1), selectinload(Page.marks))
    other = taken(database, Page, ("b", 2), selectinload(Page.marks))
    page.text = "mine"
    other.marks.append(page.marks[0])
    page.marks = [page.marks[1], Mark(id=3)]
    with somebody(database, Page, ("a", 1)) as there:
        there.marks.append(Mark(id=4))

    bring(database, [page, other])

    assert ("mine",) == row(database, Page, ("a", 1), "text")
    with Session(database) as session:
        found = session.execute(select(Mark.id, Mark.book, Mark.number).order_by(Mark.id)).all()
    assert [(1, "b", 2), (2, "a", 1), (3, "a", 1), (4, "a", 1)] == [tuple(mark) for mark in found]


def test_foreign_key_of_two_columns_is_one_value(database: Engine) -> None:
    """
    Two changes of one reference are one conflict, whichever of its columns they changed.
    """
    with Session(database) as session, session.begin():
        session.add_all([Page(book=book, number=n, text="x") for book in "ab" for n in (1, 2)])
        session.flush()
        session.add(Mark(id=1, book="a", number=1))
    mark = taken(database, Mark, 1, selectinload(Mark.page))
    mark.page = taken(database, Page, ("b", 1))
    theirs(database, Mark, 1, number=2)

    with Session(database) as session, pytest.raises(ConflictError) as raised:
        attach(session, mark)

    assert [("page", ("a", 1), ("b", 1), ("a", 2))] == [
        (c.attribute, c.base, c.mine, c.theirs) for c in raised.value.conflicts
    ]


def test_row_in_two_tables(database: Engine) -> None:
    """
    A row of joined inheritance is locked in both tables and merged across them, in the Session or not.
    """
    for loaded in (False, True):
        joe = taken(database, Engineer, 2)
        joe.skill, name = f"mine{loaded}", f"theirs{loaded}"
        with Session(database) as session:
            here = session.get(Engineer, 2) if loaded else None
            if not loaded:
                session.rollback()
            theirs(database, Engineer, 2, name=name)
            assert here in (None, attach(session, joe))
            session.commit()

        assert (f"mine{loaded}", name) == row(database, Engineer, 2, "skill", "name")


def test_json(database: Engine) -> None:
    """
    A JSON value is compared as a value, not as text.
    """
    order = taken(database, Order, 1)
    order.data = {"b": 1, "a": [1, {"c": None}]}
    theirs(database, Order, 1, data={"a": [1, {"c": None}], "b": 1})

    bring(database, order)

    assert ({"a": [1, {"c": None}], "b": 1},) == row(database, Order, 1, "data")
