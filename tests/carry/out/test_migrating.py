"""A document that an older program wrote, read by a newer one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ForeignKey, Integer, String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.snapshots import about, snapshot
from tether.errors import NotTakenError, SnapshotError


class Old(DeclarativeBase):
    """
    The mapping as it was.
    """


class Bill(Old):
    __tablename__ = "bill"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    fax: Mapped[str | None]
    lines: Mapped[list[Line]] = relationship()


class Line(Old):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id"))


@pytest.fixture
def bill() -> Bill:
    """
    A snapshot by the old program.
    """
    engine = create_engine("sqlite://")
    Old.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Bill(id=1, title="rent", fax="123", lines=[Line(id=5)]))
        session.flush()
        return snapshot(session.get(Bill, 1), include=[Bill.lines, Bill.title])


def newer(**attributes: Any) -> type[DeclarativeBase]:
    """Return a declarative base whose class Bill has these attributes, and Line."""

    class New(DeclarativeBase):
        pass

    body = {
        "__tablename__": "bill",
        "__annotations__": {},
        "id": mapped_column(Integer, primary_key=True),
    } | attributes
    classes = [type("Bill", (New,), body)]
    line = {
        "id": mapped_column(Integer, primary_key=True),
        "bill_id": mapped_column(ForeignKey("bill.id")),
        "__tablename__": "line",
    }
    classes.append(type("Line", (New,), line))
    New.kept = classes  # type: ignore[attr-defined]  # a registry holds its classes weakly
    return New


def text() -> Any:
    """Return a text column."""
    return mapped_column(String)


def test_a_column_that_was_added_is_not_taken(bill: Bill) -> None:
    """
    The rest is read; the new column says that it was not in the snapshot.
    """
    there = loads(dumps(bill), newer(title=text(), fax=text(), lines=relationship("Line"), colour=text()))

    assert ("rent", [5]) == (there.title, [line.id for line in there.lines])
    with pytest.raises(NotTakenError, match=r"`Bill\.colour` was not loaded"):
        _ = there.colour


def test_a_column_or_relationship_that_was_removed_is_dropped(bill: Bill) -> None:
    """
    What the class no longer has is left out.
    """
    there = loads(dumps(bill), newer(title=text()))

    assert "rent" == there.title
    assert not hasattr(there, "fax")
    assert not hasattr(there, "lines")


def test_a_removed_column_that_a_draft_changed_is_refused(bill: Bill) -> None:
    """
    A change is never dropped: the error names the attribute and rename=.
    """
    draft = edit(bill)
    draft.fax = "456"

    with pytest.raises(SnapshotError, match=r"`Bill\.fax` was changed in this draft.*rename="):
        loads(dumps(draft), newer(title=text()))


@pytest.mark.parametrize("rename", [{"Bill.title": "name"}, {"Bill.title": "name"}.get])
def test_a_renamed_column(bill: Bill, rename: Any) -> None:
    """
    A mapping or a function says the new name; a draft's change goes along.
    """
    draft = edit(bill)
    draft.title = "flat"
    there = loads(dumps(draft), newer(name=text()), rename=rename)

    assert "flat" == there.name
    assert ["Bill(1).name: 'rent' -> 'flat'"] == [str(change) for change in there.changes]


def test_a_renamed_class(bill: Bill) -> None:
    """
    The same hook renames a class.
    """

    class New(DeclarativeBase):
        pass

    class Invoice(New):
        __tablename__ = "bill"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]

    with pytest.raises(SnapshotError, match="`Bill` is not in the registry"):
        loads(dumps(bill), New)
    with pytest.raises(SnapshotError, match="`Line` is not in the registry"):
        loads(dumps(bill), New, rename={"Bill": "Invoice"})
    bare = dumps(edit_without_lines(bill))
    assert "Invoice" == type(loads(bare, New, rename={"Bill": "Invoice"})).__name__


def edit_without_lines(bill: Bill) -> Bill:
    """Return the bill without its lines."""
    graph = bill._tether_view.graph  # type: ignore[attr-defined]
    view = type(bill._tether_view)(graph.copy())  # type: ignore[attr-defined]
    node = view.graph.nodes[0] = view.graph.nodes[0].copy()
    del node.links["lines"]
    return view.result()


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (
            {"title": mapped_column(Integer)},
            r"`Bill\.title` was string when this document was written, and is integer",
        ),
        ({"lines": relationship("Line", uselist=False)}, r"`Bill\.lines` was list Line .* and is one Line"),
        (
            {"title": mapped_column(String, primary_key=True)},
            r"primary key of `Bill` was \(id\).* and is \(id, title\)",
        ),
    ],
)
def test_what_would_be_misread_is_refused(bill: Bill, attributes: dict[str, Any], words: str) -> None:
    """
    Another type, another kind of relationship and another primary key are named.
    """
    with pytest.raises(SnapshotError, match=words):
        loads(dumps(bill), newer(**attributes))


def test_identity_version_time_and_fingerprint_travel(bill: Bill) -> None:
    """
    So that a program can refuse what is too old, and knows which row it has.
    """
    facts = about(bill)

    assert facts == about(loads(dumps(bill), Old))
    assert ((Bill, (1,), None), None, Bill) == (facts.identity_key, facts.version, facts.class_)
    assert facts.taken.utcoffset() is not None
    with pytest.raises(SnapshotError, match=r"about\(\) takes a row"):
        about(Bill())
