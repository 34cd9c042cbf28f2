"""Reads spoiled documents in a process whose memory is bounded. Run as a program by test_hostile.py.

    python -m tests.carry.out.hostile SEED COUNT

Prints how many were read and how many refused, and each one that did anything else, as JSON.
"""

from __future__ import annotations

import base64
import copy
import json
import pickle
import random
import resource
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests.carry.out.models import EVERYTHING, Base, Item, Order, Place, Tag, fill
from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.snapshots import snapshot
from tether.errors import SnapshotError

MEMORY = 256 * 2**20  # more than a process may need to refuse a document of these sizes
DEEP = 20_000
HUGE_NUMBERS = [2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -0.0, 10**9, -1, 2**31]
HOSTILE_VALUES: list[Any] = [
    *(
        None,
        True,
        [],
        {},
        "",
        "a",
        0,
        1,
        7,
        "1",
        [0],
        [[]],
        {"a": 1},
        [None, None],
        "x" * 10_000,
        [0] * 5_000,
    ),
    *(["j", {"a": [1]}], ["j"], ["D", "1E+999999"], ["D", "x"], ["D", "sNaN"], ["i", "0x" + "f" * 5_000]),
    *(["f", "nan"], ["dt", "9999-12-31T23:59:59.999999+00:01"], ["d", "0001-01-01"], ["td", [10**9, 0, 0]]),
    *(
        ["U", "1"],
        ["e", "OPEN"],
        ["e", "NONE"],
        ["e", []],
        ["x", "[1, 2]"],
        ["x", "nonsense"],
        ["x", ["b", "AA=="]],
    ),
    *(
        ["S", [["tu", []], ["l", []]]],
        ["m", [[["l", []], 1]]],
        ["m", [[1, 1], [1, 2]]],
        ["r", [1, 2, "[)", 0]],
    ),
    *(
        ["ip", ["IPv4Network", "0.0.0.0/99"]],
        ["ip", ["__class__", "1"]],
        ["b", "=\x00"],
        ["s", "gICA"],
        ["c", "1j"],
    ),
    *(
        "Order",
        "Item",
        "builtins.eval",
        "os.system",
        "__class__",
        "_sa_instance_state",
        "metadata",
        "registry",
    ),
    *(
        "draft",
        "snapshot",
        "unset",
        "excluded",
        "loaded",
        "2026-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+23:59",
    ),
    *HUGE_NUMBERS[:4],
]


def valid_documents() -> list[Any]:
    """Return documents as plain data: snapshots and drafts with every kind of attribute."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        fill(session)
        orders = snapshot([session.get(Order, 1), session.get(Order, 2)], include=EVERYTHING)
        tree = snapshot(session.get(Place, 1), include=[Place.children, (Place.children, Place.children)])
        bare = snapshot(session.get(Tag, 1))
    engine.dispose()
    draft: Any = edit(orders)
    draft[0].title = "changed"
    draft[0].items.append(draft[0].new(Item, price=3, count=1))
    draft[0].tags.pop()
    del draft[1].notes["tax"]
    return [msgspec.json.decode(dumps(each)) for each in (orders, draft, tree, bare, edit(bare))]


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a document together with a key or index in it."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places_in(value[key])


class Spoiler:
    """Makes bad documents of good ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.valid = valid_documents()

    def document(self) -> bytes:
        """Return the next one."""
        ways = (self.part, self.part, self.part, self.several_parts, self.damaged, self.damaged, self.written)
        return self.random.choice(ways)()

    def encoded(self, document: Any) -> bytes:
        """Return data in one of the two formats; numbers that are too large for MessagePack only in JSON."""
        if self.random.random() < 0.5:
            try:
                return msgspec.msgpack.encode(document)
            except (OverflowError, RecursionError):
                pass
        return json.dumps(document).encode()

    def part(self) -> bytes:
        """Return a document with one spot changed."""
        document = copy.deepcopy(self.random.choice(self.valid))
        self.change(document)
        return self.encoded(document)

    def several_parts(self) -> bytes:
        """Return a document with a few spots changed."""
        document = copy.deepcopy(self.random.choice(self.valid))
        for _ in range(self.random.randint(2, 5)):
            self.change(document)
        return self.encoded(document)

    def change(self, document: Any) -> None:
        """Replace, remove, double or move one part, or change a number a little."""
        places = list(places_in(document))
        if not places:
            return
        container, key = self.random.choice(places)
        other, other_key = self.random.choice(places)
        value = container[key]
        ways: list[Callable[[], Any]] = [
            lambda: container.__setitem__(key, copy.deepcopy(self.random.choice(HOSTILE_VALUES))),
            lambda: container.__setitem__(key, copy.deepcopy(other[other_key])),
            lambda: container.__delitem__(key),
        ]
        if isinstance(value, int):
            near = value + self.random.choice((-1, 1, 2))
            ways += [lambda: container.__setitem__(key, near)] * 3
        if isinstance(container, list):
            ways += [lambda: container.insert(key, copy.deepcopy(value))]
        if isinstance(container, dict):
            name = self.random.choice(
                [other_key, "id", "orders", "items", "password", "nothing", "rows", "keys", "__dict__"]
            )
            ways += [lambda: container.__setitem__(str(name), container.pop(key))]
        self.random.choice(ways)()

    def damaged(self) -> bytes:
        """Return a document with bytes changed, cut off, doubled, or spliced with those of another."""
        data = self.encoded(self.random.choice(self.valid))
        for _ in range(self.random.randint(1, 4)):
            start, end = sorted(self.random.randrange(len(data) + 1) for _ in range(2))
            noise = self.random.randbytes(self.random.randint(0, 4))
            data = self.random.choice(
                [
                    data[:start],
                    data[end:],
                    data[:start] + noise + data[start + 1 :],
                    data[:start] + noise + data[start:],
                    data[:start] + data[start : start + 50] * 3 + data[start:],
                    data[:start] + self.encoded(self.random.choice(self.valid))[end:],
                ]
            )
        return data

    def written(self) -> bytes:
        """Return text that no encoder would write: twice the same key, very deep, very long numbers."""
        text = json.dumps(self.random.choice(self.valid))
        place = self.random.choice([at for at, letter in enumerate(text) if letter == ":"]) + 2
        hostile = self.random.choice(
            [
                "[" * DEEP,
                "[" * DEEP + "]" * DEEP,
                '{"a":' * DEEP + "1" + "}" * DEEP,
                "9" * DEEP,
                "1e" + "9" * 300,
                '"' + "\\u0000" * 2_000 + '"',
                '"\\ud800"',
                '["D", "' + "9" * DEEP + '"]',
                '["D", "1E' + "9" * 18 + '"]',
                '["l", ' * DEEP + "1" + "]" * DEEP,
                '["l", ' * 70 + "[]" + "]" * 70,
                '["j", ' + "[" * 70 + "]" * 70 + "]",
                '{"id": 1, "id": 2, "id": ["j", 3]}',
                '1, "tether": 1',
                '[], "mine": [], "tables": []',
                "[" + '{"of":0,"row":0},' * 5_000 + '{"of":0,"row":0}]',
                b"\xff".decode("latin-1"),
            ]
        )
        return (text[:place] + hostile + text[self.random.choice((place, place + 1, len(text))) :]).encode(
            "latin-1"
        )


def use(found: Any) -> None:
    """Read everything of what was accepted."""
    for row in found if isinstance(found, list) else [found]:
        repr(row)
        _ = row.changes if hasattr(type(row), "changes") else None
    copy.deepcopy(found)
    pickle.loads(pickle.dumps(found))
    if found != []:
        dumps(found)


def outcome(data: bytes) -> str:
    """Return "read" or "refused", or a traceback."""
    try:
        found = loads(data, Base)
    except SnapshotError:
        return "refused"
    except BaseException:  # noqa: BLE001 - any other one is what is looked for
        return traceback.format_exc()
    try:
        use(found)
    except BaseException:  # noqa: BLE001
        return "after it was read: " + traceback.format_exc()
    return "read"


def bound_memory() -> None:
    """Let this process have no more than ``MEMORY`` bytes beyond what it has now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def main() -> None:
    """Spoil, read, and print what came of it."""
    seed, count = map(int, sys.argv[1:])
    spoiler = Spoiler(seed)
    bound_memory()
    counts: Counter[str] = Counter()
    strange = []
    for _ in range(count):
        data = spoiler.document()
        found = outcome(data)
        counts[found if found in {"read", "refused"} else "strange"] += 1
        if found not in {"read", "refused"}:
            strange.append([base64.b64encode(data).decode()[:5_000], found])
    print(json.dumps({"counts": counts, "strange": strange[:20]}))


if __name__ == "__main__":
    main()
