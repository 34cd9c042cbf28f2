"""Rows as plain values: what a snapshot, a draft and a document are made of.

Nothing here holds an instance or a Session, so a graph can be kept, pickled and handed to another thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from tether.carry.merge import MISSING

# As SQLAlchemy gives it: (class of the mapped hierarchy's root, primary key values, identity token).
IdentityKey: TypeAlias = tuple[type, tuple[Any, ...], Any]
Kind: TypeAlias = Literal["one", "list", "set", "dict"]


class Status(StrEnum):
    """Why an attribute has a value, or has none. ``None`` is a value, so it is LOADED."""

    LOADED = "loaded"
    UNSET = "unset"  # a new row, and nobody has said what it is
    UNLOADED = "unloaded"  # deferred, or a relationship that was not read
    EXPIRED = "expired"  # was loaded, and SQLAlchemy threw it away (commit, rollback, expire)
    EXCLUDED = "excluded"  # secret, or named by exclude=
    QUERY = "query"  # lazy="dynamic" or "write_only": a query, not a value


@dataclass(frozen=True, slots=True)
class Link:
    """What a relationship holds: references to nodes of the same graph, by token.

    Attributes:
        kind: "one", "list", "set" or "dict", as in the class's mapping.
        tokens: One per element, in order; for "one" a single token, or none where the relationship is None.
        keys: For "dict" the key of each element; else empty.
    """

    kind: Kind
    tokens: tuple[int, ...] = ()
    keys: tuple[Any, ...] = ()

    @property
    def token(self) -> int | None:
        """The one token of a scalar relationship; None if it holds None."""
        return self.tokens[0] if self.tokens else None

    def same(self, other: Link) -> bool:
        """Return whether both hold the same elements; the order counts in a list only."""
        if self.kind == "set":
            return set(self.tokens) == set(other.tokens)
        if self.kind == "dict":
            return dict(zip(self.keys, self.tokens, strict=True)) == dict(
                zip(other.keys, other.tokens, strict=True)
            )
        return self.tokens == other.tokens


@dataclass(slots=True)
class Node:
    """One row.

    Attributes:
        token: Number, unique in the graph.
        class_: Its mapped class: the one of the row, not the root of a hierarchy.
        key: Identity key; None for a row that a draft made.
        values: Column attributes that are loaded. Plain values: a ``MutableDict`` is a dict here, and a composite
            is its columns. Not to be changed in place.
        links: Relationships that are loaded.
        status: Every other attribute (columns and relationships), with the reason.
        version: Value of ``version_id_col``; None if the class has none, or it was not loaded.
    """

    token: int
    class_: type
    key: IdentityKey | None
    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    status: dict[str, Status] = field(default_factory=dict)
    version: Any = None

    def status_of(self, attribute: str) -> Status:
        """Return why *attribute* has a value or none; an attribute nobody recorded is UNLOADED."""
        if attribute in self.values or attribute in self.links:
            return Status.LOADED
        return self.status.get(attribute, Status.UNLOADED)

    def changed_from(self, base: Node) -> dict[str, tuple[Any, Any]]:
        """Return the columns whose values are other objects than in *base*: name -> (before, now)."""
        before = base.values
        return {
            name: (before.get(name, MISSING), value)
            for name, value in self.values.items()
            if before.get(name, MISSING) is not value
        }

    def copy(self) -> Node:
        """Return a node that can be changed without changing this one."""
        return Node(
            self.token,
            self.class_,
            self.key,
            dict(self.values),
            dict(self.links),
            dict(self.status),
            self.version,
        )


@dataclass(slots=True)
class Graph:
    """Rows, and which of them were asked for. Not changed once it is built.

    Attributes:
        taken: When, in UTC.
        nodes: By token; of a snapshot those of ``tether.carry.tables``, made when they are looked at.
        roots: Tokens of the rows that were given, in order.
        many: Whether a list was given.
        fingerprints: Of each class in the graph: changes when its mapped attributes do.
    """

    taken: datetime
    nodes: dict[int, Node] = field(default_factory=dict)
    roots: list[int] = field(default_factory=list)
    many: bool = False
    fingerprints: dict[type, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def linked(self, node: Node, relationship: str) -> list[Node]:
        """Return the nodes that a loaded relationship of *node* holds."""
        return [self.nodes[token] for token in node.links[relationship].tokens]

    def copy(self) -> Graph:
        """Return a graph with the same node objects, to be replaced one by one."""
        return Graph(self.taken, self.nodes.copy(), list(self.roots), self.many, dict(self.fingerprints))
