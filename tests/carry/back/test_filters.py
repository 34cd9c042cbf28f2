"""attach() in a Session whose statements are filtered: a hidden row is not a deleted row."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, ForeignKey, String, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Query,
    Session,
    mapped_column,
    relationship,
    with_loader_criteria,
)

from tests.carry.back.people import theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError, Kind
from tether.carry.merge import MISSING
from tether.carry.plan import plan
from tether.carry.rebase import rebase


class Base(DeclarativeBase):
    pass


class Doc(Base):
    __tablename__ = "docs"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(20))
    slug: Mapped[str | None] = mapped_column(String(20), unique=True)
    is_deleted: Mapped[bool] = mapped_column(default=False)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("docs.id"))
    parent: Mapped[Doc | None] = relationship(remote_side=[id])


class FilteredSession(Session):
    """Sees no row that is marked as deleted: SQLAlchemy's recipe for soft deletes."""


@event.listens_for(FilteredSession, "do_orm_execute")
def _hide(execution: Any) -> None:
    if execution.is_select and not execution.is_column_load and not execution.is_relationship_load:
        execution.statement = execution.statement.options(
            with_loader_criteria(Doc, lambda cls: cls.is_deleted.is_(False), include_aliases=True)
        )


@pytest.fixture
def docs(sqlite_engine: Engine) -> Engine:
    """
    An engine on three documents.
    """
    Base.metadata.create_all(sqlite_engine)
    with Session(sqlite_engine) as session, session.begin():
        session.add_all([Doc(id=n, title="t", slug=f"s{n}") for n in (1, 2, 3)])
    return sqlite_engine


def copy(engine: Engine, key: int) -> Doc:
    """Return a detached document."""
    with FilteredSession(engine) as session:
        found = session.get(Doc, key)
        assert found is not None
        return found


@pytest.mark.parametrize("in_session", [False, True])
def test_hidden_row(docs: Engine, in_session: bool) -> None:
    """
    A row that the filter hides is a conflict of its own, which "theirs" leaves alone; it is never inserted again.
    """
    doc = copy(docs, 1)
    doc.title = "mine"
    with FilteredSession(docs) as session:
        here = session.get(Doc, 1) if in_session else None
        session.rollback()
        theirs(docs, Doc, 1, is_deleted=True)
        planned = plan(session, doc).conflicts
        for policy in ("raise", "mine"):
            with pytest.raises(ConflictError) as raised:
                attach(session, doc, on_conflict=policy)
            expected = Conflict(
                (Doc, (1,), None), "", {"title": "t"}, {"title": "mine"}, MISSING, Kind.ROW_HIDDEN
            )
            assert [expected] == raised.value.conflicts
        assert [expected] == planned
        assert attach(session, doc, on_conflict="theirs") is None
        session.rollback()
        del here

    with Session(docs) as session:
        attach(session, doc)
        session.commit()
        assert ("mine", True) == (session.get(Doc, 1).title, session.get(Doc, 1).is_deleted)


def test_row_that_is_gone(docs: Engine) -> None:
    """
    A row that is gone is gone, filter or not.
    """
    doc = copy(docs, 1)
    doc.title = "mine"
    with Session(docs) as session, session.begin():
        session.delete(session.get(Doc, 1))

    with FilteredSession(docs) as session, pytest.raises(ConflictError) as raised:
        attach(session, doc)

    assert [Kind.ROW_DELETED] == [conflict.kind for conflict in raised.value.conflicts]


def test_reference_to_a_hidden_row(docs: Engine) -> None:
    """
    To refer to a hidden row is a conflict that says so.
    """
    doc, other = copy(docs, 1), copy(docs, 2)
    doc.parent = other
    theirs(docs, Doc, 2, is_deleted=True)

    with FilteredSession(docs) as session, pytest.raises(ConflictError) as raised:
        attach(session, doc)

    assert [("parent", Kind.ROW_HIDDEN)] == [(c.attribute, c.kind) for c in raised.value.conflicts]


def test_unique_value_of_a_hidden_row(docs: Engine) -> None:
    """
    The filter hides the row from queries, but not from the constraint: its value is taken.
    """
    doc = copy(docs, 1)
    doc.slug = "s2"
    theirs(docs, Doc, 2, is_deleted=True)

    with FilteredSession(docs) as session, pytest.raises(ConflictError) as raised:
        attach(session, doc)

    assert [("slug", Kind.UNIQUE)] == [(c.attribute, c.kind) for c in raised.value.conflicts]


def test_rebase(docs: Engine) -> None:
    """
    rebase() says that the row is hidden, and not that it was deleted.
    """
    with FilteredSession(docs) as session:
        doc = session.get(Doc, 1)
        session.rollback()
        theirs(docs, Doc, 1, is_deleted=True)
        with pytest.raises(InvalidRequestError, match="Doc 1 is there, but a filter hides it"):
            rebase(doc)


def test_filter_on_queries(docs: Engine) -> None:
    """
    A before_compile listener on Query changes nothing: no Query is used.
    """

    def hide(query: Any) -> Any:
        return query.enable_assertions(False).filter(Doc.is_deleted.is_(False))

    doc = copy(docs, 1)
    doc.title = "mine"
    theirs(docs, Doc, 1, is_deleted=True)
    event.listen(Query, "before_compile", hide, retval=True)
    try:
        with Session(docs) as session:
            assert "mine" == attach(session, doc).title
    finally:
        event.remove(Query, "before_compile", hide)
