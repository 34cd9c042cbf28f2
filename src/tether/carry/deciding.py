"""Base, mine and theirs of relationships: which foreign keys and associations are to be written. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tether.carry.conflicts import Conflict, Kind
from tether.carry.contents import refuse
from tether.carry.deciding_rows import RowDecider
from tether.carry.decision import Decision, Place, check_side, key_of, values_of
from tether.carry.edits import Edits, Elements, Reference, comparison, foreign_key
from tether.carry.graph import IdentityKey
from tether.carry.merge import MISSING
from tether.carry.shape import position_attribute, shape_of

Pairs = frozenset[tuple[IdentityKey, IdentityKey]]


@dataclass(slots=True)
class Decider(RowDecider):
    """Takes the decisions that need no more than rows.

    Args:
        pairs: What the association tables hold, by owner's token and relationship.
    """

    pairs: Mapping[Place, Pairs] = field(default_factory=dict)
    keys_decided: dict[tuple[int, frozenset[str]], bool] = field(default_factory=dict)

    def decide(self) -> Decision:
        """Return what is to be written."""
        self.decide_rows()
        for place, reference in self.changes.references.items():
            if place[0] in self.changes.orphans:
                continue  # a back reference set it to None; the collection it was removed from decides
            if not self.can_be_written(place[0]) or not self.may_refer(place, reference.target):
                continue
            if self.foreign_key(reference):
                self.decision.references[place] = reference.target
        for place, elements in self.changes.elements.items():
            if self.can_be_written(place[0]):
                self.elements(place, elements)
        self.refuse_rows_of_lost_rows()
        return self.decision

    def refuse_rows_of_lost_rows(self) -> None:
        """Leave out new rows that I put only into collections of rows that are gone, and stay gone."""
        kept = {token for added in self.decision.added.values() for token in added} | set(self.edits.roots)
        new = set(self.decision.new) - kept
        below = {
            t for place, held in self.changes.elements.items() if place[0] in self.lost for t in held.added
        }
        refuse(self.decision, sorted(new & below))

    # foreign keys

    def foreign_key(self, reference: Reference) -> bool:
        """Return True if the foreign key is to be written; both sides of a relationship get one answer."""
        place = (reference.child, frozenset(reference.columns))
        if place not in self.keys_decided:
            self.keys_decided[place] = self.decide_foreign_key(reference)
        return self.keys_decided[place]

    def decide_foreign_key(self, reference: Reference) -> bool:
        """Compare the three versions of a foreign key as one value, however many columns it has."""
        node, row = self.edits.node(reference.child), self.row(reference.child)
        if node.key is None or row is None or reference.child in self.lost:
            # A row that is inserted refers to whatever it likes; a lost one to nothing.
            return node.key is None or reference.child in self.restored
        before = tuple(reference.before[name] for name in reference.columns)
        theirs = tuple(self.theirs(row, name) for name in reference.columns)
        mine = self.referred(reference)
        if mine in {theirs, before}:
            return False  # no change, or the same: another copy of the row it refers to already
        if before == theirs:
            return True
        name = reference_name(self.edits, reference)
        conflict = Conflict(key_of(node), name, _one(before), _one(mine), _one(theirs))
        answer = self.decision.resolve(self.policies, conflict)
        check_side(conflict, answer)
        return answer is conflict.mine

    def referred(self, reference: Reference) -> tuple[Any, ...]:
        """Return the values the foreign key will have; MISSING for a row whose key is not known yet."""
        if reference.target is None:
            return tuple(None for _ in reference.columns)
        target = self.edits.node(reference.target)
        values = values_of(target, self.edits)
        return tuple(values.get(name, MISSING) for name in reference.columns.values())

    def may_refer(self, place: Place, target: int | None) -> bool:
        """Return False if the row to refer to is gone, after somebody decided about it."""
        if target is None or target in self.edits.here or target in self.restored:
            return True
        node = self.edits.node(target)
        if node.key is None or node.key in self.rows:
            return True
        kind = Kind.REFERENCE if self.unseen.get(node.key) is not Kind.ROW_HIDDEN else Kind.ROW_HIDDEN
        conflict = Conflict(key_of(self.edits.node(place[0])), place[1], MISSING, node.key, MISSING, kind)
        if self.decision.is_mine(self.policies, conflict):
            self.decision.conflicts.append(conflict)  # nobody can refer to a row that is not there
        return False

    # collections

    def elements(self, place: Place, elements: Elements) -> None:
        """Decide about each element that I added or removed."""
        is_mine = self.is_associated if elements.relation.direction == "MANYTOMANY" else self.is_parent
        added = [t for t in elements.added if self.may_refer(place, t) and is_mine(place, t, True)]
        removed = [t for t in elements.removed if self.exists(t) and is_mine(place, t, False)]
        if added:
            self.decision.added[place] = added
        if removed:
            self.decision.removed[place] = removed
        if position_attribute(shape_of(self.edits.node(place[0]).class_), place[1]) is not None:
            self.decision.ordered[place] = []  # decided when the list is known

    def exists(self, token: int) -> bool:
        """Return True if a row of the base is there."""
        return token in self.edits.here or self.edits.base.nodes[token].key in self.rows

    def is_associated(self, place: Place, token: int, adding: bool) -> bool:
        """Return True if a row of the association table is to be inserted or deleted."""
        node, owner = self.edits.node(token), self.edits.node(place[0])
        if node.key is None or owner.key is None or place[0] in self.restored or token in self.restored:
            return adding
        return ((owner.key, node.key) in self.pairs.get(place, ())) != adding

    def is_parent(self, place: Place, token: int, adding: bool) -> bool:
        """Return True if the foreign key of an element is to be changed."""
        if token in self.edits.here:
            return True
        if not adding and self.changes.orphans.get(token) == place:
            return self.delete_orphan(place, token)
        if not adding and self.has_new_parent(place, token):
            return True
        columns = foreign_key(shape_of(self.edits.node(place[0]).class_), place[1])
        before = self.edits.base.nodes[token].values if token in self.edits.base.nodes else {}
        reference = Reference(
            token,
            place,
            columns,
            {name: before.get(name, MISSING) for name in columns},
            place[0] if adding else None,
        )
        return self.foreign_key(reference)

    def has_new_parent(self, place: Place, token: int) -> bool:
        """Return True if I put the element into the same collection of another row: that decides."""
        return any(
            other != place and other[1] == place[1] and token in elements.added
            for other, elements in self.changes.elements.items()
        )

    def delete_orphan(self, place: Place, token: int) -> bool:
        """Return True if a row that lost its parent is to be deleted: not if somebody changed it meanwhile."""
        node, row = self.edits.base.nodes[token], self.row(token)
        if row is None:
            return False
        shape = shape_of(node.class_)
        position = position_attribute(shape_of(self.edits.node(place[0]).class_), place[1])
        changed = {
            name: (value, theirs)
            for name, value in node.values.items()
            if name != position  # that is the list's, and moves when another element goes
            and not shape.columns[name].computed
            and not comparison(shape.columns[name].type)(value, theirs := self.theirs(row, name))
            and theirs is not MISSING
        }
        if changed:
            base = {name: value for name, (value, _) in changed.items()}
            there = {name: theirs for name, (_, theirs) in changed.items()}
            conflict = Conflict(key_of(node), "", base, MISSING, there, Kind.REMOVED_BUT_CHANGED)
            if not self.decision.is_mine(self.policies, conflict):
                return False
        self.decision.deleted[token] = place
        return True


def _one(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values


def reference_name(edits: Edits, reference: Reference) -> str:
    """Return the attribute of the row that holds the foreign key, by which people know it."""
    owner, name = reference.relation
    if owner == reference.child:
        return name
    back = shape_of(edits.node(owner).class_).relations[name].back
    return back[0] if back else next(iter(reference.columns), name)
