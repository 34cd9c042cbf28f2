"""The document: a graph as JSON or MessagePack. What its parts are, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

import msgspec

from tether.carry.changes import same_value
from tether.carry.coding import encode
from tether.carry.columns import ENCODERS, BadValueError, Column, Format
from tether.carry.drafts import DraftView
from tether.carry.graph import Graph, Link, Node, Status
from tether.carry.keys import encode_key
from tether.carry.pausing import collector_paused
from tether.carry.registries import name_of
from tether.carry.shape import Shape, shape_of
from tether.carry.tables import Links, Nodes, Table, packed
from tether.carry.taking import are_twins, identity
from tether.errors import SnapshotError

VERSION = 1
VIEW, TOKEN = attrgetter("_tether_view"), attrgetter("_tether_token")
SECRET = (
    "is secret and cannot leave in a document; attach() the draft in this process, or set it where it arrives"
)
UNSAFE = "leave it out with exclude=, or give the column a TypeDecorator"


class ClassPart(msgspec.Struct, forbid_unknown_fields=True):
    """A class, as it was mapped when the document was written."""

    name: str
    fingerprint: str
    key: list[str]
    columns: dict[str, str]
    relations: dict[str, str]


class LinkPart(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a relationship of the rows of a table holds.

    Attributes:
        rows: For a scalar relationship a row or None each; for a collection the rows in all of them.
        counts: For a collection, how many of ``rows`` belong to each row of the table.
        keys: For a dictionary, the key of each of ``rows``, as ``tether.carry.keys`` writes it.
    """

    rows: list[int | None]
    counts: list[int] = []
    keys: list[Any] = []


class TablePart(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Rows of one class with the same attributes.

    Attributes:
        of: Which class, as a place in the list of classes.
        rows: The number of each row, by which relationships name it.
        holds: What each column holds, as a word of ``tether.carry.columns``.
        columns: The values.
        links: Relationships.
        missing: Why the other attributes have no value.
        keys: Primary keys, where they are not the values of the primary key's columns.
        tokens: SQLAlchemy's identity tokens, where there are any.
    """

    of: int
    rows: list[int]
    holds: dict[str, str]
    columns: dict[str, msgspec.Raw]
    links: dict[str, LinkPart] = {}
    missing: dict[str, str] = {}
    keys: list[list[Any]] | None = None
    tokens: list[Any] | None = None


class ChangePart(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a draft changed in a row, or a new row of a draft.

    Attributes:
        of: Which class.
        row: Which row: one of a table, or a new one.
        values: Columns, each value as ``tether.carry.coding`` writes it.
        links: Relationships.
        missing: Why the others have no value, in a new row.
    """

    of: int
    row: int
    values: dict[str, Any] = {}
    links: dict[str, LinkPart] = {}
    missing: dict[str, str] = {}


class Document(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Everything. ``tether`` is the version of the format."""

    tether: int
    kind: str
    taken: str
    many: bool
    classes: list[ClassPart]
    tables: list[TablePart]
    roots: list[int]
    mine: list[ChangePart] = []


def dumps(obj: Any, *, format: Format = "json") -> bytes:
    """Return a snapshot or draft, or a list of rows of one, as bytes that ``loads`` reads.

    Rows that are reached are written once each; a draft is written with its base, so that it can be brought back.
    Values left out (secrets, exclude=) are not written, only that they are missing. The cyclic garbage collector
    rests meanwhile.

    Raises:
        SnapshotError: Not a snapshot or draft; a value that has no safe form, or that its column cannot hold; a
            secret that a draft set.
    """
    if format not in ENCODERS:
        raise SnapshotError(f'format is "json" or "msgpack"; got {format!r}')
    rows = obj if isinstance(obj, list) else [obj]
    if not all(are_twins(rows)):
        raise SnapshotError(f"dumps() takes a snapshot or a draft; got {obj!r}: snapshot(...) it first")
    if len(set(map(id, map(VIEW, rows)))) > 1:
        raise SnapshotError("dumps() takes rows of one snapshot: take them together, snapshot([one, other])")
    with collector_paused():
        document = Writer(format).document(rows, many=isinstance(obj, list))
        data: bytes = ENCODERS[format].encode(document)
    return data


class Writer:
    """Writes one document."""

    def __init__(self, form: Format) -> None:
        self.form: Format = form
        self.classes: dict[type, int] = {}
        self.parts: list[ClassPart] = []

    def document(self, rows: list[Any], *, many: bool) -> Document:
        """Return the document of rows that share a view."""
        if not rows:
            return Document(VERSION, "snapshot", "", many, [], [], [])
        view = rows[0]._tether_view
        tokens = list(map(TOKEN, rows))
        is_draft = isinstance(view, DraftView)
        if is_draft:
            view.settle()
        tables, changed, new = what_to_write(view.graph, view.base, tokens)
        document = Document(
            tether=VERSION,
            kind="draft" if is_draft else "snapshot",
            taken=view.base.taken.isoformat(),
            many=many,
            classes=self.parts,
            tables=[self.table(table) for table in tables],
            roots=tokens,
        )
        mine = view.graph.nodes
        parts = [self.changed(view.base.nodes[token], mine[token]) for token in changed]
        document.mine = [part for part in parts if part is not None]
        document.mine += [self.made(mine[token]) for token in new]
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

    def table(self, table: Table) -> TablePart:
        """Return rows of the base."""
        shape = shape_of(table.class_)
        part = TablePart(self.place_of(shape), table.tokens, {}, {})
        for name, values in table.columns.items():
            refuse_secret(shape, name)
            try:
                column = Column(values, shape.columns[name], self.form, table.kinds.get(name))
                part.holds[name], part.columns[name] = column.written()
            except BadValueError as error:
                raise unsafe(shape, name, table.keys[error.row], error.problem) from error
        part.links = {name: self.links(links, shape, name) for name, links in table.links.items()}
        part.missing = {name: str(status) for name, status in table.status.items()}
        self.add_keys(part, table, shape)
        return part

    def add_keys(self, part: TablePart, table: Table, shape: Shape) -> None:
        """Write the identity keys, unless the columns say all of them."""
        types = [shape.columns[name].type for name in shape.primary_key]
        keys: Any = table.keys  # a row of the base has one
        if {key[2] for key in keys} != {None}:
            part.tokens = [encode(key[2], types[0]) for key in keys]
        named = [table.columns.get(name) for name in shape.primary_key]
        values = chain.from_iterable(map(itemgetter(1), keys))
        told = (
            named[0] if len(named) == 1 else list(chain.from_iterable(zip(*filter(None, named), strict=True)))
        )
        if None in named or told != list(values):
            part.keys = [list(map(encode, key[1], types)) for key in keys]

    def made(self, node: Node) -> ChangePart:
        """Return a new row of a draft."""
        part = self.change(node, node.values, node.links)
        part.missing = {name: str(status) for name, status in node.status.items()}
        return part

    def changed(self, before: Node, node: Node) -> ChangePart | None:
        """Return what a draft changed in a row; None if nothing."""
        shape = shape_of(node.class_)
        values = {
            name: value
            for name, value in node.values.items()
            if name not in before.values or not same_value(shape, name, before.values[name], value)
        }
        links = {
            name: link
            for name, link in node.links.items()
            if name not in before.links or not before.links[name].same(link)
        }
        return self.change(node, values, links) if values or links else None

    def change(self, node: Node, values: dict[str, Any], links: dict[str, Link]) -> ChangePart:
        """Return values and relationships of one row."""
        shape = shape_of(node.class_)
        part = ChangePart(self.place_of(shape), node.token)
        for name, value in values.items():
            refuse_secret(shape, name)
            try:
                part.values[name] = Column([value], shape.columns[name], self.form).one_by_one()[0]
            except BadValueError as error:
                raise unsafe(shape, name, node.key, error.problem) from error
        part.links = {name: self.link(link, shape, name) for name, link in links.items()}
        return part

    def links(self, links: Links, shape: Shape, name: str) -> LinkPart:
        """Return what a relationship of several rows holds."""
        columns = shape_of(shape.relations[name].target).columns
        try:
            return LinkPart(links.tokens, links.counts, [encode_key(key, columns) for key in links.keys])
        except SnapshotError as error:
            raise SnapshotError(f"a key of `{shape.class_.__name__}.{name}` {error}") from error

    def link(self, link: Link, shape: Shape, name: str) -> LinkPart:
        """Return what a relationship of one row holds."""
        return self.links(Links(link.kind, list(link.tokens), [], list(link.keys)), shape, name)


def refuse_secret(shape: Shape, name: str) -> None:
    """Refuse to write a secret."""
    if name in shape.secrets:
        raise SnapshotError(f"`{shape.class_.__name__}.{name}` {SECRET}")


def unsafe(shape: Shape, name: str, key: Any, problem: str) -> SnapshotError:
    """Return the error for a value that cannot be written."""
    row = identity(key) if key else f"new {shape.class_.__name__}"
    return SnapshotError(f"`{shape.class_.__name__}.{name}` of {row} {problem}; {UNSAFE}")


def what_to_write(mine: Graph, base: Graph, tokens: list[int]) -> tuple[list[Table], list[int], list[int]]:
    """Return the tables of the rows that *tokens* lead to, and the tokens of changed and of new rows.

    If they lead to every row of the tables, and nothing was added to those, the tables are taken as they are.
    """
    nodes, own = base.nodes, mine.nodes
    if (
        isinstance(nodes, Nodes)
        and isinstance(own, Nodes)
        and nodes.are_the_tables()
        and set(nodes.source.roots) <= set(tokens)
    ):
        if own is nodes:
            return nodes.source.tables, [], []
        changed = [token for token in own.differing(nodes) if token in nodes]
        new = reached_from(mine, changed, [token for token in tokens if token not in nodes])
        return nodes.source.tables, changed, new
    found = reached(mine, base, tokens)
    old = [token for token in found if token in nodes]
    new = [token for token in found if token not in nodes]
    return packed(nodes[token] for token in old), old if mine is not base else [], new


def reached_from(graph: Graph, starts: Iterable[int], more: Iterable[int]) -> list[int]:
    """Return the tokens of new rows that lead from some rows, in ascending order."""
    found = set(more)
    waiting = [*starts, *found]
    while waiting:
        for link in graph.nodes[waiting.pop()].links.values():
            new = [token for token in link.tokens if token not in found and graph.nodes[token].key is None]
            found.update(new)
            waiting += new
    return sorted(found)


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
