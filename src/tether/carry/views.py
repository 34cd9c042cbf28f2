"""A graph seen through twins: one twin per node, made when it is first asked for."""

from __future__ import annotations

from enum import Enum
from typing import Any

from tether.carry.base_twins import EDIT
from tether.carry.frozen import ATOMS, collection, frozen
from tether.carry.graph import Graph, Link, Node, Status
from tether.carry.shape import shape_of
from tether.carry.tables import Nodes
from tether.carry.twins import make, twin_class
from tether.errors import NotTakenError, ReadOnlyError


class View:
    """What the twins of one graph have in common; ``SnapshotView`` and ``DraftView`` are the two kinds.

    Attributes:
        graph: What the twins read.
        base: As it was when it was taken; the same graph for a snapshot.
    """

    __slots__ = ("__weakref__", "base", "graph", "shown", "twin_classes", "twins")

    flavour = "snapshot"

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.base = graph
        self.twins: dict[int, Any] = {}
        self.twin_classes: dict[type, type] = {}
        self.shown: dict[tuple[int, str], Any] = {}  # values that are made once for each attribute

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.graph,)

    def pickled(self, token: int) -> tuple[Any, ...]:
        """Return what pickle makes a twin of again: the view, which keeps shared rows shared, and a token."""
        return View.twin, (self, token)

    def twin(self, token: int) -> Any:
        """Return the twin of a node: always the same one, so that shared rows stay shared."""
        found = self.twins.get(token)
        if found is None:
            # setdefault: two threads may come here at once, and both must get the same twin.
            found = self.twins.setdefault(token, make(self, self.twin_class(self.class_of(token)), token))
        return found

    def class_of(self, token: int) -> type:
        """Return the mapped class of a node."""
        nodes = self.graph.nodes
        return nodes.class_of(token) if isinstance(nodes, Nodes) else nodes[token].class_

    def twin_class(self, class_: type) -> type:
        """Return the class of the twins of a mapped class."""
        found = self.twin_classes.get(class_)
        if found is None:
            found = self.twin_classes[class_] = twin_class(class_, self.flavour)
        return found

    def result(self) -> Any:
        """Return what was asked for: a twin, or a list of them."""
        roots = [self.twin(token) for token in self.graph.roots]
        return roots if self.graph.many else roots[0]

    def node(self, token: int) -> Node:
        """Return the node of a twin."""
        return self.graph.nodes[token]

    def column(self, token: int, name: str) -> Any:
        """Return a column's value, as something that cannot be changed."""
        node = self.graph.nodes[token]
        try:
            value = node.values[name]
        except KeyError:
            raise missing(node, name) from None
        return value if type(value) in ATOMS or isinstance(value, Enum) else self.show(token, name, value)

    def show(self, token: int, name: str, value: Any) -> Any:
        """Return a value that could be changed, as one that cannot be."""
        place = token, name
        if place in self.shown:
            return self.shown[place]
        return self.shown.setdefault(place, frozen(value))

    def relation(self, token: int, name: str) -> Any:
        """Return the twins that a relationship holds."""
        node = self.graph.nodes[token]
        try:
            link = node.links[name]
        except KeyError:
            raise missing(node, name) from None
        if link.kind == "one":
            return None if link.token is None else self.twin(link.token)
        place = token, name
        if place in self.shown:
            return self.shown[place]
        return self.shown.setdefault(place, self.gather(token, name, link))  # once, also for several threads

    def gather(self, token: int, name: str, link: Link) -> Any:  # noqa: ARG002
        """Return the collection that a relationship is shown as; a draft needs to know whose."""
        return collection(link.kind, map(self.twin, link.tokens), link.keys)

    def composite(self, token: int, name: str) -> Any:
        """Return a composite made of its columns; None if all of them are None, as SQLAlchemy does."""
        composite = shape_of(self.node(token).class_).composites[name]
        parts = [self.column(token, column) for column in composite.columns]
        return None if all(part is None for part in parts) else composite.class_(*parts)

    def write(self, token: int, name: str, value: object) -> None:  # noqa: ARG002
        """Refuse to change anything."""
        raise ReadOnlyError(f"`{label(self.node(token), name)}` cannot be set: {EDIT}")

    write_relation = write_composite = write


def label(node: Node, name: str) -> str:
    """Return a class and attribute as an error names it."""
    return f"{node.class_.__name__}.{name}"


def missing(node: Node, name: str) -> NotTakenError:
    """Return the error for an attribute that has no value, with the way to have one."""
    attribute = label(node, name)
    again = f"snapshot(..., include=[{attribute}]) takes it"
    status = node.status_of(name)
    shape = shape_of(node.class_)
    if name in shape.relations and issubclass(node.class_, shape.relations[name].target):
        again += f' (for rows further down, a path: include=["{name}.{name}"])'
    problem = {
        Status.UNLOADED: f"was not loaded when the snapshot was taken: {again}",
        Status.EXPIRED: f"was expired when the snapshot was taken: {again}",
        Status.UNSET: "is unset: this row is new, and nothing gave it a value; set it first, for include= cannot",
        Status.EXCLUDED: "was left out, as a secret or by exclude=; include= does not bring it back",
        Status.QUERY: 'is a query (lazy="dynamic" or "write_only") and stays with its Session: take the rows of '
        "the query with snapshot() of their own; include= cannot",
    }
    return NotTakenError(attribute, status, problem.get(status, again))
