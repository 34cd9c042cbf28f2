"""Data from outside into a draft."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from tests.carry.out.models import Order, Status
from tether.carry.drafts import edit
from tether.carry.patching import patch
from tether.carry.snapshots import snapshot
from tether.errors import SnapshotError

ALLOWED = [
    Order.title,
    Order.status,
    Order.day,
    "discount",
    "note",
    "code",
    "extra",
    "at",
    "weight",
    "customer_id",
]


@pytest.fixture
def draft(session: Session) -> Any:
    """
    A draft of order 1.
    """
    return edit(snapshot(session.get(Order, 1)))


def test_values_become_the_columns_types(draft: Any) -> None:
    """
    What JSON can hold is converted as msgspec does; absent stays, None is None.
    """
    data = {
        "title": "new", "status": "paid", "day": "2026-01-02", "discount": "9.99", "code": str(UUID(int=9)),
        "extra": {"b": [1]}, "at": "2026-01-02T03:04:05Z", "weight": 3, "customer_id": None,
    }  # fmt: skip
    patched = patch(draft, data, allow=ALLOWED)

    assert patched is draft
    assert ("new", Status.PAID, date(2026, 1, 2), Decimal("9.99")) == (
        draft.title, draft.status, draft.day, draft.discount,
    )  # fmt: skip
    assert (UUID(int=9), {"b": [1]}, 3.0, None) == (draft.code, draft.extra, draft.weight, draft.customer_id)
    assert datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) == draft.at
    assert "note" not in {change.attribute for change in draft.changes}


def test_names_of_enum_members_and_forms(draft: Any) -> None:
    """
    An enum's name does as well as its value; strict=False reads the text of a form.
    """
    patch(draft, {"status": "PAID", "weight": "2.25", "customer_id": "1"}, allow=ALLOWED, strict=False)

    assert (Status.PAID, 2.25, 1) == (draft.status, draft.weight, draft.customer_id)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"version": 3}, "`version` is not in allow="),
        ({"titel": "x"}, "`titel` is not in allow=.*did you mean `title`"),
        ({"title": None}, "`Order.title` takes no NULL"),
        ({"title": 3}, "`Order.title`: Expected `str`, got `int`"),
        ({"status": "gone"}, "`Order.status`: "),
        ({"discount": "cheap"}, "`Order.discount`: "),
        (["title"], "takes a mapping"),
    ],
)
def test_refused_data_change_nothing(draft: Any, data: Any, words: str) -> None:
    """
    One value that is refused leaves all of them.
    """
    more = {"note": "x", **data} if isinstance(data, dict) else data
    with pytest.raises(SnapshotError, match=words):
        patch(draft, more, allow=ALLOWED)

    assert [] == draft.changes


@pytest.mark.parametrize(
    ("allow", "words"),
    [
        ("title", "takes a list"),
        (["items"], "is a relationship"),
        (["shout"], "computed by the database"),
        (["titel"], "no mapped attribute `titel`"),
    ],
)
def test_the_allow_list_is_checked(draft: Any, allow: Any, words: str) -> None:
    """
    It has to be a list of columns, and it has to be given.
    """
    with pytest.raises(SnapshotError, match=words):
        patch(draft, {"title": "x"}, allow=allow)
    with pytest.raises(TypeError, match="allow"):
        patch(draft, {"title": "x"})


def test_a_snapshot_is_refused(session: Session) -> None:
    """
    Only a draft can be patched.
    """
    with pytest.raises(SnapshotError, match=r"takes a draft.*edit\(\)"):
        patch(snapshot(session.get(Order, 1)), {}, allow=[])
