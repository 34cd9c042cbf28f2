"""Bytes out and in again: the same values, classes and identities, here and in another process."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.carry.out import echo
from tests.carry.out.models import EVERYTHING, START, Base, Colour, Customer, Item, Order, Status, Tag
from tether.carry.documents import dumps
from tether.carry.drafts import DraftView, SnapshotView, edit
from tether.carry.graph import Graph, IdentityKey, Link, Node
from tether.carry.graph import Status as Why
from tether.carry.reading_documents import loads
from tether.carry.shape import shape_of
from tether.carry.snapshots import snapshot
from tether.errors import NotTakenError, SnapshotError

FORMATS = ["json", "msgpack"]


def facts(graph: Graph) -> list[Any]:
    """Return everything a graph says, as values that can be compared; NaN equals itself in its repr."""
    return [
        graph.taken, graph.many, graph.roots,
        [
            (n.token, n.class_, n.key, repr(sorted(n.values.items())), sorted(n.links.items()), n.status, n.version)
            for n in graph
        ],
    ]  # fmt: skip


@pytest.fixture
def snaps(session: Session) -> list[Order]:
    """
    Everything of two orders that share a customer and a tag.
    """
    return snapshot([session.get(Order, 1), session.get(Order, 2)], include=EVERYTHING)


@pytest.mark.parametrize("form", FORMATS)
def test_round_trip(snaps: list[Order], form: Any) -> None:
    """
    Values, classes, shared rows, cycles, the reasons of what is missing, and when it was taken, come back.
    """
    back = loads(dumps(snaps, format=form), Base)

    assert facts(snaps[0]._tether_view.graph) == facts(back[0]._tether_view.graph)
    assert back[0].customer is back[1].customer
    assert (Colour(1, 2), Status.OPEN, 30) == (back[0].colour, back[0].status, back[0].total)
    with pytest.raises(NotTakenError, match="left out"):
        _ = back[0].customer.password


@pytest.mark.parametrize("form", FORMATS)
def test_a_draft_travels_with_its_base(snaps: list[Order], form: Any) -> None:
    """
    Changes, new rows and what was before come back; one more change can be made there.
    """
    draft: Any = edit(snaps[0])
    draft.pay()
    draft.where.x = 9
    draft.items.append(draft.new(Item, count=1, price=Decimal(2)))
    draft.items.pop(0)
    back = loads(dumps(draft, format=form), Base)

    assert [str(change) for change in draft.changes] == [str(change) for change in back.changes]
    assert back.items[-1].order is back
    back.title = "there"
    assert len(draft.changes) + 1 == len(back.changes)
    assert facts(draft._tether_view.base)[3] != facts(back._tether_view.graph)[3]


def test_secrets_never_leave(session: Session, snaps: list[Order]) -> None:
    """
    A secret is in no format; a draft that set one is refused by name, and a document that has one too.
    """
    customer = session.get(Customer, 1)
    assert "hush" == customer.password
    draft: Any = edit(snaps[0])
    draft.customer.password = "louder"
    data = dumps(snapshot(customer))

    assert b"hush" not in data
    with pytest.raises(SnapshotError, match=r"`Customer\.password` is secret"):
        dumps(draft)
    forged = data.replace(b'"name":["Ann"]', b'"name":["Ann"],"password":["mine"]')
    with pytest.raises(SnapshotError, match=r"`Customer\.password` is secret"):
        loads(forged, Base)


def test_excluded_values_are_not_written(session: Session) -> None:
    """
    exclude= keeps a value out of the bytes, and says so where it is read.
    """
    data = dumps(snapshot(session.get(Order, 1), exclude=[Order.title]))

    assert b'"order 1"' not in data
    with pytest.raises(NotTakenError, match="left out"):
        _ = loads(data, Base).title


def test_only_classes_of_the_registry(snaps: list[Order]) -> None:
    """
    A document that names another class is refused, and the class is named.
    """
    with pytest.raises(SnapshotError, match=r"`Customer` is not in the registry"):
        loads(dumps(snaps), [Order, Item])
    assert 1 == loads(dumps(snapshot_of_tag()), Tag).id
    with pytest.raises(SnapshotError, match=r"loads\(\) takes the classes"):
        loads(dumps(snaps), object())


def snapshot_of_tag() -> Any:
    """Return a snapshot of a single row."""
    key: IdentityKey = (Tag, (1,), None)
    node = Node(0, Tag, key, {"id": 1, "name": "red"}, {}, {"orders": Why.UNLOADED})
    return SnapshotView(Graph(START, {0: node}, [0])).result()


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (
            lambda session: session.get(Tag, 1),
            r"takes a snapshot or a draft.*snapshot\(\.\.\.\) it first",
        ),
        (lambda session: [snapshot_of_tag(), snapshot_of_tag()], "rows of one snapshot"),
    ],
)
def test_what_cannot_be_written_is_named(session: Session, thing: Callable[[Any], Any], words: str) -> None:
    """
    An instance, and rows of two snapshots, are refused with what to do.
    """
    with pytest.raises(SnapshotError, match=words):
        dumps(thing(session))


def test_a_value_without_a_safe_form_is_named() -> None:
    """
    An object of the program's own in a plain column does not travel; row and attribute are named.
    """
    snap = snapshot_of_tag()
    snap._tether_view.graph.nodes[0].values["name"] = object()

    with pytest.raises(
        SnapshotError, match=r"`Tag\.name` of Tag\(1\) holds a object, and the column str.*exclude="
    ):
        dumps(snap)


def test_empty_list() -> None:
    """
    No rows are a document too.
    """
    assert [] == loads(dumps([]), Base)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"tether":1', b'"tether":2', "format 2"),
        (b'"roots":[0]', b'"roots":[7]', "which rows were taken"),
        (b'"roots":[0]', b'"roots":[]', "which rows were taken"),
        (b'"missing"', b'"keys":[[2]],"missing"', "two primary keys"),
        (b'"missing"', b'"keys":[[1,1]],"missing"', "2 primary key values"),
        (b'"missing"', b'"keys":[],"missing"', "not as many primary keys"),
        (b'"id":[1]', b'"id":[1,2]', "2 values for 1 rows"),
        (b'"rows":[0]', b'"rows":[0,0]', "1 values for 2 rows"),
        (b'"rows":[0]', b'"rows":[-1]', "numbers its rows wrongly"),
        (b'"of":0', b'"of":3', "without a class"),
        (b'"orders":"unloaded"', b'"orders":"fine"', "says 'fine' of `Tag.orders`"),
        (b'"s"', b'"e"', r"`Tag.name` of Tag\(1\) holds a member of an enum"),
        (b'"s"', b'"q"', r"`Tag.name` of Tag\(1\) is marked 'q'"),
        (b'"s"', b'"j"', "holds JSON, and the column does not"),
        (b'"name":"s"', b'"nome":"s"', "is marked ''"),
        (b'"i","name":"s"', b'"i","name":"f"', r"`Tag.name` of Tag\(1\) holds a value that cannot be read"),
        (b'"red"', b"4", r"`Tag.name` of Tag\(1\) holds a value that cannot be read"),
        (b'"red"', b'{"a":1}', "cannot be read"),
        (b'["red"]', b'["red"],"nome":["red"]', "no such attribute"),
        (b'"kind":"snapshot"', b'"kind":"other"', "not a document"),
        (b'"snapshot"', b'"snapshot","extra":1', "not a document"),
        (b'"taken":"2', b'"taken":"x', "when it was taken"),
    ],
)
def test_a_damaged_document_is_refused(old: bytes, new: bytes, words: str) -> None:
    """
    Each contradiction in the bytes is one SnapshotError that says which.
    """
    data = dumps(snapshot_of_tag())
    assert old in data

    with pytest.raises(SnapshotError, match=words):
        loads(data.replace(old, new), Base)


def test_bounds(snaps: list[Order]) -> None:
    """
    Size, rows and depth have limits, and each has its own error.
    """
    data = dumps(snaps)
    tag = dumps(snapshot_of_tag()).replace(b'"name":"s"', b'"name":"x"')
    deep = tag.replace(b'"red"', b'["l",[' * 100 + b"]]" * 100)

    with pytest.raises(SnapshotError, match="max_bytes="):
        loads(data, Base, max_bytes=100)
    with pytest.raises(SnapshotError, match="max_rows="):
        loads(data, Base, max_rows=3)
    with pytest.raises(SnapshotError, match="nested more than 64"):
        loads(deep, Base)
    for bomb in (
        b"[" * 1_000_000,
        b'{"tether":' + b"[" * 1_000_000,
        b"\x91" * 1_000_000,
        b"\xdd\xff\xff\xff\xff",
    ):
        with pytest.raises(SnapshotError, match="not a document"):
            loads(bomb, Base)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b'["e","RED"]', "enum"),
        (b'["x","RED"]', "type of the program's own"),
        (b'["b","?"]', "marked 'b'"),
        (b'{"a":1}', "no value of a snapshot"),
        (b'["D","1"]', r"`Tag.name` of Tag\(1\) holds a Decimal, and the column str"),
        (b"7", r"`Tag.name` of Tag\(1\) holds a int, and the column str"),
        (b'["j",{}]', r"`Tag.name` of Tag\(1\) holds a dict, and the column str"),
    ],
)
def test_a_value_that_says_what_it_is_must_fit_its_column(value: bytes, words: str) -> None:
    """
    A value of another type than the column's is refused, and row and attribute are named.
    """
    data = dumps(snapshot_of_tag()).replace(b'"name":"s"', b'"name":"x"')

    with pytest.raises(SnapshotError, match=words):
        loads(data.replace(b'"red"', value), Base)


def test_the_changes_of_a_draft_must_fit_their_columns(snaps: list[Order]) -> None:
    """
    A draft that sets a column to a value of another type is refused where it is written, and where it is read.
    """
    draft: Any = edit(snaps[0])
    draft.title = "other"
    data = dumps(draft)
    draft.title = 7

    with pytest.raises(SnapshotError, match=r"`Order\.title` of Order\(1\) holds a int, and the column str"):
        dumps(draft)
    with pytest.raises(SnapshotError, match=r"`Order\.title` of Order\(1\) holds a int, and the column str"):
        loads(data.replace(b'"other"', b"7"), Base)


def test_json_nested_too_far_is_refused(session: Session) -> None:
    """
    A JSON column is bounded in depth like every other, on the way out and on the way in.
    """
    order = session.get(Order, 1)
    order.extra = {"a": 1}
    data = dumps(snapshot(order)).replace(b'"extra":[{"a":1}]', b'"extra":[' + b"[" * 100 + b"]" * 100 + b"]")
    for _ in range(100):
        order.extra = {"a": dict(order.extra)}

    with pytest.raises(SnapshotError, match="nested more than 64"):
        dumps(snapshot(order))
    with pytest.raises(SnapshotError, match="nested more than 64"):
        loads(data, Base)


VALUES = {
    "title": st.text(st.characters(codec=None), max_size=20),
    "note": st.none() | st.text(),
    "status": st.sampled_from(Status),
    "discount": st.none() | st.decimals(allow_nan=False),
    "day": st.none() | st.dates(),
    "at": st.none() | st.datetimes() | st.datetimes(timezones=st.just(START.tzinfo)),
    "clock": st.none() | st.times(),
    "took": st.none() | st.timedeltas(),
    "code": st.none() | st.uuids(),
    "weight": st.none() | st.floats(),
    "raw": st.none() | st.binary(max_size=20),
    "extra": st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.dates()
        | st.binary(max_size=3),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner),
        max_leaves=8,
    ),
    "colour": st.none() | st.builds(Colour, st.integers(), st.integers()),
    "x": st.none() | st.integers(),
}  # fmt: skip
MISSING = st.sampled_from([Why.UNLOADED, Why.EXPIRED, Why.EXCLUDED])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return orders and items, linked at random, any attribute of which may be missing."""
    count = draw(st.integers(1, 3))
    orders = [draw(a_node(token, Order)) for token in range(count)]
    items = [draw(a_node(token, Item)) for token in range(count, count + draw(st.integers(0, 4)))]
    for order in orders:
        if "items" not in order.status:
            held = draw(st.lists(st.sampled_from(items), unique_by=id)) if items else []
            order.links["items"] = Link("list", tuple(item.token for item in held))
    for item in items:
        if "order" not in item.status:
            item.links["order"] = Link(
                "one", draw(st.just(()) | st.just((draw(st.sampled_from(orders)).token,)))
            )
    nodes = {node.token: node for node in (*orders, *items)}
    # all of them are roots, so that every row is reached and keeps its place
    return Graph(START, nodes, list(nodes), many=True)


@st.composite
def a_node(draw: st.DrawFn, token: int, class_: type) -> Node:
    """Return a row whose columns have values, or a reason for having none."""
    shape = shape_of(class_)
    node = Node(token, class_, (class_, (token,), None), {"id": token})
    for name in (*shape.columns, *shape.relations):
        if name in VALUES and class_ is Order and draw(st.booleans()):
            node.values[name] = draw(VALUES[name])
        elif name not in {"id", "items", "order"} or draw(st.booleans()):
            node.status[name] = draw(MISSING)
    node.status.pop("id", None)
    for name in set(node.values) & set(node.status):
        del node.status[name]
    for name in {"items", "order"} & shape.relations.keys() - node.status.keys():
        node.links[name] = Link("list" if name == "items" else "one")
    return node


@given(graph=graphs(), form=st.sampled_from(FORMATS))
def test_any_graph_survives_here(graph: Graph, form: Any) -> None:
    """
    Whatever the values and whatever is missing, the graph that comes back says the same.
    """
    back = loads(dumps(SnapshotView(graph).result(), format=form), Base)

    assert facts(graph) == facts(back[0]._tether_view.graph)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Callable[[bytes, str, str], bytes]]:
    """
    A function that has a document or pickle read, copied and written again by another process.
    """
    command = [sys.executable, "-m", "tests.carry.out.echo"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout

        def ask(data: bytes, there: str, back: str) -> bytes:
            header = struct.pack(echo.HEADER, len(data), echo.FORMATS.index(there), echo.FORMATS.index(back))
            process.stdin.write(header + data)
            process.stdin.flush()
            (length,) = struct.unpack("!I", process.stdout.read(4))
            return process.stdout.read(length)

        yield ask
        process.stdin.close()


@given(
    graph=graphs(), there=st.sampled_from(echo.FORMATS), back=st.sampled_from(echo.FORMATS), title=st.text()
)
def test_any_draft_survives_another_process(
    elsewhere: Callable[[bytes, str, str], bytes], graph: Graph, there: Any, back: Any, title: str
) -> None:
    """
    Another process, which has its own classes, gives the same base and the same changes back, in any format.
    """
    draft = edit(SnapshotView(graph).result())
    draft[0].title = title
    found = echo.read(elsewhere(echo.write(draft, there), there, back), back)
    view = found[0]._tether_view

    assert isinstance(view, DraftView)
    assert facts(graph)[3] == facts(view.base)[3]
    assert title == found[0].title
    assert draft[0].is_changed == found[0].is_changed


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(data: bytes) -> None:
    """
    What is no document gives a SnapshotError, never another exception.
    """
    with pytest.raises(SnapshotError):
        loads(data, Base)


@pytest.fixture(scope="module")
def documents() -> dict[str, bytes]:
    """
    A draft of a small graph in each format.
    """
    key: IdentityKey = (Order, (1,), None)
    order = Node(0, Order, key, {"id": 1, "title": "a", "extra": {"a": [1]}, "colour": Colour(1, 2)}, {})
    item = Node(1, Item, (Item, (1,), None), {"id": 1, "price": Decimal(1)}, {"order": Link("one", (0,))})
    order.links["items"] = Link("list", (1,))
    order.links["notes"] = Link("dict")
    draft: Any = edit(SnapshotView(Graph(START, {0: order, 1: item}, [0])).result())
    draft.title = "b"
    draft.items.append(draft.new(Item, price=Decimal(3), count=1))
    return {form: dumps(draft, format=form) for form in FORMATS}  # type: ignore[arg-type]


@given(
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    cut=st.integers(0, 3),
    form=st.sampled_from(FORMATS),
)
def test_damaged_bytes_are_read_or_refused(
    documents: dict[str, bytes], place: int, byte: int, cut: int, form: str
) -> None:
    """
    With a byte changed, added or removed, a document is read, or refused with a SnapshotError; reading all of it works.
    """
    data = documents[form]
    place %= len(data)
    damaged = data[:place] + bytes([byte]) * (cut > 0) + data[place + (cut != 2) :]
    try:
        found = loads(damaged, Base)
    except SnapshotError:
        return
    _ = [str(change) for change in found.changes]
    _ = dumps(found)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.sampled_from(["j", "e", "x", "unset", "2026-01-01", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "id", "k"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a document together with a key or index in it."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places_in(value[key])


@given(data=st.data(), form=st.sampled_from(FORMATS))
def test_wrong_parts_are_read_or_refused(documents: dict[str, bytes], data: st.DataObject, form: str) -> None:
    """
    With any part replaced by another value, a document is read, or refused with a SnapshotError.
    """
    coder = getattr(msgspec, form)
    document = coder.decode(documents[form])
    container, key = data.draw(st.sampled_from(list(places_in(document))))
    container[key] = data.draw(JSON_VALUES)
    try:
        found = loads(coder.encode(document), Base)
    except SnapshotError:
        return
    _ = [str(change) for row in ([found] if not isinstance(found, list) else found) for change in row.changes]
    _ = dumps(found)
