"""What a draft changed: the second half of a document, laid over the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tether.carry.columns import BadValueError, check_kind, one_decoded
from tether.carry.documents import ChangePart
from tether.carry.graph import Graph, Link, Node
from tether.carry.kinds import values_of
from tether.carry.migrating import Migration
from tether.carry.reading_tables import none_at_all, read_links, read_status, refuse_secret
from tether.carry.taking import identity
from tether.errors import SnapshotError


class Changes:
    """Makes *mine* of a draft."""

    def __init__(self, parts: list[ChangePart], migration: Callable[[int], Migration], base: Graph) -> None:
        self.parts = parts
        self.migration = migration
        self.base = base
        self.new = {part.row: part for part in parts if part.row not in base.nodes}

    def graph(self) -> Graph:
        """Return the graph of a draft: the base with what was changed."""
        if len({part.row for part in self.parts}) != len(self.parts) or min(self.new, default=0) < 0:
            raise SnapshotError("the document numbers its changed rows wrongly")
        mine = self.base.copy()
        for part in self.parts:
            mine.nodes[part.row] = self.made(part) if part.row in self.new else self.changed(part)
        return mine

    def made(self, part: ChangePart) -> Node:
        """Return a new row."""
        found = self.migration(part.of)
        shape = found.shape
        node = Node(part.row, shape.class_, None)
        self.fill(node, part, found)
        for name in (*shape.columns, *shape.relations):
            if name not in node.values and name not in node.links:
                node.status[name] = read_status(part.missing, found, name)
        node.version = node.values.get(shape.version) if shape.version else None
        return node

    def changed(self, part: ChangePart) -> Node:
        """Return a row with what a draft changed."""
        before, found = self.base.nodes[part.row], self.migration(part.of)
        if found.shape.class_ is not before.class_:
            raise SnapshotError("the document changes a row into another class")
        node = before.copy()
        self.fill(node, part, found)
        for name in (*node.values, *node.links):
            node.status.pop(name, None)
        return node

    def fill(self, node: Node, part: ChangePart, found: Migration) -> None:
        """Set the values and relationships of a part."""
        shape = found.shape
        for old, value in part.values.items():
            name = found.column(old, changed=node.key is not None)
            if name is not None:
                refuse_secret(shape, name)
                node.values[name] = self.value(node, shape.columns[name], value)
        for old, links in part.links.items():
            name = found.relation(old, changed=node.key is not None)
            if name is not None:
                relation = shape.relations[name]
                if relation.kind != "one":
                    links.counts = [len(links.rows)]
                elif not links.rows:
                    links.rows = [None]
                link = read_links(links, found, relation, 1).link(0)
                self.check(link, shape.class_, name, relation.target)
                node.links[name] = link

    def value(self, node: Node, column: Any, value: Any) -> Any:
        """Return a value of a column."""
        try:
            found = one_decoded(0, value, column.type)
            check_kind(0, found, None if column.computed else values_of(column.type))
        except BadValueError as error:
            row = identity(node.key) if node.key else f"a new {node.class_.__name__}"
            raise SnapshotError(f"`{node.class_.__name__}.{column.key}` of {row} {error.problem}") from error
        return found

    def check(self, link: Link, class_: type, name: str, target: type) -> None:
        """Refuse a reference to no row, or to a row of another class."""
        for token in link.tokens:
            part = self.new.get(token)
            if part is None and token not in self.base.nodes:
                raise none_at_all(class_, name)
            held = self.base.nodes[token].class_ if part is None else self.migration(part.of).shape.class_
            if not issubclass(held, target):
                raise none_at_all(class_, name)
