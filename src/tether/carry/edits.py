"""What I changed: the difference between a base graph and mine, as facts about rows.

A relationship is written in one place of the database only, whatever sides of it
the mapping shows: in the foreign key of one row (``Reference``), or as a row of an
association table (``Association``). Both sides of a relationship give the same fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import RelationshipProperty

from tether.carry.graph import Graph, IdentityKey, Link, Node
from tether.carry.merge import MISSING
from tether.carry.shape import Relation, Shape, position_attribute, shape_of
from tether.errors import NoBaseError
from tether.orm.inspect import dotted


@dataclass(slots=True)
class Edits:
    """A graph as it was taken, and as I made it.

    Attributes:
        base: As it was taken.
        mine: As it is now; a node that nobody touched is the same object as in *base*.
        roots: Tokens of what was given, in order; None for an instance that is in the Session already.
        here: Instances of the graph that are in the Session already, by token: nothing of them is brought back.
    """

    base: Graph
    mine: Graph
    roots: list[int]
    here: dict[int, Any] = field(default_factory=dict)

    def one_token_per_row(self) -> dict[int, int]:
        """Return token -> the first token of the same row: a graph may hold two copies of it."""
        first: dict[IdentityKey, int] = {}
        same: dict[int, int] = {}
        for graph in (self.base, self.mine):
            for token, node in graph.nodes.items():
                if node.key is not None and token not in same:
                    same[token] = first.setdefault(node.key, token)
            if self.base.nodes.keys() == self.mine.nodes.keys():
                break
        return same

    def node(self, token: int) -> Node:
        """Return a row as I see it, or saw it before I removed it."""
        return self.mine.nodes.get(token) or self.base.nodes[token]


@dataclass(slots=True)
class Columns:
    """Column attributes of one existing row that I changed: name -> (base, mine)."""

    token: int
    values: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Reference:
    """A foreign key of an existing row that should refer to another row, or to none.

    Attributes:
        child: Token of the row that holds the foreign key.
        relation: Where the change was seen: owner's token and the relationship.
        columns: Attributes of *child* that are the foreign key -> the attribute each refers to.
        before: Values the foreign key had.
        target: Token of the row it should refer to; None for no row.
        orphan: The row is to be deleted, because its relationship says delete-orphan.
    """

    child: int
    relation: tuple[int, str]
    columns: dict[str, str]
    before: dict[str, Any]
    target: int | None
    orphan: bool = False


@dataclass(slots=True)
class Elements:
    """A collection, or a scalar relationship seen from the side without foreign key, that I changed."""

    owner: int
    relation: Relation
    base: Link
    mine: Link

    @property
    def added(self) -> tuple[int, ...]:
        """Tokens I added, in my order."""
        before = set(self.base.tokens)
        return tuple(token for token in self.mine.tokens if token not in before)

    @property
    def removed(self) -> tuple[int, ...]:
        """Tokens I removed, in the base's order."""
        now = set(self.mine.tokens)
        return tuple(token for token in self.base.tokens if token not in now)


@dataclass(slots=True)
class Changes:
    """Everything I changed.

    Attributes:
        columns: Of existing rows, by token.
        references: Many-to-one relationships of existing rows, by (token, name).
        elements: Collections and one-to-one relationships of existing rows, by (token, name).
        new: Tokens of rows to be inserted.
        orphans: Tokens of rows to be deleted -> where each was removed.
    """

    columns: dict[int, Columns] = field(default_factory=dict)
    references: dict[tuple[int, str], Reference] = field(default_factory=dict)
    elements: dict[tuple[int, str], Elements] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)
    orphans: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.references or self.elements or self.new)


def changes_of(edits: Edits) -> Changes:
    """Return what differs between base and mine."""
    changes = Changes()
    copies = {token: first for token, first in edits.one_token_per_row().items() if token != first}
    for token, mine in edits.mine.nodes.items():
        base = edits.base.nodes.get(token)
        if base is mine or token in edits.here:
            continue
        if base is None or mine.key is None:
            changes.new.append(token)
            _compare_links(changes, Node(token, mine.class_, None), mine, copies)
        else:
            _compare_columns(changes, base, mine)
            _compare_links(changes, base, mine, copies)
    _find_orphans(edits, changes)
    _forget_positions(edits, changes)
    return changes


def _compare_columns(changes: Changes, base: Node, mine: Node) -> None:
    columns = dict(changed_columns(shape_of(mine.class_), base, mine))
    for name, (before, _) in columns.items():
        if before is MISSING:
            raise not_taken(mine, name)
    if columns:
        changes.columns[mine.token] = Columns(mine.token, columns)


def _compare_links(changes: Changes, base: Node, mine: Node, copies: dict[int, int]) -> None:
    shape = shape_of(mine.class_)
    for name, link in mine.links.items():
        relation = shape.relations[name]
        before = base.links.get(name, Link(link.kind) if mine.key is None else None)
        if before is link:
            continue
        if copies:
            link = _one_copy(link, copies)
            before = None if before is None else _one_copy(before, copies)
        if relation.viewonly or (before is not None and before.same(link)):
            continue
        if relation.direction == "MANYTOONE":
            reference = changes.references[mine.token, name] = reference_of(shape, base, name, link)
            if mine.key is not None and MISSING in reference.before.values():
                raise not_taken(mine, name)
        elif before is None:
            raise not_taken(mine, name)
        else:
            changes.elements[mine.token, name] = Elements(mine.token, relation, before, link)


def _one_copy(link: Link, copies: dict[int, int]) -> Link:
    return replace(link, tokens=tuple(copies.get(token, token) for token in link.tokens))


def not_taken(node: Node, name: str) -> NoBaseError:
    """Return the refusal of an attribute that was set, but never taken out."""
    why = "it was set, but what it was before was not taken along, so what that would undo is unknown"
    return NoBaseError(dotted(node.class_), name, why)


def changed_columns(shape: Shape, base: Node, mine: Node) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the columns whose values differ: name, (base, mine).

    The version is not mine to change, unless the program counts it (``version_id_generator=False``).
    """
    for name, (before, value) in mine.changed_from(base).items():
        column = shape.columns[name]
        if column.computed or (name == shape.version and not shape.version_is_set):
            continue
        if not comparison(column.type)(before, value):
            yield name, (before, value)


def comparison(type_: Any) -> Callable[[Any, Any], bool]:
    """Return how a column's type compares two values."""

    def same(one: Any, other: Any) -> bool:
        if one is other:
            return True
        if one is MISSING or other is MISSING or one is None or other is None:
            return False
        try:
            return bool(type_.compare_values(one, other))
        except (TypeError, ValueError, ArithmeticError):  # an array's truth, a signalling NaN
            return False

    return same


def reference_of(shape: Shape, base: Node, name: str, link: Link) -> Reference:
    """Return a changed many-to-one relationship as the foreign key it is."""
    columns = foreign_key(shape, name)
    before = {column: base.values.get(column, MISSING) for column in columns}
    return Reference(base.token, (base.token, name), columns, before, link.token)


def foreign_key(shape: Shape, name: str) -> dict[str, str]:
    """Return the foreign key of a relationship: attribute of the row that holds it -> attribute referred to.

    Columns that are not mapped are left out.
    """
    prop: RelationshipProperty[Any] = shape.mapper.relationships[name]
    many_to_one = prop.direction.name == "MANYTOONE"
    holder, referred = (prop.parent, prop.mapper) if many_to_one else (prop.mapper, prop.parent)
    found = {}
    for local, remote in prop.local_remote_pairs or ():
        own, other = (local, remote) if many_to_one else (remote, local)
        if own in holder.columns.values() and other in referred.columns.values():
            found[holder.get_property_by_column(own).key] = referred.get_property_by_column(other).key
    return found


def _find_orphans(edits: Edits, changes: Changes) -> None:
    """Find rows that lost their parent and that the mapping deletes then, unless they have another one now."""
    kept = {token for elements in changes.elements.values() for token in elements.added}
    for place, elements in changes.elements.items():
        if "delete-orphan" in elements.relation.cascades:
            for token in elements.removed:
                if token not in kept and edits.base.nodes[token].key is not None:
                    changes.orphans[token] = place


def _forget_positions(edits: Edits, changes: Changes) -> None:
    """Leave out the positions that an ``ordering_list`` wrote on a detached instance: the list decides them."""
    for (owner, name), elements in changes.elements.items():
        position = position_attribute(shape_of(edits.node(owner).class_), name)
        for token in elements.mine.tokens:
            columns = changes.columns.get(token)
            if columns is not None and position in columns.values:
                del columns.values[position]
                if not columns.values:
                    del changes.columns[token]
