"""Drafts: twins that can be changed, over a graph of their own, next to the graph they began as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar

from tether.carry.adopting import adopt
from tether.carry.changes import Change, compare
from tether.carry.collections import COLLECTIONS
from tether.carry.frozen import ATOMS, plain
from tether.carry.graph import Graph, Link, Node, Status
from tether.carry.near import near_names
from tether.carry.shape import Relation, shape_of
from tether.carry.tables import Nodes, Tables
from tether.carry.taking import is_twin
from tether.carry.twins import make_all
from tether.carry.views import View, label
from tether.errors import SnapshotError

T = TypeVar("T")


class SnapshotView(View):
    """What the twins of one snapshot have in common.

    Attributes:
        tables: The table of each row; empty for a graph that has none.
    """

    __slots__ = ("tables",)

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.tables = graph.nodes.source if isinstance(graph.nodes, Nodes) else Tables([], [])

    def edited(self, token: int) -> Any:
        """Return the twin of a node in a new draft."""
        return edit(self.twin(token))

    def result(self) -> Any:
        """Return what was asked for; many twins of one class at once."""
        roots = self.graph.roots
        for table in self.tables.tables:
            if self.graph.many and table.tokens[: len(roots)] == roots:
                class_ = self.twin_class(table.class_)
                self.twins.update(zip(roots, make_all(self, class_, roots), strict=True))
                return list(self.twins.values())
        return super().result()

    def column(self, token: int, name: str) -> Any:
        """Return a column's value, straight from its table where the graph has tables."""
        try:
            table = self.tables[token]
            value = table.columns[name][table.places[token]]
        except KeyError:
            return super().column(token, name)
        return value if type(value) in ATOMS or isinstance(value, Enum) else self.show(token, name, value)

    def relation(self, token: int, name: str) -> Any:
        """Return the twins that a relationship holds, straight from its table where the graph has tables."""
        try:
            table = self.tables[token]
            links = table.links[name]
        except KeyError:
            return super().relation(token, name)
        if links.kind == "one":
            held = links.tokens[table.places[token]]
            return None if held is None else self.twin(held)
        place = token, name
        if place in self.shown:
            return self.shown[place]
        return self.shown.setdefault(place, self.gather(token, name, links.link(table.places[token])))


class DraftView(View):
    """What the twins of one draft have in common; ``graph`` is *mine*, its nodes are copied when they change."""

    __slots__ = ()

    flavour = "draft"

    def __init__(self, base: Graph, mine: Graph | None = None) -> None:
        super().__init__(base.copy() if mine is None else mine)
        self.base = base

    def __reduce__(self) -> tuple[Any, ...]:
        self.settle()
        return type(self), (self.base, self.graph)

    def __deepcopy__(self, memo: dict[int, Any]) -> DraftView:
        """Return an independent draft with the same base; rows that are copied together stay together."""
        self.settle()
        mine = self.graph.copy()
        for node in self.graph:
            if node is not self.base.nodes.get(node.token):
                copied = mine.nodes[node.token] = node.copy()
                copied.values = {name: plain(value) for name, value in node.values.items()}
        return DraftView(self.base, mine)

    def changes(self) -> list[Change]:
        """Return what differs from the base."""
        self.settle()
        return compare(self.base, self.graph)

    def own(self, token: int) -> Node:
        """Return the node to change: a copy, if it is still the one of the base."""
        node = self.graph.nodes[token]
        if node is self.base.nodes.get(token):
            node = self.graph.nodes[token] = node.copy()
        return node

    def show(self, token: int, name: str, value: Any) -> Any:
        """Return a copy that may be changed in place: the draft keeps it, and compares it with the base later."""
        own = self.own(token)
        place = token, name
        if place not in self.shown:
            self.shown[place] = own.values[name] = plain(value)
        return own.values[name]

    def gather(self, token: int, name: str, link: Link) -> Any:
        """Return a collection whose changes are changes of the draft."""
        return COLLECTIONS[link.kind](self, token, name)

    def composite(self, token: int, name: str) -> Any:
        """Return a composite; one that is changed in place is written back when the draft is read as a whole."""
        place = token, name
        if place not in self.shown:
            self.shown[place] = super().composite(token, name)
        return self.shown[place]

    def settle(self) -> None:
        """Write composites that were changed in place to the columns they are made of."""
        for (token, name), value in list(self.shown.items()):
            composite = shape_of(self.node(token).class_).composites.get(name)
            if composite is not None and value is not None:
                self.write_parts(token, composite.columns, parts_of(value))

    def write_parts(self, token: int, columns: tuple[str, ...], parts: Iterable[Any]) -> None:
        """Write the columns of a composite, those that differ."""
        node = self.graph.nodes[token]
        for column, part in zip(columns, parts, strict=True):
            if column not in node.values or node.values[column] != part:
                node = self.own(token)
                self.put(node, column, part)

    def put(self, node: Node, name: str, value: Any) -> None:
        """Give a node of mine a value."""
        node.values[name] = value if type(value) in ATOMS else plain(value)
        node.status.pop(name, None)
        self.shown.pop((node.token, name), None)

    def write(self, token: int, name: str, value: object) -> None:
        """Set a column.

        Raises:
            SnapshotError: An SQL expression; a value that is a row.
        """
        node = self.own(token)
        shape = shape_of(node.class_)
        if shape.columns[name].computed:
            raise SnapshotError(f"`{label(node, name)}` is computed by the database, it cannot be set")
        if is_twin(value):
            raise SnapshotError(f"`{label(node, name)}` is a column, it cannot hold a row")
        self.put(node, name, value)
        for composite in shape.composites.values():
            if name in composite.columns:
                self.shown.pop((token, composite.key), None)

    def write_composite(self, token: int, name: str, value: object) -> None:
        """Set the columns of a composite; None sets all of them to None."""
        node = self.own(token)
        composite = shape_of(node.class_).composites[name]
        parts = (None,) * len(composite.columns) if value is None else parts_of(value)
        self.shown.pop((token, name), None)
        self.write_parts(token, composite.columns, parts)

    def write_relation(self, token: int, name: str, value: Any) -> None:
        """Set a relationship: a row of this draft or of a snapshot, None, or a collection of rows."""
        relation = self.relation_of(token, name)
        if relation.kind == "one":
            one = () if value is None else (self.token_for(value, relation),)
            self.relink(token, relation, Link("one", one))
            return
        if not isinstance(value, Mapping if relation.kind == "dict" else Iterable) or isinstance(value, str):
            raise SnapshotError(f"`{self.label(token, name)}` is a {relation.kind} of rows; got {value!r}")
        keys = tuple(value) if relation.kind == "dict" else ()
        rows = value.values() if isinstance(value, Mapping) else value
        tokens = tuple(dict.fromkeys(self.token_for(row, relation) for row in rows))
        self.relink(token, relation, Link(relation.kind, tokens, keys))

    def label(self, token: int, name: str) -> str:
        """Return a class and attribute as an error names it."""
        return label(self.node(token), name)

    def relation_of(self, token: int, name: str) -> Relation:
        """Return a relationship that can be written."""
        relation = shape_of(self.node(token).class_).relations[name]
        if relation.viewonly:
            raise SnapshotError(f"`{self.label(token, name)}` is viewonly, it cannot be changed")
        if relation.query:
            raise SnapshotError(f"`{self.label(token, name)}` is a query, a draft cannot change it")
        return relation

    def token_for(self, row: Any, relation: Relation) -> int:
        """Return the token of a row that is to be linked; a row of a snapshot joins the draft.

        Raises:
            SnapshotError: It is no snapshot or draft, or of another class.
        """
        if not is_twin(row):
            raise SnapshotError(
                f"`{relation.key}` takes rows of this draft, or snapshots; got {type(row).__name__}: "
                "snapshot(...) a mapped instance first, and make a new row with draft.new(...)"
            )
        view, token = row._tether_view, row._tether_token
        class_ = view.node(token).class_
        if not issubclass(class_, relation.target):
            raise SnapshotError(f"`{relation.key}` takes {relation.target.__name__}; got {class_.__name__}")
        if view is self:
            return int(token)
        if view.flavour == "draft":
            raise SnapshotError(f"`{relation.key}`: {row!r} belongs to another draft")
        return adopt(self.base, self.graph, view.graph, token)

    def relink(self, token: int, relation: Relation, link: Link) -> None:
        """Set what a relationship holds, and keep its other side in step."""
        node = self.own(token)
        before = node.links.get(relation.key)
        node.links[relation.key] = link
        node.status.pop(relation.key, None)
        old = set(before.tokens) if before else set()
        for gone in old - set(link.tokens):
            self.update_back(gone, relation, removed=token)
        for come in link.tokens:
            if come not in old:
                self.update_back(come, relation, added=token)

    def update_back(
        self, token: int, relation: Relation, *, added: int | None = None, removed: int | None = None
    ) -> None:
        """Change the other side at one row; a collection that was not taken stays so."""
        node = self.own(token)
        for name in relation.back:
            back = shape_of(node.class_).relations.get(name)
            if back is None or back.viewonly or back.query:
                continue
            held = node.links.get(name)
            if held is None and back.direction != "MANYTOONE" and node.key is not None:
                continue  # it was not taken; the foreign key on the other side is the change
            if back.kind == "one":
                if added is not None:
                    self.leave_previous(held, relation, token, added)
                    node.links[name] = Link("one", (added,))
                    node.status.pop(name, None)
                elif held is not None and held.token == removed:
                    node.links[name] = Link("one")
            elif held is not None and back.kind != "dict":
                kept = tuple(other for other in held.tokens if other not in {added, removed})
                node.links[name] = Link(back.kind, kept if added is None else (*kept, added))

    def leave_previous(self, held: Link | None, relation: Relation, token: int, parent: int) -> None:
        """Take a row out of the collection it was in: it has one parent."""
        if held is None or held.token is None or held.token == parent:
            return
        previous = self.own(held.token)
        link = previous.links.get(relation.key)
        if link is not None and token in link.tokens:
            previous.links[relation.key] = without(link, token)

    def new(self, class_: Any, values: Mapping[str, Any]) -> Any:
        """Return a row that does not exist yet."""
        if not isinstance(class_, type):
            raise SnapshotError(f"new() takes a mapped class; got {class_!r}")
        for name in values:
            if not hasattr(class_, name):
                raise SnapshotError(
                    f"`{class_.__name__}` has no attribute `{name}`{near_names(name, vars(class_))}"
                )
        shape = shape_of(class_)
        token = max(self.graph.nodes, default=-1) + 1
        node = Node(token, shape.class_, None)
        for name in shape.columns:
            node.status[name] = Status.UNSET
        for name, relation in shape.relations.items():
            if relation.query:
                node.status[name] = Status.QUERY
            elif relation.kind == "one":
                node.status[name] = Status.UNSET
            else:
                node.links[name] = Link(relation.kind)
        self.graph.nodes[token] = node
        self.graph.fingerprints[shape.class_] = shape.fingerprint
        twin = self.twin(token)
        try:
            for name, value in values.items():
                setattr(twin, name, value)
        except SnapshotError:
            del self.graph.nodes[token], self.twins[token]
            raise
        return twin


def without(link: Link, token: int) -> Link:
    """Return a link that does not hold *token*."""
    kept = [place for place, other in enumerate(link.tokens) if other != token]
    keys = tuple(link.keys[place] for place in kept) if link.kind == "dict" else ()
    return Link(link.kind, tuple(link.tokens[place] for place in kept), keys)


def parts_of(value: Any) -> tuple[Any, ...]:
    """Return the column values of a composite, as SQLAlchemy reads them: a method of it, or a dataclass's fields."""
    if hasattr(value, "__composite_values__"):
        return tuple(value.__composite_values__())
    return tuple(getattr(value, name) for name in type(value).__dataclass_fields__)


def draft_view(draft: Any, what: str) -> DraftView:
    """Return the view of a draft.

    Raises:
        SnapshotError: It is none.
    """
    view = getattr(draft, "_tether_view", None) if is_twin(draft) else None
    if not isinstance(view, DraftView):
        hint = ": tether.edit() gives a draft of a snapshot" if view is not None else ""
        raise SnapshotError(f"{what} takes a draft; got {draft!r}{hint}")
    return view


def edit(snapshot: T) -> T:
    """Return a draft of a snapshot (or of each in a list: one draft): it can be changed, and keeps its base.

    Everything the snapshot reaches belongs to the same draft.
    """
    many = isinstance(snapshot, list)
    rows: list[Any] = list(snapshot) if isinstance(snapshot, list) else [snapshot]
    if not rows:
        return snapshot
    views = {id(row._tether_view) if is_twin(row) else None for row in rows}
    if None in views or len(views) > 1 or rows[0]._tether_view.flavour != "snapshot":
        raise SnapshotError("edit() takes a snapshot, or a list of rows of one snapshot")
    base: Graph = rows[0]._tether_view.graph
    base = base.copy()
    base.roots, base.many = [row._tether_token for row in rows], many
    result: T = DraftView(base).result()
    return result


def new(draft: Any, class_: type[T], /, **values: Any) -> T:
    """Return a new row of *class_* that belongs to the draft; link it to have it inserted."""
    made: T = draft_view(draft, "new()").new(class_, values)
    return made


def changes(draft: Any) -> list[Change]:
    """Return what differs from the base, attribute by attribute; empty where values are back to it."""
    return draft_view(draft, "changes()").changes()


def is_changed(draft: Any) -> bool:
    """Return whether anything differs from the base."""
    return bool(changes(draft))
