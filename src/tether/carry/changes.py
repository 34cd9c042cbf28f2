"""What a draft changed, told attribute by attribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tether.carry.graph import Graph, IdentityKey, Link, Node
from tether.carry.shape import Shape, shape_of

NEW = "new"


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a change names it: its class, and its identity key; None for a new one, which has its token."""

    class_: type
    key: IdentityKey | None
    token: int

    def __repr__(self) -> str:
        values = ", ".join(map(repr, self.key[1])) if self.key else "new"
        return f"{self.class_.__name__}({values})"


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute that differs from the base, or one new row.

    Attributes:
        row: Which row.
        attribute: Which attribute; "" for a new row as such.
        base: The value before: a column's value; for a relationship a ``Row``, or a tuple of them; None for a new row.
        mine: The value now.
        added: For a collection, the rows that are in now and were not before.
        removed: For a collection, the rows that were in before.
    """

    row: Row
    attribute: str
    base: Any
    mine: Any
    added: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()

    def __str__(self) -> str:
        if not self.attribute:
            return f"{self.row!r} is new: {self.mine!r}"
        if self.added or self.removed:
            moves = [f"+{row!r}" for row in self.added] + [f"-{row!r}" for row in self.removed]
            return f"{self.row!r}.{self.attribute}: {' '.join(moves)}"
        return f"{self.row!r}.{self.attribute}: {self.base!r} -> {self.mine!r}"


def compare(base: Graph, mine: Graph) -> list[Change]:
    """Return the changes, rows in the order of their tokens."""
    found: list[Change] = []
    reached = reachable(mine)
    for token, node in sorted(mine.nodes.items()):
        before = base.nodes.get(token)
        if before is node:
            continue
        if before is None:
            if token in reached:
                found.append(Change(row_of(node), "", None, dict(node.values)))
            continue
        found += column_changes(before, node) + link_changes(before, node, base, mine)
    return found


def reachable(graph: Graph) -> set[int]:
    """Return the tokens that the roots lead to: a new row that nothing links to is not to be inserted."""
    seen: set[int] = set()
    waiting = [*graph.roots, *(token for token, node in graph.nodes.items() if node.key is not None)]
    while waiting:
        token = waiting.pop()
        if token in seen:
            continue
        seen.add(token)
        waiting += [other for link in graph.nodes[token].links.values() for other in link.tokens]
    return seen


def row_of(node: Node) -> Row:
    """Return how a change names a row."""
    return Row(node.class_, node.key, node.token)


def same_value(shape: Shape, name: str, one: Any, other: Any) -> bool:
    """Return whether two values of a column are the same to its type."""
    if one is other:
        return True
    try:
        return (
            type(one) is type(other) and bool(shape.columns[name].type.compare_values(one, other))
        ) or bool(one == other)
    except (TypeError, ValueError, ArithmeticError):  # an array's truth, a signalling NaN
        return False


def column_changes(before: Node, node: Node) -> list[Change]:
    """Return the columns that differ."""
    shape = shape_of(node.class_)
    return [
        Change(row_of(node), name, before.values.get(name), value)
        for name, value in node.values.items()
        if name not in before.values or not same_value(shape, name, before.values[name], value)
    ]


def link_changes(before: Node, node: Node, base: Graph, mine: Graph) -> list[Change]:
    """Return the relationships that differ."""
    found = []
    for name, link in node.links.items():
        old = before.links.get(name)
        if old is not None and old.same(link):
            continue
        was = rows_in(base, old) if old is not None else ()
        now = rows_in(mine, link)
        if link.kind == "one":
            found.append(Change(row_of(node), name, first(was), first(now)))
        else:
            added = tuple(row for row in now if row not in was)
            removed = tuple(row for row in was if row not in now)
            found.append(Change(row_of(node), name, was, now, added, removed))
    return found


def rows_in(graph: Graph, link: Link) -> tuple[Row, ...]:
    """Return the rows a link holds."""
    return tuple(row_of(graph.nodes[token]) for token in link.tokens)


def first(rows: tuple[Row, ...]) -> Row | None:
    """Return the one row of a scalar relationship."""
    return rows[0] if rows else None
