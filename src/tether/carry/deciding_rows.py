"""Base, mine and theirs of rows and their columns. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState, LoaderCallableStatus

from tether.carry.conflicts import Conflict, Kind, Policies
from tether.carry.decision import (
    Decision,
    check_side,
    check_type,
    is_recreated,
    key_of,
    row_of,
)
from tether.carry.edits import Changes, Edits, comparison, foreign_key
from tether.carry.graph import IdentityKey, Node
from tether.carry.merge import MISSING, is_conflict
from tether.carry.reading import Row
from tether.carry.shape import position_attribute, shape_of


@dataclass(slots=True)
class RowDecider:
    """Decides about rows and columns; ``deciding.Decider`` adds relationships.

    Args:
        edits: Base and mine.
        changes: What differs between them.
        rows: Theirs, of every row that a change touches.
        unseen: Why a row that was asked for is not in *rows*, where it is not deleted.
        policies: What to do about conflicts.
    """

    edits: Edits
    changes: Changes
    rows: Mapping[IdentityKey, Row]
    unseen: Mapping[IdentityKey, Kind]
    policies: Policies
    decision: Decision = field(default_factory=Decision)
    lost: set[int] = field(default_factory=set)  # existing rows that are gone, and stay gone
    restored: set[int] = field(default_factory=set)  # existing rows that are gone, and are inserted again

    def decide_rows(self) -> None:
        """Decide about everything but relationships."""
        for key, row in self.rows.items():
            if row.was_here:
                self.unflushed(key, row)
        self.find_lost_rows()
        self.decision.new = [*self.changes.new, *sorted(self.restored)]
        elsewhere = decided_elsewhere(self.edits, self.changes)
        for token, columns in self.changes.columns.items():
            if self.is_there(token) and token not in self.changes.orphans:
                for name, (base, mine) in columns.values.items():
                    if (token, name) not in elsewhere:
                        self.column(token, name, base, mine)

    # rows

    def row(self, token: int) -> Row | None:
        """Return theirs; None for a new row and for one that is gone."""
        return row_of(self.edits, self.rows, token)

    def is_there(self, token: int) -> bool:
        """Return True if the row can be updated: neither new, nor gone, nor to be deleted."""
        return self.row(token) is not None and token not in self.lost

    def can_be_written(self, token: int) -> bool:
        """Return True if the relationships of the row can be set: it is there, or will be inserted."""
        return self.is_there(token) or token in self.restored or self.edits.node(token).key is None

    def find_lost_rows(self) -> None:
        """Find the rows that somebody deleted, or deleted and inserted again, while I changed them."""
        linked = (token for token, _ in [*self.changes.references, *self.changes.elements])
        here, orphans, rows, node_of = self.edits.here, self.changes.orphans, self.rows, self.edits.node
        for token in dict.fromkeys([*self.edits.roots, *self.changes.columns, *linked]):
            node = node_of(token)
            key = node.key
            if key is None or token in here or token in orphans:
                continue
            row = rows.get(key)
            if row is None:
                self.lost_row(token, node, self.unseen.get(key, Kind.ROW_DELETED), MISSING)
            elif node.version is not None and is_recreated(shape_of(node.class_), node, row):
                self.lost_row(token, node, Kind.ROW_RECREATED, dict(row.values))

    def lost_row(self, token: int, node: Node, kind: Kind, theirs: Any) -> None:
        """Decide about a row that is not the one I changed any more."""
        columns = self.changes.columns.get(token)
        changed = columns.values if columns else {}
        mine = {name: value for name, (_, value) in changed.items()}
        base = {name: value for name, (value, _) in changed.items()}
        conflict = Conflict(key_of(node), "", base, mine, theirs, kind)
        kept = len(self.decision.conflicts)
        answer = self.decision.resolve(self.policies, conflict)
        if len(self.decision.conflicts) > kept:
            return
        check_side(conflict, answer)
        if answer is not conflict.mine:
            self.lost.add(token)
        elif kind is Kind.ROW_DELETED:
            self.restored.add(token)
        elif theirs is MISSING:
            self.decision.conflicts.append(conflict)  # it cannot be written, whoever is preferred

    # columns

    def unflushed(self, key: IdentityKey, row: Row) -> None:
        """Compare what the Session holds unflushed with the row: it was made on the base that was loaded then."""
        state: InstanceState[Any] = inspect(row.instance)
        shape = shape_of(state.class_)
        for name, base in state.committed_state.items():
            if name not in row.values or name not in state.dict or isinstance(base, LoaderCallableStatus):
                continue  # set while it was expired: the Session never knew another value
            mine, theirs, same = state.dict[name], row.values[name], comparison(shape.columns[name].type)
            if is_conflict(base, mine, theirs, same):
                conflict = Conflict((state.class_, *key[1:]), name, base, mine, theirs)
                answer = self.decision.resolve(self.policies, conflict)
                if answer is not MISSING:
                    check_type(shape, name, answer)
                    self.decision.unflushed[key, name] = answer

    def column(self, token: int, name: str, base: Any, mine: Any) -> None:
        """Decide about one column that I changed."""
        node, row = self.edits.node(token), self.row(token)
        assert row is not None  # is_there() was asked
        shape = shape_of(node.class_)
        same = comparison(shape.columns[name].type)
        theirs = self.theirs(row, name)
        if name == shape.version:
            self.decision.columns[token, name] = (theirs, next_version(base, mine, theirs))
            return
        if same(mine, theirs):
            return
        if is_conflict(base, mine, theirs, same):
            conflict = Conflict(key_of(node), name, base, mine, theirs)
            mine = self.decision.resolve(self.policies, conflict)
            if mine is MISSING or same(mine, theirs):
                return
            check_type(shape, name, mine)
        self.decision.columns[token, name] = (theirs, mine)

    def theirs(self, row: Row, name: str) -> Any:
        """Return the value in the database; where the Session holds an unflushed change of it, that."""
        if row.was_here:
            state: InstanceState[Any] = inspect(row.instance)
            if (state.key, name) in self.decision.unflushed:
                return self.decision.unflushed[state.key, name]  # type: ignore[index]  # a persistent row has a key
            base, held = state.committed_state.get(name, MISSING), state.dict.get(name, MISSING)
            same = comparison(shape_of(state.class_).columns[name].type)
            if base is not MISSING and held is not MISSING and not same(base, held):
                return held
        return row.values.get(name, MISSING)


def next_version(base: Any, mine: Any, theirs: Any) -> Any:
    """Return a version that the program gave on top of theirs: the same step of a number, or the new value."""
    if all(isinstance(value, int) for value in (base, mine, theirs)):
        return theirs + mine - base
    return mine


def decided_elsewhere(edits: Edits, changes: Changes) -> set[tuple[int, str]]:
    """Return the columns that a changed relationship writes, by token and attribute.

    A foreign key: as in a flush of SQLAlchemy's, the relationship goes before a value that was set by hand. And
    the position of each element of an ``ordering_list``.
    """
    found: set[tuple[int, str]] = set()
    for reference in changes.references.values():
        found.update((reference.child, name) for name in reference.columns)
    for (owner, name), elements in changes.elements.items():
        shape = shape_of(edits.node(owner).class_)
        position = position_attribute(shape, name)
        if position is not None:
            found.update((token, position) for token in elements.mine.tokens)
        if elements.relation.direction == "ONETOMANY":
            columns = foreign_key(shape, name)
            found.update((token, c) for token in (*elements.added, *elements.removed) for c in columns)
    return found
