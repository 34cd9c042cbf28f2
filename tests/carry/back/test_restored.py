"""attach() with "mine" of a row that was deleted: what my copy holds comes back, or the refusal has a name."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, defer, selectinload

from tests.carry.back.boxes import EVERYTHING, Box, Colour, Note, Part, Screw, Sticker, Thread
from tests.carry.back.models import statements
from tests.carry.back.people import taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError, Kind
from tether.carry.drafts import edit
from tether.carry.snapshots import snapshot
from tether.errors import NoBaseError


def delete(engine: Engine, class_: type, key: int) -> None:
    """Let somebody else delete a row, with what its cascades reach."""
    with Session(engine) as session, session.begin():
        session.delete(session.get(class_, key))


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Return what the tables hold."""
    with Session(engine) as session:
        return {
            "boxes": [(b.id, b.name) for b in session.scalars(select(Box).order_by(Box.id))],
            "parts": [
                (p.id, p.box_id, p.name, tuple(c.id for c in p.colours))
                for p in session.scalars(select(Part).order_by(Part.id))
            ],
            "screws": [(s.id, s.part_id, s.size) for s in session.scalars(select(Screw).order_by(Screw.id))],
            "threads": [(t.id, t.screw_id) for t in session.scalars(select(Thread).order_by(Thread.id))],
            "stickers": [(s.id, s.part_id) for s in session.scalars(select(Sticker))],
            "notes": [(n.id, n.part_id) for n in session.scalars(select(Note))],
        }


@pytest.mark.parametrize("kind", ["detached", "draft"])
def test_what_the_cascade_deleted_comes_back(boxes: Engine, kind: str) -> None:
    """
    Rows that went by cascade are there again, rows whose foreign key was cleared refer to mine again.
    """
    before = everything(boxes)
    box = taken(boxes, Box, 1, *EVERYTHING)
    if kind == "draft":
        with Session(boxes) as session:
            box = edit(snapshot(session.get(Box, 1, options=EVERYTHING)))
    box.name = "mine"
    delete(boxes, Box, 1)
    assert [] == everything(boxes)["screws"]

    with Session(boxes) as session, session.begin():
        attach(session, box, on_conflict="mine")

    assert before | {"boxes": [(1, "mine"), (2, "other")]} == everything(boxes)


def test_statements(boxes: Engine) -> None:
    """
    One SELECT per class that may come back, whatever the number of rows.
    """
    box = taken(boxes, Box, 1, *EVERYTHING)
    box.name = "mine"
    delete(boxes, Box, 1)

    with Session(boxes) as session, statements(boxes) as seen:
        attach(session, box, on_conflict="mine")

    locks = "" if boxes.dialect.name == "sqlite" else " FOR UPDATE"
    below = ["parts", "notes", "screws", "stickers", "threads"]
    lock = [] if locks else ["DELETE boxes"]
    assert lock == [one for one in seen if one.startswith("DELETE")][:1]
    for table in below:
        assert 1 == seen.count(f"SELECT {table}{locks}")


def test_my_changes_below_come_too(boxes: Engine) -> None:
    """
    What I added, changed and removed in the copy is so in what comes back.
    """
    box = taken(boxes, Box, 1, *EVERYTHING)
    box.parts[0].name = "LID"
    box.parts[0].screws.append(Screw(id=70, size=7))
    del box.parts[0].screws[0]
    box.parts.append(Part(id=70, name="new"))
    delete(boxes, Box, 1)

    with Session(boxes) as session, session.begin():
        attach(session, box, on_conflict="mine")

    found = everything(boxes)
    assert [(1, 1, "LID", (1,)), (2, 1, "base", ()), (70, 1, "new", ())] == found["parts"]
    assert [(2, 1, 2), (70, 1, 7)] == found["screws"]


def test_row_that_has_another_parent_by_now(boxes: Engine) -> None:
    """
    A row that they moved to another parent before they deleted mine stays there.
    """
    box = taken(boxes, Box, 1, *EVERYTHING)
    box.name = "mine"
    theirs(boxes, Part, 2, box_id=2)
    delete(boxes, Box, 1)

    with Session(boxes) as session, session.begin():
        attach(session, box, on_conflict="mine")

    assert [(1, 1), (2, 2)] == [part[:2] for part in everything(boxes)["parts"]]


def test_copy_that_lacks_a_column(boxes: Engine) -> None:
    """
    A row of which the copy lacks a column that must have a value is refused by its name.
    """
    part = taken(boxes, Part, 1, defer(Part.name))
    part.box_id = 2
    delete(boxes, Part, 1)

    with Session(boxes) as session:
        with pytest.raises(
            NoBaseError, match=r"Part\.name.*the row was deleted, and this copy lacks the column"
        ):
            attach(session, part, on_conflict="mine")
        assert ([], []) == (list(session), list(session.new))


def test_target_that_is_gone_too(boxes: Engine) -> None:
    """
    A row that comes back, and refers to one that is gone, is a conflict about its foreign key.
    """
    part = taken(boxes, Part, 2)
    part.name = "mine"
    delete(boxes, Box, 1)

    with Session(boxes) as session, pytest.raises(ConflictError) as raised:
        attach(session, part, on_conflict="mine")

    assert [(Kind.REFERENCE, "box_id", 1)] == [(c.kind, c.attribute, c.mine) for c in raised.value.conflicts]


def test_policy_that_decides_row_by_row(boxes: Engine) -> None:
    """
    A row below that I changed is asked about by itself; what is given up stays gone.
    """
    box = taken(boxes, Box, 1, selectinload(Box.parts).selectinload(Part.screws))
    box.name, box.parts[0].name = "mine", "mine"
    delete(boxes, Box, 1)

    with Session(boxes) as session, session.begin():
        attach(
            session,
            box,
            on_conflict=lambda c: c.mine if c.identity_key[0] is Box else c.theirs,
        )

    found = everything(boxes)
    assert ([(1, "mine"), (2, "other")], [2]) == (found["boxes"], [part[0] for part in found["parts"]])
    assert [(1, "red"), (2, "blue")] == colours(boxes)


def colours(engine: Engine) -> list[tuple[int, str]]:
    """Return the colours, which no cascade reaches."""
    with Session(engine) as session:
        return [(c.id, c.name) for c in session.scalars(select(Colour).order_by(Colour.id))]
