"""Spoiled documents, thousands of them, in a process with little memory: a SnapshotError, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from tests.carry.out import hostile
from tests.carry.out.models import Base, Item, Order
from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.snapshots import snapshot
from tether.errors import SnapshotError

PLACES = {"name": "classes", "holds": "tables", "row": "mine"}


def spoiled(seed: int, count: int) -> dict[str, Any]:
    """Return what came of *count* spoiled documents in another process."""
    command = [sys.executable, "-m", "tests.carry.out.hostile", str(seed), str(count)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def test_sample_of_spoiled_documents() -> None:
    """
    Bytes changed, cut off and spliced, parts replaced by hostile ones: read or refused, in bounded memory.
    """
    answer = spoiled(1, 2_000)

    assert [] == answer["strange"]
    assert answer["counts"]["read"] > 50
    assert answer["counts"]["refused"] > 1_000


@pytest.mark.storm
@pytest.mark.parametrize("seed", range(2, 10))
def test_many_spoiled_documents(seed: int) -> None:
    """
    The same, twenty thousand at a time.
    """
    assert [] == spoiled(seed, 20_000)["strange"]


def test_the_bound_of_memory_holds() -> None:
    """
    In the process that reads them an allocation above the bound fails: growth would show.
    """
    code = (
        "import sys; from tests.carry.out import hostile; hostile.bound_memory(); "
        f"bytearray({hostile.MEMORY + 2**20})"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "MemoryError" in finished.stderr


@pytest.mark.parametrize(
    ("form", "filler"),
    [
        pytest.param("json", '{"of":0,"rows":[],"holds":{},"columns":{}}', id="tables"),
        pytest.param("msgpack", '{"of":0,"row":0}', id="rows"),
        pytest.param(
            "msgpack", '{"name":"a","fingerprint":"","key":[],"columns":{},"relations":{}}', id="classes"
        ),
        pytest.param("json", "[]", id="lists"),
        pytest.param("msgpack", "0", id="numbers"),
    ],
)
def test_memory_grows_with_the_data(form: str, filler: str) -> None:
    """
    A megabyte of rows, classes, lists or numbers is refused in 256 megabytes.
    """
    document = hostile.valid_documents()[3]
    part = json.loads(filler)
    place = next((name for word, name in PLACES.items() if word in filler), "roots")
    data: bytes = getattr(msgspec, form).encode({**document, place: [part] * (2**20 // len(filler))})
    code = (
        "import sys; from tests.carry.out import hostile; hostile.bound_memory(); "
        "print(hostile.outcome(sys.stdin.buffer.read()))"
    )
    finished = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)

    assert b"refused\n" == finished.stdout


@pytest.mark.parametrize(("form", "place"), [("json", "tables"), ("msgpack", "mine")])
def test_rows_are_counted_before_they_are_read(form: str, place: str) -> None:
    """
    Rows need many times their bytes: more than max_rows= are refused in memory that would not hold them.
    """
    document = hostile.valid_documents()[4]
    count = 3 * 2**20
    data: bytes = getattr(msgspec, form).encode({**document, place: [{"of": 0}] * count})
    code = (
        "import sys; from tests.carry.out import hostile; data = sys.stdin.buffer.read(); "
        "hostile.bound_memory(); hostile.loads(data, hostile.Base)"
    )
    finished = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=False)

    assert b"more than 100000 rows; max_rows= allows more" in finished.stderr.splitlines()[-1]


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_signalling_nan_is_a_value_like_another(session: Session, form: Any) -> None:
    """
    A number that cannot be compared travels, counts as changed, and as a primary key is refused.
    """
    draft: Any = edit(snapshot(session.get(Order, 1), include=[Order.items]))
    draft.items[0].price = Decimal("sNaN")
    data = dumps(draft, format=form)
    back = loads(data, Base)

    assert ["Item(10).price: Decimal('5.00') -> Decimal('sNaN')"] == [str(change) for change in back.changes]
    document = msgspec.json.decode(dumps(snapshot(session.get(Item, 10))))
    document["tables"][0]["columns"]["id"] = ["sNaN"]
    document["tables"][0]["holds"]["id"] = "D"
    with pytest.raises(SnapshotError, match="a Item whose primary key cannot be one"):
        loads(msgspec.json.encode(document), Base)
