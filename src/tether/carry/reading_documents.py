"""``loads()``: bytes in, a snapshot or draft out, or one error. Nothing in the bytes names code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from tether.carry.coding import decode
from tether.carry.documents import KNOWN, VERSION, Document, NodePart
from tether.carry.drafts import DraftView, SnapshotView
from tether.carry.graph import Graph, Link, Node, Status
from tether.carry.migrating import Migration, migration
from tether.carry.registries import classes_by_name
from tether.carry.shape import Relation, Shape
from tether.errors import SnapshotError

Rename: TypeAlias = Mapping[str, str] | Callable[[str], str | None]


class Header(msgspec.Struct):
    """The part that every version of the format has."""

    tether: int


def loads(
    data: bytes | bytearray | memoryview | str,
    registry: Any,
    *,
    rename: Rename | None = None,
    max_bytes: int = 64 * 2**20,
    max_rows: int = 100_000,
) -> Any:
    """Return the snapshot or draft (or the list of them) that ``dumps`` wrote, in either format.

    Only classes of *registry* are made, and only through tether's twins: no constructor, no setter and nothing that
    the bytes name is run. A column whose type is the program's own ``TypeDecorator`` is asked for its value.
    Memory grows with the size of the data and no faster.

    Args:
        data: What ``dumps`` gave. It is not signed: who can change it can change every value in it.
        registry: The classes it may name: a declarative base, a ``registry()``, or mapped classes.
        rename: For documents of an older program: ``{"Order.titel": "title", "Bill": "Order"}``, or a function
            that takes such a name and returns the new one, or None to keep it.
        max_bytes: Longer data are refused before anything is read.
        max_rows: More rows than this are refused.

    Raises:
        SnapshotError: Always this one: not a document, damaged, too large, of a class that is not in *registry*,
            or of a schema that cannot be taken over; the message names what.
    """
    classes = classes_by_name(registry)
    document = parse(data, max_bytes)
    if len(document.nodes) + len(document.mine) > max_rows:
        raise SnapshotError(f"the document has more than {max_rows} rows; max_rows= allows more")
    return Reader(document, classes, rename).view()


def parse(data: bytes | bytearray | memoryview | str, max_bytes: int) -> Document:
    """Return the document that the bytes hold."""
    try:
        read = data.encode() if isinstance(data, str) else bytes(data)
    except (UnicodeEncodeError, TypeError) as error:
        raise SnapshotError(f"loads() takes bytes; got {type(data).__name__} that cannot be read") from error
    if len(read) > max_bytes:
        raise SnapshotError(
            f"the document has {len(read)} bytes, more than {max_bytes}; max_bytes= allows more"
        )
    coder: Any = msgspec.json if read[:1] in {b"{", b" ", b"\n", b"\t", b"\r"} else msgspec.msgpack
    try:
        found: Document = coder.decode(read, type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError) as error:
        newer = version_of(read, coder)
        if newer is not None and newer > VERSION:
            raise SnapshotError(
                f"a newer tether wrote this document (format {newer}, here {VERSION})"
            ) from error
        raise SnapshotError(f"not a document of tether: {error}") from error
    if found.tether != VERSION:
        raise SnapshotError(f"the document has format {found.tether}; this tether reads {VERSION}")
    return found


def version_of(data: bytes, coder: Any) -> int | None:
    """Return the version of the format, if the bytes are any document at all."""
    try:
        return int(coder.decode(data, type=Header).tether)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return None


class Reader:
    """Makes a graph of one document."""

    def __init__(self, document: Document, classes: Mapping[str, type], rename: Rename | None) -> None:
        self.document = document
        self.migrations = [migration(part, classes, renamer(rename)) for part in document.classes]
        self.count = len(document.nodes)
        self.new = {part.t: part for part in document.mine if part.t >= self.count}

    def view(self) -> Any:
        """Return what was written."""
        document = self.document
        if document.many and not document.roots:
            return []
        base = Graph(self.taken(), many=document.many)
        for place, part in enumerate(document.nodes):
            base.nodes[place] = self.node(place, part)
        base.roots = document.roots
        base.fingerprints = {m.shape.class_: m.shape.fingerprint for m in self.migrations}
        mine = base if document.kind == "snapshot" else self.mine(base)
        if document.mine and document.kind == "snapshot":
            raise SnapshotError("the document is a snapshot and has changes")
        wrong = [place for place in base.roots if place not in mine.nodes]
        if wrong or (not document.many and len(base.roots) != 1):
            raise SnapshotError("the document does not say which rows were taken")
        return (SnapshotView(base) if document.kind == "snapshot" else DraftView(base, mine)).result()

    def taken(self) -> datetime:
        """Return when the snapshot was taken."""
        try:
            when = datetime.fromisoformat(self.document.taken)
            return when.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise SnapshotError("the document does not say when it was taken") from error

    def mine(self, base: Graph) -> Graph:
        """Return the graph of a draft: the base with what was changed."""
        mine = base.copy()
        expected = set(range(self.count, self.count + len(self.new)))
        if expected != self.new.keys() or len({part.t for part in self.document.mine}) != len(
            self.document.mine
        ):
            raise SnapshotError("the document numbers its changed rows wrongly")
        for part in self.document.mine:
            if part.t in self.new:
                mine.nodes[part.t] = self.node(part.t, part)
            elif 0 <= part.t:
                mine.nodes[part.t] = self.changed(base.nodes[part.t], part)
            else:
                raise SnapshotError("the document numbers its changed rows wrongly")
        return mine

    def migration(self, part: NodePart) -> Migration:
        """Return what is known of a row's class."""
        if not 0 <= part.c < len(self.migrations):
            raise SnapshotError("the document has a row without a class")
        return self.migrations[part.c]

    def node(self, place: int, part: NodePart) -> Node:
        """Return a row of the base, or a new one."""
        found = self.migration(part)
        shape = found.shape
        node = Node(place, shape.class_, self.key(part, shape))
        if (node.key is None) == (place < self.count):
            raise SnapshotError(f"the document has a {shape.class_.__name__} with the wrong kind of key")
        node.values = self.values(part, found, strict=False)
        node.links = self.links(part, found, strict=False)
        for name in (*shape.columns, *shape.relations):
            if name not in node.values and name not in node.links:
                node.status[name] = self.status(part, found, name)
        if node.key is not None:
            self.check_key(node, shape)
        node.version = node.values.get(shape.version) if shape.version else None
        return node

    def key(self, part: NodePart, shape: Shape) -> Any:
        """Return the identity key; None for a new row."""
        if part.k is None:
            return None
        name = shape.class_.__name__
        if len(part.k) != len(shape.primary_key):
            raise SnapshotError(f"the document has a {name} with {len(part.k)} primary key values")
        types = [shape.columns[column].type for column in shape.primary_key]
        values = tuple(decode(value, type_) for value, type_ in zip(part.k, types, strict=True))
        token = decode(part.i, types[0])
        try:
            hash((values, token))
        except TypeError as error:
            raise SnapshotError(f"the document has a {name} whose primary key cannot be one") from error
        return shape.mapper.identity_key_from_primary_key(values, identity_token=token)

    def check_key(self, node: Node, shape: Shape) -> None:
        """Refuse a row whose columns say another primary key than its identity."""
        assert node.key is not None
        for name, value in zip(shape.primary_key, node.key[1], strict=True):
            if name in node.values and node.values[name] != value:
                raise SnapshotError(f"the document has a {shape.class_.__name__} with two primary keys")

    def status(self, part: NodePart, found: Migration, name: str) -> Status:
        """Return why an attribute has no value."""
        said = part.s.get(found.old_name(name), "unloaded")
        if name in found.shape.secrets and said != "unset":
            return Status.EXCLUDED
        if said not in KNOWN:
            raise SnapshotError(f"the document says {said!r} of `{found.shape.class_.__name__}.{name}`")
        return Status(said)

    def values(self, part: NodePart, found: Migration, *, strict: bool) -> dict[str, Any]:
        """Return the columns."""
        shape, values = found.shape, {}
        for old, value in part.v.items():
            name = found.column(old, changed=strict)
            if name is None:
                continue
            if name in shape.secrets:
                raise SnapshotError(
                    f"`{shape.class_.__name__}.{name}` is secret, and the document has a value for it"
                )
            try:
                values[name] = decode(value, shape.columns[name].type)
            except SnapshotError as error:
                raise SnapshotError(f"`{shape.class_.__name__}.{name}` {error}") from error
        return values

    def links(self, part: NodePart, found: Migration, *, strict: bool) -> dict[str, Link]:
        """Return the relationships."""
        links = {}
        for old, held in part.l.items():
            name = found.relation(old, changed=strict)
            if name is not None:
                links[name] = self.link(found.shape, found.shape.relations[name], held)
        return links

    def link(self, shape: Shape, relation: Relation, held: Any) -> Link:
        """Return what one relationship holds."""
        wrong = SnapshotError(f"the document has a `{shape.class_.__name__}.{relation.key}` that is none")
        keys: tuple[Any, ...] = ()
        if relation.kind == "one":
            places = [] if held is None else [held]
        elif relation.kind == "dict" and isinstance(held, list):
            if not all(isinstance(pair, list) and len(pair) == 2 for pair in held):
                raise wrong
            keys = tuple(decode(key, shape.columns[shape.primary_key[0]].type) for key, _ in held)
            places = [place for _, place in held]
        elif isinstance(held, list):
            places = held
        else:
            raise wrong
        for place in places:
            self.check_place(place, relation, wrong)
        try:
            unique = len(set(keys)) == len(keys)
        except TypeError:
            raise wrong from None
        if not unique or (relation.kind in {"one", "set"} and len(set(places)) != len(places)):
            raise wrong
        return Link(relation.kind, tuple(places), keys)

    def check_place(self, place: Any, relation: Relation, wrong: SnapshotError) -> None:
        """Refuse a reference to no row, or to a row of another class."""
        if type(place) is not int or place < 0:
            raise wrong
        part = self.document.nodes[place] if place < self.count else self.new.get(place)
        if part is None or not issubclass(self.migration(part).shape.class_, relation.target):
            raise wrong

    def changed(self, before: Node, part: NodePart) -> Node:
        """Return a row with what a draft changed."""
        found = self.migration(part)
        if found.shape.class_ is not before.class_:
            raise SnapshotError("the document changes a row into another class")
        node = before.copy()
        node.values |= self.values(part, found, strict=True)
        node.links |= self.links(part, found, strict=True)
        for name in (*node.values, *node.links):
            node.status.pop(name, None)
        return node


def renamer(rename: Rename | None) -> Callable[[str], str]:
    """Return a function from old names to new ones."""
    if rename is None:
        return lambda name: name
    if isinstance(rename, Mapping):
        return lambda name: rename.get(name, name.rpartition(".")[2])
    return lambda name: rename(name) or name.rpartition(".")[2]
