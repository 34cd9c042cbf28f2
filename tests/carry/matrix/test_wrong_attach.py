"""A checker that cannot fail is worth nothing: wrong ways to bring rows home, and the cells that catch them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from tests.carry.matrix.models import MAKE, Plain, Versioned
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError
from tether.carry.taking import is_twin
from tether.carry.thawing import thaw
from tether.testing import Case, conformance

Attach = Callable[[Session, Any], Any]


def merge(session: Session, changed: Any) -> Any:
    """Do what SQLAlchemy offers."""
    return session.merge(thaw(changed) if is_twin(changed) else changed)


def mine_wins(session: Session, changed: Any) -> Any:
    """Report no conflict."""
    return attach(session, changed, on_conflict="mine")


def half_done(session: Session, changed: Any) -> Any:
    """Leave something behind when there is a conflict."""
    try:
        return attach(session, changed)
    except ConflictError:
        attach(session, changed, on_conflict="theirs")
        raise


def one_read_more(session: Session, changed: Any) -> Any:
    """Ask the database something that nobody needs to know."""
    session.execute(select(1))
    return attach(session, changed)


def one_write_more(session: Session, changed: Any) -> Any:
    """Write a row that nobody changed, with what it holds already."""
    instance = attach(session, changed)
    mapper = inspect(instance).mapper
    session.execute(update(mapper.class_).values({mapper.primary_key[0]: mapper.primary_key[0]}))
    return instance


def writes_into_the_argument(session: Session, changed: Any) -> Any:
    """Modify what was given."""
    instance = attach(session, changed)
    changed.status = "modified"
    return instance


def gives_the_argument_back(session: Session, changed: Any) -> Any:
    """Return something that is in no Session."""
    attach(session, changed)
    return changed


ATTRIBUTES = "Order.status", "Order.items", "Order.customer"


@pytest.fixture
def cells(sqlite_engine: Engine) -> dict[str, Case]:
    """
    Cells about detached orders, by name.
    """
    matrix = conformance(Plain, sqlite_engine, MAKE)
    return {c.id: c for c in matrix.cases if c.id.startswith(ATTRIBUTES) and "/ detached / loaded" in c.id}


def caught(cells: dict[str, Case], wrong: Attach, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what the cells say of a wrong attach()."""
    monkeypatch.setattr("tether.carry.attach.attach", wrong)
    found = {}
    for case in cells.values():
        try:
            case.run()
        except AssertionError as error:
            found[case.id] = str(error)
    return found


def test_right_one_passes(cells: dict[str, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What catches the wrong ones lets the right one pass.
    """
    assert {} == caught(cells, attach, monkeypatch)


@pytest.mark.parametrize(
    "name, says",
    [
        ("Order.items / theirs / detached / loaded / absent", "'DELETE'"),  # M1: their child is deleted
        ("Order.status / both different: of another attribute / detached / loaded / absent", "rows:"),  # M2
        ("Order.status / both different / detached / loaded / absent", "conflicts:"),
        ("Order.status / row deleted / detached / loaded / absent", "conflicts:"),
        ("Order.customer / both different / detached / loaded / absent", "conflicts:"),
    ],
    ids=["M1", "M2", "conflict", "deleted", "reference"],
)
def test_merge_is_caught(
    cells: dict[str, Case], name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    `Session.merge()` in place of `attach()` fails where it loses somebody's change.
    """
    wrong = caught({name: cells[name]}, merge, monkeypatch)

    assert says in wrong.get(name, "passed")


def test_merge_with_a_version_is_caught(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With `version_id_col`, `Session.merge()` refuses changes that do not touch each other: M3, a false conflict.
    """
    name = "Order.note / both different: of another attribute / detached / loaded / absent"
    (case,) = [case for case in conformance(Versioned, sqlite_engine, MAKE).cases if case.id == name]
    monkeypatch.setattr("tether.carry.attach.attach", merge)

    with pytest.raises(StaleDataError, match="does not match existing version"):
        case.run()


@pytest.mark.parametrize(
    "wrong, edit, says",
    [
        (mine_wins, "both different", "conflicts:"),
        (half_done, "both different", "the Session is as it was:"),
        (one_read_more, "unchanged", "statements:"),
        (one_write_more, "unchanged", "rows that were written:"),
        (writes_into_the_argument, "mine", "the argument was not modified:"),
        (gives_the_argument_back, "mine", "the result is persistent in the Session:"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_others_are_caught(
    cells: dict[str, Case], wrong: Attach, edit: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each thing that a cell compares is compared: a wrong `attach()` of each sort fails.
    """
    name = f"Order.status / {edit} / detached / loaded / loaded"

    assert says in caught({name: cells[name]}, wrong, monkeypatch).get(name, "passed")
