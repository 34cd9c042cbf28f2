"""Drafts: what can be changed, what shows as a change, and both sides of a relationship."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.carry.out.models import EVERYTHING, Customer, Item, Note, Order, Place, Point, Status, Tag
from tether.carry.drafts import changes, edit, is_changed, new
from tether.carry.snapshots import snapshot
from tether.errors import SnapshotError

REORDERED = "Order(1).items: (Item(10), Item(11)) -> (Item(11), Item(10))"
TAKEN_OUT = ["Order(1).items: -Item(10)", "Item(10).order: Order(1) -> None"]


@pytest.fixture
def snap(session: Session) -> Order:
    """
    Everything of order 1.
    """
    return snapshot(session.get(Order, 1), include=EVERYTHING)


@pytest.fixture
def draft(snap: Order) -> Any:
    """
    A draft of it.
    """
    return edit(snap)


def told(draft: Any) -> list[str]:
    """Return the changes as text."""
    return [str(change) for change in draft.changes]


def test_a_new_draft_has_no_changes(draft: Any) -> None:
    """
    Reading, also values that can be changed in place, changes nothing.
    """
    assert (3, 30) == (draft.where.x, draft.total)
    assert draft.extra["a"]
    assert [] == draft.changes
    assert not draft.is_changed


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: setattr(d, "title", "new"), ["Order(1).title: 'order 1' -> 'new'"]),
        (lambda d: setattr(d, "heading", "new"), ["Order(1).title: 'order 1' -> 'new'"]),
        (lambda d: d.pay(), ["Order(1).status: <Status.OPEN: 'open'> -> <Status.PAID: 'paid'>"]),
        (lambda d: d.extra.update(b=1), ["Order(1).extra: {'a': [1, {'b': None}]} -> {'a': [1, {'b': None}], 'b': 1}"]),
        (lambda d: d.extra["a"].pop(), ["Order(1).extra: {'a': [1, {'b': None}]} -> {'a': [1]}"]),
        (lambda d: setattr(d.where, "x", 9), ["Order(1).x: 3 -> 9"]),
        (lambda d: setattr(d, "where", Point(9, 4)), ["Order(1).x: 3 -> 9"]),
        (lambda d: setattr(d.items[1], "count", 4), ["Item(11).count: 1 -> 4"]),
        (lambda d: d.items.reverse(), [REORDERED]),
        (lambda d: d.items.sort(key=lambda item: -item.id), [REORDERED]),
        (lambda d: d.items.pop(0), TAKEN_OUT),
        (lambda d: setattr(d.items[0], "order", None), TAKEN_OUT),
        (lambda d: d.notes.pop("tax"), ["Order(1).notes: -Note(10)", "Note(10).order: Order(1) -> None"]),
        (lambda d: setattr(d, "customer", None), ["Order(1).customer: Customer(1) -> None"]),
        (lambda d: d.tags.clear(), ["Order(1).tags: -Tag(1) -Tag(2)"]),
    ],
)  # fmt: skip
def test_changes_are_told(draft: Any, change: Callable[[Any], object], expected: list[str]) -> None:
    """
    Each way to change a draft shows as the change of an attribute, on both sides of a relationship.
    """
    change(draft)

    assert sorted(expected) == sorted(sorted_rows(line) for line in told(draft))
    assert draft.is_changed


def sorted_rows(line: str) -> str:
    """Return a line whose removed rows are in alphabetical order: a set has none."""
    head, colon, rest = line.partition(": ")
    return head + colon + (" ".join(sorted(rest.split())) if rest.startswith("-") else rest)


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (lambda d: setattr(d, "title", "new"), lambda d: setattr(d, "title", "order 1")),
        (lambda d: d.extra.update(b=1), lambda d: d.extra.pop("b")),
        (lambda d: d.items.reverse(), lambda d: d.items.reverse()),
        (lambda d: setattr(d.where, "x", 9), lambda d: setattr(d.where, "x", 3)),
    ],
)
def test_values_back_to_the_base_are_no_change(draft: Any, there: Any, back: Any) -> None:
    """
    A draft is compared with its base, not with what was done to it.
    """
    there(draft)
    assert draft.is_changed
    back(draft)

    assert not draft.is_changed


def test_the_snapshot_stays_as_it_was(snap: Order, draft: Any) -> None:
    """
    Nothing done to a draft shows in the snapshot or in another draft of it.
    """
    draft.extra["a"].append(2)
    draft.items.clear()
    draft.items.extend([])
    draft.customer.name = "Bob"

    assert ([1, {"b": None}], 2, "Ann") == (snap.extra["a"], len(snap.items), snap.customer.name)
    assert not is_changed(edit(snap))


def test_new_rows(draft: Any) -> None:
    """
    A new row is a change once something links to it; its other side follows; unset is unset.
    """
    item = draft.new(Item, price=Decimal(3), count=1)
    assert not draft.is_changed
    draft.items.append(item)
    draft.notes["way"] = new(draft, Note, topic="way", text="by air")

    assert item.order is draft
    assert 33 == draft.total
    assert [
        "Order(1).items: +Item(new)",
        "Order(1).notes: +Note(new)",
        "Item(new) is new: {'price': Decimal('3'), 'count': 1}",
        "Note(new) is new: {'topic': 'way', 'text': 'by air'}",
    ] == told(draft)
    with pytest.raises(SnapshotError, match=r"`Item\.position` is unset"):
        _ = item.position


def test_a_child_changes_its_parent(session: Session) -> None:
    """
    Given to another parent, a row leaves the collection it was in.
    """
    first, second = edit(snapshot([session.get(Order, 1), session.get(Order, 2)], include=[Order.items]))
    item = first.items[0]
    second.items.append(item)

    assert item.order is second
    assert ([11], [20, 21, 10]) == ([row.id for row in first.items], [row.id for row in second.items])


def test_a_snapshot_joins_a_draft(session: Session, draft: Any) -> None:
    """
    A row of another snapshot can be linked; rows that are in both are one row.
    """
    other = snapshot(session.get(Order, 2), include=[Order.tags, Order.customer])
    draft.customer.name = "Bob"
    draft.customer = other.customer
    draft.tags.update(other.tags)

    assert "Bob" == draft.customer.name
    assert ["Customer(1).name: 'Ann' -> 'Bob'"] == told(draft)
    draft.items[0].order = other
    assert [11] == [item.id for item in draft.items]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: setattr(d, "titel", 1), "no attribute `titel` to set; did you mean `title`"),
        (lambda d: setattr(d, "shout", "x"), "computed by the database"),
        (lambda d: d.new(Item, prize=2), "`Item` has no attribute `prize`; did you mean `price`"),
        (lambda d: d.new(Item(), prize=2), "takes a mapped class"),
        (lambda d: d.dear_items.append(d.items[0]), "viewonly"),
        (lambda d: d.items.append(d.customer), "`items` takes Item; got Customer"),
        (lambda d: d.items.append(Item()), "takes rows of this draft"),
        (lambda d: setattr(d, "items", 3), "is a list of rows"),
        (lambda d: setattr(d, "notes", []), "is a dict of rows"),
        (lambda d: setattr(d, "log", []), "is a query"),
        (lambda d: setattr(d, "title", d.customer), "is a column"),
        (lambda d: d.items.append(d.__deepcopy__({}).items[0]), "belongs to another draft"),
    ],
)
def test_what_cannot_be_set_is_named(draft: Any, change: Callable[[Any], object], words: str) -> None:
    """
    A change that makes no sense raises at that line and leaves the draft as it was.
    """
    with pytest.raises(SnapshotError, match=words):
        change(draft)
    assert [] == draft.changes


def test_copies_and_pickles_are_independent(draft: Any) -> None:
    """
    A copy of a draft has its changes and its base, and goes its own way.
    """
    draft.title = "mine"
    draft.extra["c"] = 1
    draft.where.x = 8
    copied, pickled = copy.deepcopy(draft), pickle.loads(pickle.dumps(draft))
    assert told(draft) == told(copied) == told(pickled)
    copied.extra["d"] = 2
    copied.status = Status.PAID

    assert 3 == len(draft.changes)
    assert 4 == len(copied.changes)


def test_rows_that_are_copied_together_stay_together(session: Session) -> None:
    """
    A copy of a list of one draft's rows is a list of one draft's rows.
    """
    first, second = edit(snapshot([session.get(Order, 1), session.get(Order, 2)], include=[Order.customer]))
    copied = copy.deepcopy({"orders": [first, second]})["orders"]
    copied[0].customer.name = "Eve"

    assert "Eve" == copied[1].customer.name
    assert "Ann" == first.customer.name
    assert copied[0] is not copy.copy(copied[0])


def test_edit_takes_rows_of_one_snapshot(session: Session, snap: Order, draft: Any) -> None:
    """
    Instances, drafts and rows of two snapshots are refused by name.
    """
    other = snapshot(session.get(Place, 1))
    for thing in (draft, session.get(Customer, 1), [snap, other], Tag):
        with pytest.raises(SnapshotError, match=r"edit\(\) takes a snapshot"):
            edit(thing)
    with pytest.raises(SnapshotError, match=r"takes a draft.*edit\(\)"):
        changes(snap)
