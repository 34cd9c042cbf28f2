"""The check of a storm sees every kind of loss."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from proof.storm.checking import GONE, NOT_YET, Logged, Verdict, missing_in_chains, missing_in_trails, verdict
from proof.storm.models import WITHOUT_VERSION, Base, Edit, Part, Thing, fill

COLOUR = "thing 1 colour"


def chain(*steps: tuple[str, str], place: str = COLOUR) -> list[Logged]:
    """Return edits of one place, each named by the value it writes."""
    return [Logged(f"{base}>{value}", place, base, value) for base, value in steps]


@pytest.mark.parametrize(
    ("steps", "end", "lost", "is_odd"),
    [
        ([("", "a"), ("a", "b")], "b", [], False),
        ([("a", "b"), ("", "a")], "b", [], False),  # the log may be in any order
        ([("", "a"), ("a", "b")], "a", ["a>b"], False),  # put back
        ([("", "a"), ("", "b")], "b", [">a"], False),  # written over without having seen it
        ([("", "a"), ("a", "b"), ("a", "c"), ("c", "d")], "d", ["a>b"], False),
        ([("", "a")], "", [">a"], False),  # never arrived
        ([("", "a")], "x", [">a"], True),  # a value of nobody
        ([("a", "b")], "b", [], True),  # seen by nobody
        ([], "", [], False),
    ],
)
def test_overwritten_values(steps: list[tuple[str, str]], end: str, lost: list[str], is_odd: bool) -> None:
    """
    An edit is kept if the value in the database comes of it by edits that had each seen the one before.
    """
    found = missing_in_chains(chain(*steps), {COLOUR: ""}, {COLOUR: end})

    assert Verdict(lost, [COLOUR] * is_odd) == found


@pytest.mark.parametrize(
    ("steps", "end", "lost", "is_odd"),
    [
        ([(NOT_YET, "a"), ("a", "b")], "b", [], False),
        ([(NOT_YET, "a"), ("a", GONE)], None, [], False),
        ([(NOT_YET, "a"), ("a", GONE), ("a", "b"), ("b", GONE)], None, [], False),  # removed twice, once seen
        ([(NOT_YET, "a")], None, [f"{NOT_YET}>a"], True),  # gone, and nobody removed it
        ([(NOT_YET, "a"), ("a", "b"), ("a", GONE)], None, ["a>b"], False),  # removed without having seen b
        ([(NOT_YET, "a"), ("a", GONE)], "a", [f"a>{GONE}"], False),  # came back
    ],
)
def test_parts(steps: list[tuple[str, str]], end: str | None, lost: list[str], is_odd: bool) -> None:
    """
    A part that was added is there, or was removed by somebody who had seen its last label.
    """
    place = "part w1-1"
    found = missing_in_chains(chain(*steps, place=place), {}, {place: end} if end else {})

    assert Verdict(lost, [place] * is_odd) == found


def test_appended_words() -> None:
    """
    Each word is in the trail, once; a word of nobody is odd.
    """
    trails = {"one": " a", "two": " c c", "three": " x"}
    log = [Logged(word, place, "", word) for word, place in [("a", "one"), ("lost", "one"), ("c", "two")]]

    assert Verdict(["lost"], ["two", "three"]) == missing_in_trails(log, trails)


def test_rows_and_log_of_a_database(sqlite_engine: Engine) -> None:
    """
    Rows are compared with the log, and the log with what the processes know to be acknowledged.
    """
    Base.metadata.create_all(sqlite_engine)
    with Session(sqlite_engine) as session, session.begin():
        fill(session, WITHOUT_VERSION, 2)
        session.add(Edit(token="t", place=COLOUR, base="", value="red"))
        session.flush()
        session.execute(update(Thing).where(Thing.id == 1).values(colour="red"))
    with Session(sqlite_engine) as session:
        assert Verdict([], []) == verdict(session, WITHOUT_VERSION, 2, ["t"])
        assert Verdict(["not logged"], []) == verdict(session, WITHOUT_VERSION, 2, ["t", "not logged"])
        session.execute(delete(Part).where(Part.name == "first-2-0"))
        session.execute(update(Thing).where(Thing.id == 2).values(size="x", trail=" y"))
        assert Verdict([], ["part first-2-0", "thing 2 size", "thing 2 trail"]) == verdict(
            session, WITHOUT_VERSION, 2, ["t"]
        )
