"""The document: a graph as JSON or MessagePack. What its parts are, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from tether.carry.changes import same_value
from tether.carry.coding import encode
from tether.carry.drafts import DraftView
from tether.carry.graph import Graph, Link, Node, Status
from tether.carry.registries import name_of
from tether.carry.shape import Shape, shape_of
from tether.carry.taking import identity, is_twin
from tether.errors import SnapshotError

VERSION = 1
Format = Literal["json", "msgpack"]


class ClassPart(msgspec.Struct, forbid_unknown_fields=True):
    """A class, as it was mapped when the document was written."""

    name: str
    fingerprint: str
    key: list[str]
    columns: dict[str, str]
    relations: dict[str, str]


class NodePart(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A row. In ``mine`` of a draft: what differs from the base, or a new row.

    Attributes:
        c: Which class, as a place in the list of classes.
        t: In ``mine``: which row; places after the base's are new rows.
        k: Primary key values; None for a new row.
        i: SQLAlchemy's identity token.
        v: Values of columns.
        l: Relationships: a place or None, a list of places, or pairs of key and place.
        s: Why the others have no value.
    """

    c: int
    t: int = -1
    k: list[Any] | None = None
    i: Any = None
    v: dict[str, Any] = {}
    l: dict[str, Any] = {}  # noqa: E741
    s: dict[str, str] = {}


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """Everything. ``tether`` is the version of the format."""

    tether: int
    kind: Literal["snapshot", "draft"]
    taken: str
    many: bool
    classes: list[ClassPart]
    nodes: list[NodePart]
    roots: list[int]
    mine: list[NodePart] = []


def dumps(obj: Any, *, format: Format = "json") -> bytes:
    """Return a snapshot or draft, or a list of rows of one, as bytes that ``loads`` reads.

    Rows that are reached are written once each; a draft is written with its base, so that it can be brought back.
    Values left out (secrets, exclude=) are not written, only that they are missing.

    Raises:
        SnapshotError: Not a snapshot or draft; a value that has no safe form; a secret that a draft set.
    """
    if format not in {"json", "msgpack"}:
        raise SnapshotError(f'format is "json" or "msgpack"; got {format!r}')
    rows = obj if isinstance(obj, list) else [obj]
    if not all(map(is_twin, rows)):
        raise SnapshotError(f"dumps() takes a snapshot or a draft; got {obj!r}: snapshot(...) it first")
    if len({id(row._tether_view) for row in rows}) > 1:
        raise SnapshotError("dumps() takes rows of one snapshot: take them together, snapshot([one, other])")
    document = Writer().document(rows, many=isinstance(obj, list))
    coder: Any = msgspec.json if format == "json" else msgspec.msgpack
    data: bytes = coder.encode(document)
    return data


class Writer:
    """Writes one document."""

    def __init__(self) -> None:
        self.classes: dict[type, int] = {}
        self.parts: list[ClassPart] = []
        self.places: dict[int, int] = {}

    def document(self, rows: list[Any], *, many: bool) -> Document:
        """Return the document of rows that share a view."""
        if not rows:
            return Document(VERSION, "snapshot", "", many, [], [], [])
        view = rows[0]._tether_view
        tokens = [row._tether_token for row in rows]
        is_draft = isinstance(view, DraftView)
        if is_draft:
            view.settle()
        mine, base = view.graph, view.base
        found = reached(mine, base, tokens)
        old = [token for token in found if token in base.nodes]
        new = [token for token in found if token not in base.nodes]
        self.places = {token: place for place, token in enumerate([*old, *new])}
        document = Document(
            tether=VERSION,
            kind="draft" if is_draft else "snapshot",
            taken=base.taken.isoformat(),
            many=many,
            classes=self.parts,
            nodes=[self.node(base.nodes[token]) for token in old],
            roots=[self.places[token] for token in tokens],
        )
        if is_draft:
            changed = (self.changed(base.nodes[token], mine.nodes[token]) for token in old)
            document.mine = [part for part in changed if part is not None]
            document.mine += [self.made(mine.nodes[token]) for token in new]
        return document

    def place_of(self, shape: Shape) -> int:
        """Return the place of a class in the document, and describe it there."""
        if shape.class_ not in self.classes:
            self.classes[shape.class_] = len(self.parts)
            schema = shape.schema
            self.parts.append(
                ClassPart(
                    name_of(shape.class_),
                    shape.fingerprint,
                    list(shape.primary_key),
                    schema["columns"],
                    schema["relations"],
                )
            )
        return self.classes[shape.class_]

    def node(self, node: Node) -> NodePart:
        """Return a row of the base."""
        shape = shape_of(node.class_)
        part = NodePart(self.place_of(shape))
        if node.key is not None:
            types = [shape.columns[name].type for name in shape.primary_key]
            part.k = [encode(value, type_) for value, type_ in zip(node.key[1], types, strict=True)]
            part.i = encode(node.key[2], types[0])
        part.v = self.values(node, shape, node.values)
        part.l = {name: self.link(link, shape, name) for name, link in node.links.items()}
        part.s = {name: str(status) for name, status in node.status.items()}
        return part

    def made(self, node: Node) -> NodePart:
        """Return a new row of a draft."""
        part = self.node(node)
        part.t = self.places[node.token]
        return part

    def changed(self, before: Node, node: Node) -> NodePart | None:
        """Return what a draft changed in a row; None if nothing."""
        shape = shape_of(node.class_)
        values = {
            name: value
            for name, value in node.values.items()
            if name not in before.values or not same_value(shape, name, before.values[name], value)
        }
        links = {
            name: self.link(link, shape, name)
            for name, link in node.links.items()
            if name not in before.links or not before.links[name].same(link)
        }
        if not values and not links:
            return None
        return NodePart(
            self.place_of(shape), self.places[node.token], v=self.values(node, shape, values), l=links
        )

    def values(self, node: Node, shape: Shape, values: dict[str, Any]) -> dict[str, Any]:
        """Return columns as plain data."""
        secret = shape.secrets.intersection(values)
        if secret:
            raise SnapshotError(
                f"`{shape.class_.__name__}.{min(secret)}` is secret and cannot leave in a document; "
                "attach() the draft in this process, or set it where it arrives"
            )
        encoded = {}
        for name, value in values.items():
            try:
                encoded[name] = encode(value, shape.columns[name].type)
            except SnapshotError as error:
                row = identity(node.key) if node.key else f"new {shape.class_.__name__}"
                raise SnapshotError(
                    f"`{shape.class_.__name__}.{name}` of {row} {error}; leave it out with exclude=, "
                    "or give the column a TypeDecorator"
                ) from error
        return encoded

    def link(self, link: Link, shape: Shape, name: str) -> Any:
        """Return what a relationship holds."""
        places = [self.places[token] for token in link.tokens]
        if link.kind == "one":
            return places[0] if places else None
        if link.kind == "dict":
            target = shape.relations[name].target
            type_ = next(iter(shape_of(target).columns.values())).type
            try:
                return [[encode(key, type_), place] for key, place in zip(link.keys, places, strict=True)]
            except SnapshotError as error:
                raise SnapshotError(f"a key of `{shape.class_.__name__}.{name}` {error}") from error
        return places


def reached(mine: Graph, base: Graph, tokens: Iterable[int]) -> list[int]:
    """Return the tokens that lead from these rows, now or in the base, in a stable order."""
    seen: dict[int, None] = {}
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        if token in seen:
            continue
        seen[token] = None
        for graph in (base, mine):
            if token in graph.nodes:
                waiting += [other for link in graph.nodes[token].links.values() for other in link.tokens]
    return sorted(seen)


KNOWN = frozenset(Status) - {Status.LOADED}
