"""Rows that go because a row above them is removed: somebody's change of such a row would go with it.

SQLAlchemy deletes what a relationship with the cascade "delete" holds, and the database what a foreign key
with ON DELETE CASCADE refers from; other relationships are emptied. Compared is what was taken along: of a
relationship that was not loaded nobody knows what has changed since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, aliased

from tether.carry.conflicts import Conflict, Kind, Policies
from tether.carry.decision import Decision, Place, key_of
from tether.carry.edits import Changes, Edits, comparison
from tether.carry.graph import IdentityKey, Node
from tether.carry.merge import MISSING
from tether.carry.reading import ROWS_PER_STATEMENT, Row, Wanted, chunks, read
from tether.carry.shape import Relation, Shape, position_attribute, shape_of

Below = dict[Place, list[IdentityKey]]  # a row to be deleted and a relationship -> the rows it holds now


@dataclass(slots=True)
class Remover:
    """Looks below the rows that are to be deleted, level by level."""

    session: Session
    edits: Edits
    changes: Changes
    rows: dict[IdentityKey, Row]
    decision: Decision
    policies: Policies
    lock: bool

    def look_below(self) -> None:
        """Add a conflict for each row below that somebody changed or added; keep the row above if it is theirs.

        One SELECT per loaded relationship and 1,000 owners, and one per class and 1,000 rows with a lock.
        """
        moved = {token for elements in self.changes.elements.values() for token in elements.added}
        moved |= {token for token, _ in self.changes.references}
        level = {token: token for token in self.decision.deleted}  # row -> the removed child above it
        tops: dict[int, int] = {}
        while level:
            below = self.keys_below(level)
            self.read_rows(below)
            level = dict(self.compare_level(level, below, moved))
            tops |= level
        for token, top in tops.items():
            if top in self.decision.deleted:
                self.decision.deleted.setdefault(token, self.decision.deleted[top])
                self.forget_columns(token)

    def keys_below(self, level: Mapping[int, int]) -> Below:
        """Return what the relationships of one level hold now."""
        owners: dict[tuple[Shape, str], list[int]] = defaultdict(list)
        for token in level:
            node = self.edits.base.nodes[token]
            shape = shape_of(node.class_)
            for name in node.links:
                if node.key in self.rows and loses_elements(shape, shape.relations[name]):
                    owners[shape, name].append(token)
        below: Below = {}
        for (shape, name), tokens in owners.items():
            for chunk in chunks(tokens, ROWS_PER_STATEMENT):
                below |= self.select_keys(shape, name, chunk)
        return below

    def select_keys(self, shape: Shape, name: str, tokens: list[int]) -> Below:
        """Return the identity keys of one relationship's elements."""
        target = shape_of(shape.relations[name].target)
        owner: Any = aliased(shape.class_)
        element: Any = aliased(target.class_)
        left = [getattr(owner, key) for key in shape.primary_key]
        right = [getattr(element, key) for key in target.primary_key]
        keys = {self.edits.base.nodes[token].key: token for token in tokens}
        statement = select(*left, *right).select_from(owner).join(getattr(owner, name).of_type(element))
        statement = statement.where(is_one_of(left, [key[1] for key in keys if key is not None]))
        statement = statement.order_by(*right)
        found: Below = {(token, name): [] for token in tokens}
        with self.session.no_autoflush:
            for row in self.session.execute(statement):
                above = shape.mapper.identity_key_from_primary_key(tuple(row[: len(left)]))
                key = target.mapper.identity_key_from_primary_key(tuple(row[len(left) :]))
                found[keys[above], name].append(key)
        return found

    def read_rows(self, below: Below) -> None:
        """Read the rows that will be deleted, with a lock."""
        wanted = Wanted()
        for (token, name), keys in below.items():
            node = self.edits.base.nodes[token]
            relation = shape_of(node.class_).relations[name]
            known = {other.key: other.class_ for other in self.edits.base.linked(node, name)}
            if "delete" in relation.cascades:
                wanted.locked |= {
                    key: known.get(key, relation.target) for key in keys if key not in self.rows
                }
        if wanted.locked:
            self.rows |= read(self.session, wanted, lock=self.lock, is_locked=True)

    def compare_level(
        self, level: Mapping[int, int], below: Below, moved: set[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield the known rows of the next level, each with the removed child above it."""
        for (token, name), keys in below.items():
            node, top = self.edits.base.nodes[token], level[token]
            known = {other.key: other for other in self.edits.base.linked(node, name)}
            if "delete" not in shape_of(node.class_).relations[name].cascades:
                self.refuse_new_elements(top, node, name, keys)
                continue
            for key in keys:
                if key in known and known[key].token in moved:
                    continue  # I put it somewhere else
                position = position_attribute(shape_of(node.class_), name)
                conflict = self.conflict(key, known.get(key), position)
                kept = conflict is not None and not self.decision.is_mine(self.policies, conflict)
                if kept:
                    self.keep(top)
                elif key in known:
                    yield known[key].token, top

    def conflict(self, key: IdentityKey, base: Node | None, position: str | None) -> Conflict | None:
        """Return what somebody did to a row below, but for its position in a list; None if they did nothing."""
        row = self.rows.get(key)
        if row is None:
            return None
        if base is None:
            own = (type(row.instance), *key[1:])
            return Conflict(own, "", MISSING, MISSING, dict(row.values), Kind.REMOVED_BUT_CHANGED)
        columns = shape_of(base.class_).columns
        changed = {
            name: (value, row.values[name])
            for name, value in base.values.items()
            if name in row.values
            and name != position
            and not columns[name].computed
            and not comparison(columns[name].type)(value, row.values[name])
        }
        if not changed:
            return None
        before = {name: value for name, (value, _) in changed.items()}
        theirs = {name: value for name, (_, value) in changed.items()}
        return Conflict(key_of(base), "", before, MISSING, theirs, Kind.REMOVED_BUT_CHANGED)

    def refuse_new_elements(self, top: int, node: Node, name: str, keys: list[IdentityKey]) -> None:
        """Look at a relationship that is emptied: what somebody put in meanwhile is their change."""
        before = [other.key for other in self.edits.base.linked(node, name)]
        if set(keys) <= set(before):
            return
        conflict = Conflict(key_of(node), name, tuple(before), MISSING, tuple(keys), Kind.REMOVED_BUT_CHANGED)
        if not self.decision.is_mine(self.policies, conflict):
            self.keep(top)

    def forget_columns(self, token: int) -> None:
        """Leave out my own changes of a row that goes."""
        for place in [place for place in self.decision.columns if place[0] == token]:
            del self.decision.columns[place]

    def keep(self, top: int) -> None:
        """Let a removed child stay where it is."""
        place = self.decision.deleted.pop(top, None)
        if place is not None and place in self.decision.removed:
            self.decision.removed[place] = [t for t in self.decision.removed[place] if t != top]
            if not self.decision.removed[place]:
                del self.decision.removed[place]


def loses_elements(shape: Shape, relation: Relation) -> bool:
    """Return True if a relationship of a deleted row is emptied, or its elements deleted."""
    if relation.viewonly or relation.query:
        return False
    if relation.direction == "MANYTOONE":
        return "delete" in relation.cascades
    return shape.mapper.relationships[relation.key].passive_deletes != "all"


def is_one_of(columns: list[Any], identities: list[tuple[Any, ...]]) -> Any:
    """Return the SQL condition that columns hold one of several primary keys."""
    if len(columns) == 1:
        return columns[0].in_([identity[0] for identity in identities])
    return tuple_(*columns).in_(identities)
