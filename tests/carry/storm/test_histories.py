"""Random histories of two and three writers, and colleagues without tether, against a model of single facts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

import tether
from tests.carry.back.conftest import fill
from tests.carry.back.models import Customer, Item, Order
from tests.carry.storm.histories import PATHS, Colleague, Writer, in_database, positions
from tests.carry.storm.reference import ABSENT, Facts, changed, conflicts, merged

WHAT = [
    *("status", "note", "data", "customer", "tag", "add item", "count", "remove item"),
    *("add step", "remove step", "topic", "remove topic"),
]
edits = st.tuples(
    st.sampled_from([1, 1, 2]),
    st.sampled_from(WHAT),
    st.integers(0, 3),
    st.sampled_from(["x", "p", "q"]),
)
steps = st.one_of(
    st.tuples(st.just("edit"), st.integers(0, 2), edits),
    st.tuples(st.just("edit"), st.integers(0, 2), edits),
    st.tuples(st.just("home"), st.integers(0, 2), st.sampled_from(["raise", "raise", "mine", "theirs"])),
    st.tuples(st.just("colleague"), st.just(0), edits),
    st.tuples(st.just("delete"), st.just(0), st.sampled_from([(Order, 2), (Customer, 3)])),
)
histories = st.lists(steps, max_size=14)


@pytest.fixture(scope="module")
def shop() -> Iterator[sqlite3.Connection]:
    """
    The filled shop, to be copied for each history.
    """
    connection = sqlite3.connect(":memory:")
    engine = create_engine("sqlite://", poolclass=StaticPool, creator=lambda: connection)
    fill(engine)
    with Session(engine) as session, session.begin():
        session.add(Customer(id=3, name="cid"))
        session.add(
            Item(id=999, order_id=1, label="last")
        )  # or SQLite uses the number of a deleted row again
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """
    An Engine on a database in memory.
    """
    engine = create_engine("sqlite://", poolclass=StaticPool)
    yield engine
    engine.dispose()


def refill(engine: Engine, shop: sqlite3.Connection) -> None:
    """Make the database what it was at the beginning."""
    with engine.connect() as connection:
        shop.backup(connection.connection.driver_connection)


def colleague(engine: Engine, name: str, edit: Any) -> None:
    """Change something in a Session, without tether."""
    with Session(engine) as session, session.begin():
        Colleague(session, name).change(*edit)


def delete(engine: Engine, class_: Any, key: int) -> None:
    """Delete a row, if it is there."""
    with Session(engine) as session, session.begin():
        row = session.get(class_, key)
        if row is not None:
            session.delete(row)


def come_home(engine: Engine, writer: Writer, prefer: str) -> None:
    """Bring the copies of a writer home, and compare what the database holds with the model."""
    base, mine, theirs = writer.base, writer.mine, in_database(engine)
    contested = conflicts(base, mine, theirs)
    if prefer == "mine" and not all(is_decided_by_mine(fact, base, mine, theirs) for fact in contested):
        prefer = "raise"  # what only a person can decide
    expected: Facts = theirs if contested and prefer == "raise" else merged(base, mine, theirs, prefer)
    raised: list[Any] = []
    with Session(engine) as session:
        try:
            tether.attach(session, writer.brought(), on_conflict=prefer)
        except tether.ConflictError as error:
            raised = error.conflicts
        session.commit()

    assert bool(contested and prefer == "raise") == bool(raised), (contested, raised)
    assert expected == in_database(engine), (prefer, contested)
    assert mine == writer.mine
    if not raised:
        assert all(places == sorted(set(places)) for places in positions(engine))
    writer.take()


def is_decided_by_mine(fact: Any, base: Facts, mine: Facts, theirs: Facts) -> bool:
    """Return whether mine can simply be written: the row is there, or is only one that I changed."""
    return fact[0] in {"status", "note", "data"} and fact in theirs


@given(path=st.sampled_from(PATHS), history=histories)
def test_two_writers(engine: Engine, shop: sqlite3.Connection, path: str, history: list[Any]) -> None:
    """
    Two copies of one kind, and colleagues: each fact is as the one who changed it left it, or a conflict is raised.
    """
    run(engine, shop, [path, path], history)


@given(paths=st.tuples(*[st.sampled_from(PATHS)] * 3), history=histories)
def test_three_writers(engine: Engine, shop: sqlite3.Connection, paths: Any, history: list[Any]) -> None:
    """
    The same with three copies of different kinds.
    """
    run(engine, shop, list(paths), history)


def run(engine: Engine, shop: sqlite3.Connection, paths: list[str], history: list[Any]) -> None:
    """Play a history; in the end everybody comes home."""
    refill(engine, shop)
    writers = [Writer(engine, f"w{number}-", path) for number, path in enumerate(paths)]
    for number, (what, who, how) in enumerate(history):
        writer = writers[who % len(writers)]
        if what == "edit":
            writer.change(*how)
        elif what == "home":
            come_home(engine, writer, how)
        elif what == "colleague":
            colleague(engine, f"c{number}-", how)
        else:
            delete(engine, *how)
    for writer in writers:
        come_home(engine, writer, "raise")


def test_the_model_sees_a_conflict() -> None:
    """
    The model tells a change, the same change, a removed fact and a conflict apart.
    """
    base = {("status", 1): "new", ("tag", 1, 1): True}

    assert {("status", 1)} == changed(base, {**base, ("status", 1): "x"})
    assert set() == conflicts(base, {**base, ("status", 1): "x"}, {**base, ("status", 1): "x"})
    assert {("status", 1)} == conflicts(base, {**base, ("status", 1): "x"}, {**base, ("status", 1): "y"})
    assert {("status", 1): "new"} == merged(base, {("status", 1): "new"}, base, "mine")
    assert ABSENT not in merged(base, {}, base, "theirs").values()
