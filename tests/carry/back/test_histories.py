"""Random histories of two writers, against a reference that thinks of one fact at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.pool import StaticPool

from tests.carry.back.conftest import fill
from tests.carry.back.models import Base, Customer, Item, Order, Tag
from tether.carry.attach import attach
from tether.carry.conflicts import ConflictError
from tether.carry.drafts import edit, new
from tether.carry.snapshots import snapshot

OPTIONS = [*map(selectinload, (Order.items, Order.tags, Order.customer))]
values = st.sampled_from(["one", "two"])
edits = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(["status", "note"]), values),
        st.tuples(st.just("label"), st.sampled_from([1, 2]), values),
        st.tuples(st.just("add"), st.just(0), values),
        st.tuples(st.just("remove"), st.sampled_from([1, 2]), st.none()),
        st.tuples(st.just("tag"), st.sampled_from([1, 2, 3]), st.booleans()),
        st.tuples(st.just("customer"), st.just(0), st.sampled_from([1, 2, None])),
    ),
    max_size=5,
)
Facts = dict[tuple[str, Any], Any]
GONE = "gone"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """
    A shop in memory, filled anew for each history.
    """
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    yield engine
    engine.dispose()


def make(order: Any, steps: list[tuple[str, Any, Any]], side: str, helper: Any) -> None:
    """Change an order, attached, detached or as a draft."""
    for number, (what, which, value) in enumerate(steps):
        items = {getattr(item, "id", None): item for item in order.items}  # a draft's new row has none
        if what == "set":
            setattr(order, which, value)
        elif what == "label" and which in items:
            items[which].label = value
        elif what == "add":
            order.items.append(helper.item(f"{side}{number}"))
        elif what == "remove" and which in items:
            order.items.remove(items[which])
        elif what == "tag" and value != any(tag.id == which for tag in order.tags):
            if value:
                order.tags.append(helper.row(Tag, which))
            else:
                order.tags.remove(next(tag for tag in order.tags if tag.id == which))
        elif what == "customer":
            order.customer = None if value is None else helper.row(Customer, value)


class InSession:
    def __init__(self, session: Session) -> None:
        self.session = session

    def row(self, class_: Any, key: int) -> Any:
        return self.session.get(class_, key)

    def item(self, label: str) -> Item:
        return Item(label=label)


class Detached:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def row(self, class_: Any, key: int) -> Any:
        with Session(self.engine) as session:
            return session.get(class_, key)

    def item(self, label: str) -> Item:
        return Item(label=label)


class Drafted:
    def __init__(self, engine: Engine, draft: Any) -> None:
        self.engine, self.draft = engine, draft

    def row(self, class_: Any, key: int) -> Any:
        with Session(self.engine) as session:
            return snapshot(session.get(class_, key))

    def item(self, label: str) -> Any:
        return new(self.draft, Item, label=label)


def facts_of(order: Any) -> Facts:
    """Return an order as single facts; an item that is not there is a fact, too."""
    facts: Facts = {("set", name): getattr(order, name) for name in ("status", "note")}
    facts["customer", 0] = None if order.customer is None else order.customer.id
    facts |= {("tag", n): any(tag.id == n for tag in order.tags) for n in (1, 2, 3)}
    facts |= {("item", n): GONE for n in (1, 2)}
    for item in order.items:
        key = getattr(item, "id", None)
        facts["item", key if key in {1, 2} else item.label] = item.label
    return facts


def read(engine: Engine) -> Facts:
    """Return what the database holds."""
    with Session(engine) as session:
        return facts_of(session.get(Order, 1))


def merged(base: Facts, mine: Facts, theirs: Facts) -> tuple[Facts, set[tuple[str, Any]]]:
    """The reference: each fact is kept as the side that changed it has it; two changes are a conflict."""
    result, conflicts = {}, set()
    for fact in base | mine | theirs:
        before, here, there = (side.get(fact, GONE) for side in (base, mine, theirs))
        if here not in {before, there} and there != before:
            conflicts.add(fact)
        result[fact] = there if here == before else here
    return {fact: value for fact, value in result.items() if value != GONE or fact in base}, conflicts


@pytest.mark.parametrize("kind", ["detached", "draft", "in the session"])
@given(mine=edits, theirs=edits)
def test_no_change_is_lost(engine: Engine, kind: str, mine: list[Any], theirs: list[Any]) -> None:
    """
    Each fact ends as the one who changed it left it; or a conflict is raised, and nothing is written.
    """
    Base.metadata.drop_all(engine)
    fill(engine)
    with Session(engine) as session, session.begin():
        session.add(
            Item(id=999, order_id=2, label="last")
        )  # SQLite would use the number of a deleted row again
    with Session(engine) as session:
        copy: Any = session.get(Order, 1, options=OPTIONS)
        if kind == "draft":
            copy = edit(snapshot(copy))
    base = facts_of(copy)
    make(copy, mine, "mine", Drafted(engine, copy) if kind == "draft" else Detached(engine))
    with Session(engine) as session, session.begin():
        make(session.get(Order, 1), theirs, "theirs", InSession(session))
    there = read(engine)
    expected, conflicts = merged(base, facts_of(copy), there)

    with Session(engine) as session:
        kept = facts_of(session.get(Order, 1)) if kind == "in the session" else None
        kept_instances = list(session)
        try:
            attach(session, copy)
        except ConflictError as error:
            session.commit()
            raised = error.conflicts
        else:
            session.commit()
            raised = []
    assert kept in (None, there)
    assert bool(conflicts) == bool(raised), (conflicts, raised)
    assert (there if conflicts else expected) == read(engine)
    del kept_instances
