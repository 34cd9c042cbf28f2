"""Instances in, a graph of plain values out. Reads ``__dict__`` only, so it never loads anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import InstanceState

from tether.carry.frozen import ATOMS, plain
from tether.carry.graph import Graph, IdentityKey, Link, Node, Status
from tether.carry.naming import Excluded
from tether.carry.shape import Relation, Shape, shape_of
from tether.errors import SnapshotError
from tether.orm import private


def state_of(instance: object, verb: str) -> InstanceState[Any]:
    """Return the state of a row that exists in the database.

    Raises:
        SnapshotError: It is not a mapped instance, or has no row (yet, or any more).
    """
    state = private.state_of_anything(instance)
    if state is None:
        hint = "; its class is a twin, so this is a snapshot or draft already" if is_twin(instance) else ""
        raise SnapshotError(
            f"{verb}() takes instances of mapped classes; got {type(instance).__name__}{hint}"
        )
    name = state.class_.__name__
    if state.deleted or state.was_deleted:
        raise SnapshotError(f"{verb}(): this {name} is deleted: there is no row to take")
    if state.pending:
        raise SnapshotError(f"{verb}(): this {name} is pending, it has no row yet: session.flush() first")
    if state.key is None:
        raise SnapshotError(
            f"{verb}(): this {name} is transient, it has no row: session.add() it and flush() first"
        )
    return state


def is_twin(thing: object) -> bool:
    """Return whether *thing* is a row of a snapshot or draft, without running code of its class."""
    return hasattr(type(thing), "_tether_view")


class Taker:
    """Builds one graph.

    Attributes:
        instances: What was taken, by token; kept so that no ``id()`` is used twice.
    """

    def __init__(self, excluded: Excluded, verb: str = "snapshot") -> None:
        self.graph = Graph(datetime.now(UTC))
        self.excluded = excluded
        self.verb = verb
        self.instances: list[Any] = []
        self.tokens: dict[int, int] = {}
        self.left_out: dict[type, frozenset[str]] = {}

    def take(self, roots: Sequence[object], *, many: bool) -> Graph:
        """Return the graph of everything that is loaded and reached from *roots*."""
        self.graph.many = many
        self.graph.roots = [self.token_of(root) for root in roots]
        done = 0
        while done < len(self.instances):  # not recursion: a chain of rows may be long
            self.add(done, self.instances[done])
            done += 1
        for node in self.graph:
            self.link_back(node)
        if roots:
            self.excluded.check()
        return self.graph

    def link_back(self, node: Node) -> None:
        """Give the children of a loaded one-to-many their parent.

        SQLAlchemy leaves the many-to-one side unloaded, because reading it finds the parent in the identity map
        without SQL; a snapshot has no identity map.
        """
        for name in node.links:
            relation = shape_of(node.class_).relations[name]
            if relation.direction != "ONETOMANY":
                continue
            for child in self.graph.linked(node, name):
                for back in relation.back:
                    known = shape_of(child.class_).relations.get(back)
                    if known and known.kind == "one" and child.status_of(back) is Status.UNLOADED:
                        child.links[back] = Link("one", (node.token,))
                        del child.status[back]

    def token_of(self, instance: object) -> int:
        """Return the token of an instance, and note it to be taken if it is new."""
        token = self.tokens.get(id(instance))
        if token is None:
            token = self.tokens[id(instance)] = len(self.instances)
            self.instances.append(instance)
        return token

    def add(self, token: int, instance: object) -> None:
        """Take one row."""
        state = state_of(instance, self.verb)
        shape = shape_of(state.class_)
        if shape.class_ not in self.left_out:
            self.left_out[shape.class_] = self.excluded.of(shape)
            self.graph.fingerprints[shape.class_] = shape.fingerprint
        node = Node(token, shape.class_, state.key)
        left_out = self.left_out[shape.class_]
        self.take_columns(node, shape, state.dict, left_out)
        self.take_relations(node, shape, state.dict, left_out)
        mark_missing(node, shape, state.expired_attributes)
        self.graph.nodes[token] = node

    def take_columns(
        self, node: Node, shape: Shape, values: dict[str, Any], left_out: frozenset[str]
    ) -> None:
        """Copy the columns that are loaded."""
        taken = node.values
        for name in shape.columns:
            if name in left_out:
                node.status[name] = Status.EXCLUDED
            elif name in values:
                value = values[name]
                taken[name] = value if type(value) in ATOMS else plain(value)
        if node.key is not None:  # known without a SELECT, also of an expired row
            for name, value in zip(shape.primary_key, node.key[1], strict=True):
                if name not in taken and name not in node.status:
                    taken[name] = value
        node.version = taken.get(shape.version) if shape.version else None

    def take_relations(
        self, node: Node, shape: Shape, values: dict[str, Any], left_out: frozenset[str]
    ) -> None:
        """Note what the loaded relationships hold."""
        for name, relation in shape.relations.items():
            if name in left_out:
                node.status[name] = Status.EXCLUDED
            elif relation.query:
                node.status[name] = Status.QUERY
            elif name in values:
                node.links[name] = self.link(relation, values[name])

    def link(self, relation: Relation, held: Any) -> Link:
        """Return references to what a relationship holds."""
        if relation.kind == "one":
            return Link("one", () if held is None else (self.token_of(held),))
        if relation.kind == "dict":
            return Link("dict", tuple(map(self.token_of, held.values())), tuple(held.keys()))
        return Link(relation.kind, tuple(map(self.token_of, held)))


def mark_missing(node: Node, shape: Shape, expired: Iterable[str]) -> None:
    """Say of each attribute without a value whether it was expired or never loaded."""
    gone = set(expired)
    for name in (*shape.columns, *shape.relations):
        if name not in node.values and name not in node.links:
            node.status.setdefault(name, Status.EXPIRED if name in gone else Status.UNLOADED)


def identity(key: IdentityKey) -> str:
    """Return a row's class and primary key, as an error names it."""
    return f"{key[0].__name__}({', '.join(map(repr, key[1]))})"
