"""A row that somebody deleted, and that is to be there again: with it comes what my copy holds in its collections.

Rows that went with it by cascade are inserted again; rows whose foreign key was cleared refer to it again; a row
that has another parent by now stays there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from tether.carry.decision import Decision, Place, row_of
from tether.carry.edits import Edits, foreign_key
from tether.carry.graph import IdentityKey, Node
from tether.carry.reading import Row, Wanted, read
from tether.carry.shape import Column, Relation, Shape, shape_of
from tether.errors import NoBaseError
from tether.orm.inspect import dotted


@dataclass(slots=True)
class Restorer:
    """Adds to a decision what comes back with the rows that are inserted again."""

    session: Session
    edits: Edits
    rows: dict[IdentityKey, Row]
    decision: Decision
    lost: set[int]  # rows that stay gone: somebody decided so
    lock: bool
    is_locked: bool  # SQLite's file, by an earlier SELECT

    def restore(self) -> None:
        """Bring back the collections, level by level: one SELECT per class, level and 1,000 rows.

        Raises:
            NoBaseError: The copy lacks a column that takes no NULL, so the row cannot be inserted again.
        """
        level = [token for token in self.decision.new if self.edits.node(token).key is not None]
        while level:
            for token in level:
                refuse_incomplete(self.edits.node(token))
            places = {
                (token, name): relation for token in level for name, relation in self.collections(token)
            }
            self.read_rows(places)
            level = [token for place, relation in places.items() for token in self.fill(place, relation)]

    def collections(self, token: int) -> list[tuple[str, Relation]]:
        """Return the loaded relationships of a row whose other side holds the foreign key."""
        node = self.edits.node(token)
        relations = shape_of(node.class_).relations
        return [
            (name, relations[name])
            for name in node.links
            if relations[name].direction != "MANYTOONE" and not relations[name].viewonly
        ]

    def read_rows(self, places: Mapping[Place, Relation]) -> None:
        """Read what the collections held, as far as it is not known yet."""
        wanted = Wanted()
        for (token, name), relation in places.items():
            into = wanted.plain if relation.direction == "MANYTOMANY" else wanted.locked
            for other in self.edits.node(token).links[name].tokens:
                node = self.edits.node(other)
                if node.key is not None and other not in self.edits.here and node.key not in self.rows:
                    into[node.key] = node.class_
        if wanted.locked or wanted.plain:
            self.rows |= read(self.session, wanted, lock=self.lock, is_locked=self.is_locked)
            self.is_locked = self.is_locked or bool(wanted.locked)

    def fill(self, place: Place, relation: Relation) -> list[int]:
        """Decide what one collection holds again; return the rows that come back with it."""
        back, added = [], list(self.decision.added.get(place, ()))
        for token in self.edits.node(place[0]).links[place[1]].tokens:
            if token in added:
                continue
            node, row = self.edits.node(token), row_of(self.edits, self.rows, token)
            is_new = node.key is None or token in self.decision.new or token in self.edits.here
            is_gone = row is None and not is_new and token not in self.lost
            if is_gone and "delete" in relation.cascades:
                back.append(token)
                added.append(token)
            elif is_new or (row is not None and not self.has_other_parent(place, relation, row)):
                added.append(token)
        if added:
            self.decision.added[place] = added
        self.decision.new += [token for token in back if token not in self.decision.new]
        return back

    def has_other_parent(self, place: Place, relation: Relation, row: Row) -> bool:
        """Return True if a row refers to another one by now."""
        if relation.direction == "MANYTOMANY":
            return False
        owner = self.edits.node(place[0])
        columns = foreign_key(shape_of(owner.class_), place[1])
        held = tuple(row.values.get(name) for name in columns)
        own = tuple(key_value(owner, other) for other in columns.values())
        return None not in held and held != own


def key_value(node: Node, name: str) -> Any:
    """Return a column's value, from the primary key where it is not loaded."""
    if name in node.values or node.key is None:
        return node.values.get(name)
    names = shape_of(node.class_).primary_key
    return node.key[1][names.index(name)] if name in names else None


def refuse_incomplete(node: Node) -> None:
    """Refuse to insert a row again of which the copy lacks a column that must have a value."""
    shape = shape_of(node.class_)
    for column in shape.columns.values():
        if column.key not in node.values and must_have_value(shape, column):
            raise NoBaseError(
                dotted(node.class_),
                column.key,
                "the row was deleted, and this copy lacks the column, which must have a value",
            )


def must_have_value(shape: Shape, column: Column) -> bool:
    """Return True if an INSERT without this column fails."""
    if column.nullable or column.computed or column.primary_key or column.key == shape.version:
        return False
    columns = shape.mapper.get_property(column.key).columns
    return not any(c.default is not None or c.server_default is not None for c in columns)
