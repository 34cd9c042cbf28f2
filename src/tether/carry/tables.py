"""Rows kept column by column: what a snapshot holds, and what a document is made of.

A table has the rows of one class of which the same attributes are loaded. Taking, writing and reading then go
through each column at once, at the speed of C; a ``Node`` is made of a row when somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, count
from operator import itemgetter
from typing import Any, SupportsIndex

from tether.carry.graph import IdentityKey, Kind, Link, Node, Status
from tether.carry.shape import shape_of


@dataclass(slots=True)
class Links:
    """What one relationship of each row of a table holds.

    Attributes:
        kind: "one", "list", "set" or "dict".
        tokens: For "one" a token for each row, or None; else the elements of all rows, one row after the other.
        counts: How many elements each row has; empty for "one".
        keys: For "dict" the key of each element; else empty.
    """

    kind: Kind
    tokens: list[Any]
    counts: list[int] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def link(self, row: int) -> Link:
        """Return what one row holds."""
        if self.kind == "one":
            token = self.tokens[row]
            return Link("one", () if token is None else (token,))
        if not self.starts:
            self.starts = list(accumulate(self.counts, initial=0))
        start, end = self.starts[row], self.starts[row + 1]
        return Link(self.kind, tuple(self.tokens[start:end]), tuple(self.keys[start:end]))

    def held(self) -> Iterable[int]:
        """Return the tokens of all elements."""
        return (token for token in self.tokens if token is not None) if self.kind == "one" else self.tokens

    def pick(self, rows: Sequence[int]) -> Links:
        """Return the same of some of the rows."""
        if self.kind == "one":
            return Links("one", [self.tokens[row] for row in rows])
        return gathered([self.link(row) for row in rows], self.kind)


def gathered(links: Sequence[Link], kind: Kind) -> Links:
    """Return the links of several rows as one."""
    if kind == "one":
        return Links("one", [link.token for link in links])
    return Links(
        kind,
        list(chain.from_iterable(link.tokens for link in links)),
        [len(link.tokens) for link in links],
        list(chain.from_iterable(link.keys for link in links)),
    )


@dataclass(slots=True)
class Table:
    """Rows of one class with the same attributes loaded. Not changed once it is built.

    Attributes:
        class_: Their mapped class.
        tokens: One for each row.
        keys: The identity key of each row; None for one that a draft made.
        columns: Values by name of the column attribute, one for each row.
        links: Loaded relationships by name.
        status: Every other attribute, with the reason that all the rows share.
        kinds: The Python types of the values of a column, where they are known.
        places: The place of each token in the table; filled when a row of the graph is first looked at.
    """

    class_: type
    tokens: list[int]
    keys: Sequence[IdentityKey | None]
    columns: dict[str, list[Any]]
    links: dict[str, Links]
    status: dict[str, Status]
    kinds: dict[str, set[type]] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)

    def node(self, token: int) -> Node:
        """Return one row."""
        row = self.places[token]
        values = dict(zip(self.columns, map(itemgetter(row), self.columns.values()), strict=True))
        links = {name: links.link(row) for name, links in self.links.items()} if self.links else {}
        version = shape_of(self.class_).version
        return Node(
            token,
            self.class_,
            self.keys[row],
            values,
            links,
            self.status,
            values.get(version) if version else None,
        )

    def pick(self, rows: Sequence[int]) -> Table:
        """Return a table with some of the rows."""
        return Table(
            self.class_,
            [self.tokens[row] for row in rows],
            [self.keys[row] for row in rows],
            {name: [values[row] for row in rows] for name, values in self.columns.items()},
            {name: links.pick(rows) for name, links in self.links.items()},
            dict(self.status),
        )


class Tables(dict[int, Table]):
    """The table of each row of a graph, by token; filled when the first row is looked at.

    Attributes:
        tables: All tables.
        roots: Tokens of the rows that lead to all others.
    """

    __slots__ = ("roots", "tables")

    def __init__(self, tables: list[Table], roots: list[int]) -> None:
        super().__init__()
        self.tables = tables
        self.roots = roots

    def __missing__(self, token: int) -> Table:
        if self or not self.tables:
            raise KeyError(token)
        return self.filled()[token]

    def filled(self) -> Mapping[int, Table]:
        """Return the table of each row, as a mapping that can be asked for everything."""
        if not self:
            found: dict[int, Table] = {}
            for table in self.tables:
                table.places = dict(zip(table.tokens, count(), strict=False))
                found.update(dict.fromkeys(table.tokens, table))
            self.update(found)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Tables, (self.tables, self.roots)


class Nodes(dict[int, Node]):
    """The nodes of a graph by token; those of tables are made when they are asked for.

    Attributes:
        source: The tables.
        parent: The nodes that these are a copy of; a node that was not replaced is the parent's.
    """

    __slots__ = ("parent", "source")

    def __init__(self, source: Tables, parent: Nodes | None = None) -> None:
        super().__init__()
        self.source = source
        self.parent = parent

    def __missing__(self, token: int) -> Node:
        parent = self.parent
        node = self.source[token].node(token) if parent is None else parent[token]
        return self.setdefault(token, node)  # two threads may come here at once, and both must get the same

    def get(self, token: int, default: Any = None) -> Any:
        """Return a node, or the default."""
        try:
            return self[token]
        except KeyError:
            return default

    def class_of(self, token: int) -> type:
        """Return the class of a row, which need not be made for that."""
        if dict.__contains__(self, token):
            return dict.__getitem__(self, token).class_
        return self.source[token].class_ if self.parent is None else self.parent.class_of(token)

    def __contains__(self, token: object) -> bool:
        if dict.__contains__(self, token):
            return True
        return token in self.source.filled() if self.parent is None else token in self.parent

    def __iter__(self) -> Iterator[int]:
        """Yield the tokens in ascending order."""
        known = self.source.filled() if self.parent is None else self.parent
        yield from sorted({*known, *dict.keys(self)})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None

    def keys(self) -> Any:
        """Return the tokens."""
        return dict.fromkeys(self).keys()

    def values(self) -> Any:
        """Return the nodes."""
        return dict(self).values()

    def items(self) -> Any:
        """Return tokens and nodes."""
        return dict(self).items()

    def copy(self) -> Nodes:
        """Return nodes that can be replaced one by one without replacing them here."""
        return Nodes(self.source, self)

    def __delitem__(self, token: SupportsIndex) -> None:
        dict.__delitem__(self, int(token))

    def replaced(self) -> list[int]:
        """Return the tokens of the nodes that are not those of the tables (of the parent, for a copy)."""
        if self.parent is None:
            return [token for token in dict.keys(self) if token not in self.source.filled()]
        return [token for token, node in dict.items(self) if self.parent.get(token) is not node]

    def are_the_tables(self) -> bool:
        """Return whether nothing was replaced or added."""
        return not self.replaced() and (self.parent is None or self.parent.are_the_tables())

    def differing(self, base: Nodes) -> list[int]:
        """Return the tokens of the nodes that are not those of *base*, which these were copied from."""
        tokens: set[int] = set()
        nodes: Nodes | None = self
        while nodes is not None and nodes is not base:
            tokens.update(dict.keys(nodes))
            nodes = nodes.parent
        return sorted(token for token in tokens if self[token] is not base.get(token))

    def __reduce__(self) -> tuple[Any, ...]:
        own = [(token, dict.__getitem__(self, token)) for token in self.replaced()]
        return Nodes, (self.source, self.parent), None, None, iter(own)


def packed(nodes: Iterable[Node]) -> list[Table]:
    """Return nodes as tables."""
    groups: dict[Any, list[Node]] = {}
    for node in nodes:
        kinds = tuple((name, link.kind) for name, link in node.links.items())
        pattern = node.class_, node.key is None, tuple(node.values), kinds, tuple(node.status.items())
        groups.setdefault(pattern, []).append(node)
    return [
        Table(
            group[0].class_,
            [node.token for node in group],
            [node.key for node in group],
            {name: [node.values[name] for node in group] for name in group[0].values},
            {
                name: gathered([node.links[name] for node in group], link.kind)
                for name, link in group[0].links.items()
            },
            group[0].status,
        )
        for group in groups.values()
    ]
