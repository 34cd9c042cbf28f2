"""attach() of a removed child that has rows of its own: what somebody did to those is not lost with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.boxes import EVERYTHING, Box, Colour, Note, Part, Screw, Sticker, Thread
from tests.carry.back.models import statements
from tests.carry.back.people import somebody, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError, Kind
from tether.carry.drafts import edit
from tether.carry.merge import MISSING
from tether.carry.plan import plan
from tether.carry.snapshots import snapshot


def box_without_lid(engine: Engine) -> Any:
    """Return a detached box with everything below it, from which I removed the first part."""
    box = taken(engine, Box, 1, *EVERYTHING)
    del box.parts[0]
    return box


def parts(engine: Engine) -> list[int]:
    """Return the numbers of the parts there are."""
    with Session(engine) as session:
        return list(session.scalars(select(Part.id).order_by(Part.id)))


def change_screw(engine: Engine) -> None:
    theirs(engine, Screw, 2, size=20)


def change_thread(engine: Engine) -> None:
    theirs(engine, Thread, 1, turns=20)


def change_sticker(engine: Engine) -> None:
    theirs(engine, Sticker, 1, text="changed")


def add_screw(engine: Engine) -> None:
    with somebody(engine, Part, 1) as part:
        part.screws.append(Screw(id=70, size=7))


def add_sticker(engine: Engine) -> None:
    with somebody(engine, Part, 1) as part:
        part.stickers.append(Sticker(id=70, text="new"))


def add_note(engine: Engine) -> None:
    with somebody(engine, Part, 1) as part:
        part.notes.append(Note(id=70, text="new"))


def add_colour(engine: Engine) -> None:
    with somebody(engine, Part, 1) as part:
        part.colours.append(part._sa_instance_state.session.get(Colour, 2))


@pytest.mark.parametrize(
    ("change", "class_", "key", "attribute", "base", "there"),
    [
        (change_screw, Screw, 2, "", {"size": 2}, {"size": 20}),
        (change_thread, Thread, 1, "", {"turns": 1}, {"turns": 20}),
        (change_sticker, Sticker, 1, "", {"text": "top"}, {"text": "changed"}),
        (add_screw, Screw, 70, "", MISSING, {"id": 70, "part_id": 1, "size": 7}),
        (add_sticker, Sticker, 70, "", MISSING, {"id": 70, "part_id": 1, "text": "new"}),
        (
            add_note,
            Part,
            1,
            "notes",
            ((Note, (1,), None),),
            ((Note, (1,), None), (Note, (70,), None)),
        ),
        (
            add_colour,
            Part,
            1,
            "colours",
            ((Colour, (1,), None),),
            ((Colour, (1,), None), (Colour, (2,), None)),
        ),
    ],
)
def test_change_below(
    boxes: Engine,
    change: Callable[[Engine], None],
    class_: type,
    key: int,
    attribute: str,
    base: Any,
    there: Any,
) -> None:
    """
    What they changed or added below a child that I removed is a conflict that names it; "theirs" keeps the child.
    """
    box = box_without_lid(boxes)
    change(boxes)

    with Session(boxes) as session:
        planned = plan(session, box).conflicts
    with Session(boxes) as session, pytest.raises(ConflictError) as raised:
        attach(session, box)

    expected = Conflict((class_, (key,), None), attribute, base, MISSING, there, Kind.REMOVED_BUT_CHANGED)
    assert ([expected], [expected]) == (planned, raised.value.conflicts)
    with Session(boxes) as session, session.begin():
        attach(session, box, on_conflict="theirs")
    assert [1, 2] == parts(boxes)
    with Session(boxes) as session, session.begin():
        attach(session, box, on_conflict="mine")
    assert [2] == parts(boxes)


def test_nothing_changed_below(boxes: Engine) -> None:
    """
    Where nobody did anything, the child goes with all below it, and the plan shows each row.
    """
    box = box_without_lid(boxes)

    with Session(boxes) as session:
        text = str(plan(session, box))
    with Session(boxes) as session, session.begin():
        attach(session, box)

    assert [
        "DELETE Part 1",
        "DELETE Screw 1",
        "DELETE Screw 2",
        "DELETE Sticker 1",
        "DELETE Thread 1",
        "DELETE Thread 2",
    ] == sorted(line for line in text.splitlines() if line.startswith("DELETE"))
    with Session(boxes) as session:
        assert [] == [*session.scalars(select(Screw)), *session.scalars(select(Sticker))]
        assert [None] == list(session.scalars(select(Note.part_id)))


def test_draft(boxes: Engine) -> None:
    """
    A draft's removed child is looked below in the same way.
    """
    with Session(boxes) as session:
        draft = edit(snapshot(session.get(Box, 1, options=EVERYTHING)))
    del draft.parts[0]
    change_screw(boxes)

    with Session(boxes) as session, pytest.raises(ConflictError) as raised:
        attach(session, draft)

    assert [(Screw, (2,), None)] == [conflict.identity_key for conflict in raised.value.conflicts]


def test_row_that_i_moved_away(boxes: Engine) -> None:
    """
    A row that I moved to another parent first is not below the removed child any more.
    """
    box = taken(boxes, Box, 1, *EVERYTHING)
    lid, base = box.parts
    screw = lid.screws[0]
    lid.screws.remove(screw)
    base.screws.append(screw)
    box.parts.remove(lid)
    theirs(boxes, Screw, 1, size=10)

    with Session(boxes) as session, session.begin():
        attach(session, box)

    with Session(boxes) as session:
        assert [(1, 2, 10)] == [
            tuple(r) for r in session.execute(select(Screw.id, Screw.part_id, Screw.size))
        ]


def test_what_was_not_loaded_is_not_compared(boxes: Engine) -> None:
    """
    Of a relationship that was not loaded nobody knows what has changed: its rows go as in session.delete().
    """
    box = taken(boxes, Box, 1, selectinload(Box.parts))
    del box.parts[0]
    change_screw(boxes)

    with Session(boxes) as session, session.begin():
        attach(session, box)

    assert [2] == parts(boxes)


def test_statements_do_not_grow_with_rows(boxes: Engine) -> None:
    """
    Looking below costs two SELECTs for each relationship that is deleted, one for each that is emptied.
    """
    with Session(boxes) as session, session.begin():
        for n in range(100, 150):
            session.add(Part(id=n, box_id=2, name="x", screws=[Screw(id=n, size=n)]))
    box = taken(boxes, Box, 2, selectinload(Box.parts).selectinload(Part.screws))
    box.parts.clear()

    with Session(boxes) as session, statements(boxes) as seen:
        attach(session, box)

    locks = "" if boxes.dialect.name == "sqlite" else " FOR UPDATE"
    assert [
        *(["DELETE parts"] if not locks else []),
        f"SELECT boxes{locks}",
        f"SELECT parts{locks}",
        "SELECT parts",
        f"SELECT screws{locks}",
        "SELECT boxes",
    ] == seen
