"""Rows as values: what reads, what is refused, and what is asked of the database."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.orm import Session, load_only
from sqlalchemy.orm.attributes import get_history

from tests.carry.out.models import (
    EVERYTHING,
    Colour,
    Customer,
    Item,
    Order,
    Place,
    Point,
    Product,
    Status,
    Stock,
    Tag,
)
from tether.carry.snapshots import snapshot
from tether.errors import NotTakenError, ReadOnlyError, SnapshotError


@pytest.fixture
def snap(session: Session) -> Order:
    """
    Everything of order 1.
    """
    return snapshot(session.get(Order, 1), include=EVERYTHING)


def test_columns_composites_synonyms_and_expressions_read_as_before(session: Session, snap: Order) -> None:
    """
    Whatever the mapping makes of a column reads alike, after the Session is closed too.
    """
    order = session.get(Order, 1)
    names = [column.key for column in inspect(Order).column_attrs]
    expected = {name: getattr(order, name) for name in [*names, "where", "heading"]}
    session.close()

    assert expected == {name: getattr(snap, name) for name in expected}
    assert Point(3, 4) == snap.where
    assert Colour(1, 2) == snap.colour


def test_members_that_only_read_work(snap: Order) -> None:
    """
    Properties, hybrids, methods, static and class methods, constants and super() work without a Session.
    """
    assert Decimal("30.00") == snap.total
    assert not snap.is_paid
    assert snap.heavier_than(1)
    assert ("EUR", "order", 3) == (snap.currency(), snap.table_name(), snap.LIMIT)
    assert "customer named Ann" == snap.customer.describe()


def test_relationships_of_every_kind(snap: Order) -> None:
    """
    Lists keep their order, sets and dicts are sets and dicts, proxies look through, one-to-one goes both ways.
    """
    assert [10, 11] == [item.id for item in snap.items]
    assert {"red", "blue"} == {tag.name for tag in snap.tags} == snap.tag_names
    assert {"tax": "none", "gift": "yes"} == {topic: note.text for topic, note in snap.notes.items()}
    assert "Ann" == snap.customer_name
    assert [11] == [item.id for item in snap.dear_items]
    assert snap.customer.passport.customer is snap.customer
    assert isinstance(snap.tags, set)
    assert isinstance(snap.notes, dict)


def test_shared_rows_and_cycles_keep_identity(session: Session) -> None:
    """
    One row is one twin, however it is reached.
    """
    first, second = snapshot([session.get(Order, 1), session.get(Order, 2)], include=EVERYTHING)

    assert first.customer is second.customer
    assert first.items[0].order is first
    assert first.dear_items[0] is first.items[1]
    assert (first.tags & second.tags).pop().name == "red"


def test_inheritance_keeps_the_class(snap: Order) -> None:
    """
    A row has the twin of its own class, with the columns of a joined or single table and the class's methods.
    """
    assert ["SQL, 300 pages", "Song"] == [item.product.about() for item in snap.items]
    assert ["Book", "Download"] == [type(item.product).__name__ for item in snap.items]


def test_self_reference(session: Session) -> None:
    """
    A path of names goes down a tree.
    """
    world = snapshot(session.get(Place, 1), include=["children.children"])

    assert "town" == world.children[0].children[0].name
    assert world.children[0].parent is world
    with pytest.raises(NotTakenError, match=r"include=\[Place.children\].*children.children"):
        _ = world.children[0].children[0].children


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda snap: snap.customer.orders[1].letter, "was not loaded.*include=\\[Order.letter\\]"),
        (lambda snap: snap.customer.password, "left out, as a secret"),
        (lambda snap: snap.log, "is a query"),
        (lambda snap: snap.audit, "is a query"),
    ],
)
def test_what_was_not_taken_is_named(session: Session, read: object, words: str) -> None:
    """
    Reading what is not there names the attribute, and include= where that helps; nothing is loaded.
    """
    snap = snapshot(session.get(Order, 1), include=[Order.customer, Customer.orders])

    with pytest.raises(NotTakenError, match=words):
        read(snap)  # type: ignore[operator]


def test_unloaded_expired_and_none_are_different(session: Session) -> None:
    """
    The error says whether an attribute was expired or never loaded; None is a value.
    """
    order = session.scalars(select(Order).options(load_only(Order.title, Order.note)).limit(1)).one()
    session.expire(order, ["title"])
    snap = snapshot(order)

    assert snap.note is None
    with pytest.raises(NotTakenError) as expired:
        _ = snap.title
    with pytest.raises(NotTakenError) as unloaded:
        _ = snap.status
    assert ("expired", "unloaded") == (expired.value.why, unloaded.value.why)
    assert not hasattr(snap, "title")


@pytest.mark.parametrize(
    "write",
    [
        lambda snap: setattr(snap, "title", "new"),
        lambda snap: setattr(snap, "unheard_of", "new"),
        lambda snap: snap.pay(),
        lambda snap: snap.items.append(None),
        lambda snap: snap.tags.clear(),
        lambda snap: snap.notes.pop("tax"),
        lambda snap: snap.extra.update(a=1),
        lambda snap: snap.extra["a"].append(1),
        lambda snap: snap.extra["a"][1].setdefault("c", 1),
    ],
)
def test_a_snapshot_refuses_to_be_changed(snap: Order, write: object) -> None:
    """
    Each way to change it raises at that line and names edit().
    """
    with pytest.raises(ReadOnlyError, match=r"edit\(\)"):
        write(snap)  # type: ignore[operator]


def test_a_snapshot_shares_nothing_with_the_instance(session: Session, snap: Order) -> None:
    """
    Changing the instance afterwards, in place too, does not show.
    """
    order = session.get(Order, 1)
    order.extra["a"].append("later")
    order.items.pop()

    assert [1, {"b": None}] == snap.extra["a"]
    assert 2 == len(snap.items)


def test_one_query_for_each_relationship(session: Session, statements: list[str]) -> None:
    """
    However many rows: one SELECT by primary key, and one for each relationship named.
    """
    orders = session.scalars(select(Order)).all()
    statements.clear()
    snapshot(list(orders), include=[Order.customer, Order.items, Order.tags])

    first, *others = statements
    # SQLAlchemy 2.0 begins the one for tags at "order", 2.1 at order_tag; their order is not fixed.
    tables = ("FROM customer", "FROM item", "JOIN tag")
    assert 'FROM "order"' in first
    assert dict.fromkeys(tables, 1) == {table: sum(table in sent for sent in others) for table in tables}
    assert len(tables) == len(others)


def test_without_include_nothing_is_sent(session: Session, statements: list[str]) -> None:
    """
    What is loaded is taken, and no statement is sent.
    """
    order = session.get(Order, 1)
    statements.clear()
    snap = snapshot(order)

    assert ([], "order 1") == (statements, snap.title)


def test_include_keeps_unflushed_edits_and_flushes_nothing(session: Session, statements: list[str]) -> None:
    """
    Edits of rows and collections stay unflushed edits of the instances, and show in the snapshot.
    """
    order = session.get(Order, 1)
    order.items[1].count = 99
    order.title = "edited"
    session.expire(order, ["note", "weight"])
    gone = order.items.pop(0)
    statements.clear()
    snap = snapshot(order, include=[Order.items, Order.letter])

    assert {"SELECT"} == {sent.split()[0] for sent in statements}
    assert ("edited", [(11, 99)]) == (snap.title, [(item.id, item.count) for item in snap.items])
    assert ("edited", 2.5) == (order.title, snap.weight)
    assert (["edited"], ["order 1"]) == (
        get_history(order, "title").added,
        list(get_history(order, "title").deleted),
    )
    assert [gone] == list(get_history(order, "items").deleted)


def test_include_loads_what_was_expired(session: Session) -> None:
    """
    After a commit everything is expired; an include, also an empty one, reads it again.
    """
    order = session.get(Order, 1)
    session.commit()

    assert "order 1" == snapshot(order, include=[]).title
    session.commit()
    expired = snapshot(order)
    assert 1 == expired.id
    with pytest.raises(NotTakenError, match="was expired"):
        _ = expired.title


def test_columns_of_a_subclass_can_be_included(session: Session) -> None:
    """
    Rows of several classes in one list are each completed with what is theirs.
    """
    products = session.scalars(select(Product).order_by(Product.id)).all()
    snaps = snapshot(list(products), include=[])

    assert [300, None, 300, None] == [getattr(snap, "pages", None) for snap in snaps]


def test_excluded_attributes_stay(session: Session) -> None:
    """
    exclude= leaves columns and relationships out, by attribute or by name.
    """
    order = session.get(Order, 1)
    snap = snapshot(order, include=[Order.items], exclude=[Order.note, "items", "Order.where"])

    for name in ("note", "items", "x", "where"):
        with pytest.raises(NotTakenError, match="left out"):
            getattr(snap, name)
    with pytest.raises(SnapshotError, match=r"exclude.*nonsense"):
        snapshot(order, exclude=["nonsense"])


@pytest.mark.parametrize(
    ("include", "words"),
    [
        (["itmes"], "`Order` has no mapped attribute `itmes`; did you mean `items`"),
        (["items.prise"], "`Item` has no mapped attribute `prise`"),
        (["title.length"], "`title` is no relationship"),
        ([Place.children], "`Place.children` is not reached from Order"),
        ([Order.log], "is a query"),
        ([Order.table_name], "no attribute of a mapped class"),
        ("items", "takes a list"),
    ],
)
def test_an_unknown_include_is_named(session: Session, include: object, words: str) -> None:
    """
    A slip in include= is one error that says which.
    """
    with pytest.raises(SnapshotError, match=words):
        snapshot(session.get(Order, 1), include=include)  # type: ignore[call-overload]


def test_rows_without_a_row_are_refused(session: Session) -> None:
    """
    Transient, pending and deleted instances, and what is no instance, are named together with what to do.
    """
    deleted = session.get(Tag, 1)
    pending = Tag(id=77, name="new")
    session.add(pending)
    session.delete(deleted)
    with session.no_autoflush:
        for thing, words in [(Tag(), "transient"), (pending, "pending.*flush"), (object(), "got object")]:
            with pytest.raises(SnapshotError, match=words):
                snapshot(thing)
    session.flush()
    with pytest.raises(SnapshotError, match="deleted"):
        snapshot(deleted)


def test_a_pending_child_is_named(session: Session) -> None:
    """
    A row in a collection that was never flushed has no identity to travel with.
    """
    order = session.get(Order, 1)
    order.items.append(Item(price=Decimal(1)))

    with session.no_autoflush, pytest.raises(SnapshotError, match="Item is pending"):
        snapshot(order)


def test_a_detached_instance_gives_what_it_has(session: Session) -> None:
    """
    What is loaded is taken; what would have to be loaded is named.
    """
    order = session.get(Order, 1)
    session.close()

    assert "order 1" == snapshot(order).title
    with pytest.raises(SnapshotError, match=r"Order\(1\) is detached, so `Order.items` cannot be loaded"):
        snapshot(order, include=[Order.items])


def test_a_row_that_is_gone_is_named(session: Session) -> None:
    """
    If the SELECT does not find the row, the error says which.
    """
    tag = session.get(Tag, 2)
    session.execute(text("DELETE FROM order_tag"))
    session.execute(text("DELETE FROM tag WHERE id = 2"))

    with pytest.raises(SnapshotError, match=r"row of Tag\(2\) is gone"):
        snapshot(tag, include=[Tag.orders])


def test_pickle_and_copy(session: Session) -> None:
    """
    A list keeps its shared rows through pickle; a copy of what does not change is itself.
    """
    snaps = snapshot([session.get(Order, 1), session.get(Order, 2)], include=EVERYTHING)
    back = pickle.loads(pickle.dumps(snaps))

    assert back[0].customer is back[1].customer
    assert (snaps[0].extra, snaps[0].total, Status.OPEN) == (back[0].extra, back[0].total, back[0].status)
    assert copy.copy(snaps[0]) is copy.deepcopy(snaps[0]) is snaps[0]
    assert b"hush" not in pickle.dumps(snaps)


def test_an_aborted_transaction_says_so_itself(session: Session) -> None:
    """
    SQLAlchemy's error, which says to roll back, is not hidden by another.
    """
    order = session.get(Order, 1)
    session.add(Tag(id=1, name="twice"))
    with pytest.raises(IntegrityError):
        session.flush()

    with pytest.raises(PendingRollbackError):
        snapshot(order, include=[Order.items])


def test_a_composite_primary_key_is_found(session: Session) -> None:
    """
    Rows with a key of two columns are completed by one SELECT too.
    """
    stocks = list(session.scalars(select(Stock).order_by(Stock.shelf)))
    session.commit()

    assert [5, 6] == [snap.amount for snap in snapshot(stocks, include=[])]


def test_a_tuple_gives_a_list_and_one_row_twice_is_one(session: Session) -> None:
    """
    The same instance at two places of the list is the same twin.
    """
    tag = session.get(Tag, 1)
    first, second = snapshot((tag, tag))

    assert first is second
    assert [] == snapshot([])
