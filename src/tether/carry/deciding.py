"""Base, mine and theirs of whole rows: what is to be written, and what is in conflict. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.ext.orderinglist import OrderingList
from sqlalchemy.orm import InstanceState, LoaderCallableStatus

from tether.carry.conflicts import Conflict, ConflictError, Kind, Policies
from tether.carry.edits import Changes, Edits, Elements, Reference, comparison, foreign_key
from tether.carry.graph import IdentityKey, Node
from tether.carry.merge import MISSING, is_conflict
from tether.carry.reading import Row
from tether.carry.shape import Shape, shape_of

Pairs = frozenset[tuple[IdentityKey, IdentityKey]]
_NUMBERS = (int, float, Decimal)  # a column of any of them takes an int


@dataclass(slots=True)
class Decision:
    """What is to be written.

    Attributes:
        columns: (token, attribute) -> (value in the database, value to write).
        references: (token, many-to-one relationship) -> token of the row it should hold, or None.
        added: (owner's token, relationship) -> tokens to add.
        removed: (owner's token, relationship) -> tokens to remove.
        ordered: (owner's token, relationship) -> all tokens of mine, where I changed the order that is kept.
        new: Tokens of rows to insert.
        deleted: Tokens of rows that the mapping deletes, because they lose their parent.
        unflushed: (identity key, attribute) -> what the Session's own unflushed change becomes, where the row
            has changed below it.
        conflicts: Those that no policy decided.
    """

    columns: dict[tuple[int, str], tuple[Any, Any]] = field(default_factory=dict)
    references: dict[tuple[int, str], int | None] = field(default_factory=dict)
    added: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    removed: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    ordered: dict[tuple[int, str], Elements] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    unflushed: dict[tuple[IdentityKey, str], Any] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(slots=True)
class Decider:
    """Takes the decisions.

    Args:
        edits: Base and mine.
        changes: What differs between them.
        rows: Theirs, of every row that a change touches.
        pairs: What the association tables hold, by owner's token and relationship.
        policies: What to do about conflicts.
    """

    edits: Edits
    changes: Changes
    rows: Mapping[IdentityKey, Row]
    pairs: Mapping[tuple[int, str], Pairs]
    policies: Policies
    decision: Decision = field(default_factory=Decision)
    lost: set[int] = field(default_factory=set)  # existing rows that are gone, and stay gone
    restored: set[int] = field(default_factory=set)  # existing rows that are gone, and are inserted again
    keys_decided: dict[tuple[int, frozenset[str]], bool] = field(default_factory=dict)

    def decide(self) -> Decision:
        """Return what is to be written."""
        for key, row in self.rows.items():
            if row.was_here:
                self.unflushed(key, row)
        self.find_lost_rows()
        self.decision.new = [*self.changes.new, *sorted(self.restored)]
        for token, columns in self.changes.columns.items():
            if self.is_there(token):
                for name, (base, mine) in columns.values.items():
                    self.column(token, name, base, mine)
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
        return self.decision

    # rows

    def row(self, token: int) -> Row | None:
        """Return theirs; None for a new row and for one that is gone."""
        key = self.edits.node(token).key
        return None if key is None else self.rows.get(key)

    def is_there(self, token: int) -> bool:
        """Return True if the row can be updated: neither new, nor gone, nor to be deleted."""
        return self.row(token) is not None and token not in self.lost

    def can_be_written(self, token: int) -> bool:
        """Return True if the relationships of the row can be set: it is there, or will be inserted."""
        return self.is_there(token) or self.edits.node(token).key is None

    def find_lost_rows(self) -> None:
        """Find the rows that somebody deleted, or deleted and inserted again, while I changed them."""
        changed = dict.fromkeys(
            [
                *self.edits.roots,
                *self.changes.columns,
                *(token for token, _ in [*self.changes.references, *self.changes.elements]),
            ]
        )
        for token in changed:
            if token in self.edits.here or token in self.changes.orphans:
                continue
            node, row = self.edits.node(token), self.row(token)
            if node.key is None:
                continue
            if row is None:
                self.lost_row(token, node, Kind.ROW_DELETED, MISSING)
            elif is_recreated(shape_of(node.class_), node, row):
                self.lost_row(token, node, Kind.ROW_RECREATED, dict(row.values))

    def lost_row(self, token: int, node: Node, kind: Kind, theirs: Any) -> None:
        """Decide about a row that is not the one I changed any more."""
        assert node.key is not None  # a row that was there once
        mine = {name: value for name, (_, value) in self.columns_of(token).items()}
        base = {name: value for name, (value, _) in self.columns_of(token).items()}
        conflict = Conflict((node.class_, *node.key[1:]), "", base, mine, theirs, kind)
        answer = self.resolve(conflict)
        if answer is conflict.mine and kind is Kind.ROW_DELETED:
            self.restored.add(token)
        elif answer is conflict.theirs:
            self.lost.add(token)

    def columns_of(self, token: int) -> dict[str, tuple[Any, Any]]:
        """Return the columns of a row that I changed: name -> (base, mine)."""
        columns = self.changes.columns.get(token)
        return columns.values if columns else {}

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
                answer = self.resolve(Conflict((state.class_, *key[1:]), name, base, mine, theirs))
                if answer is not MISSING:
                    check_type(shape, name, answer)
                    self.decision.unflushed[key, name] = answer

    def column(self, token: int, name: str, base: Any, mine: Any) -> None:
        """Decide about one column that I changed."""
        node, row = self.edits.node(token), self.row(token)
        assert row is not None  # is_there() was asked
        shape = shape_of(node.class_)
        if name in self.positions(token) or token in self.changes.orphans:
            return
        same = comparison(shape.columns[name].type)
        theirs = self.theirs(row, name)
        if same(mine, theirs):
            return
        if is_conflict(base, mine, theirs, same):
            conflict = self.conflict(node, name, base, mine, theirs)
            mine = self.resolve(conflict)
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

    def positions(self, token: int) -> set[str]:
        """Return the column attributes of a row that an ``ordering_list`` writes."""
        return {
            attribute
            for (owner, name), elements in self.changes.elements.items()
            if token in elements.mine.tokens
            and (attribute := position_attribute(shape_of(self.edits.node(owner).class_), name)) is not None
        }

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
            return node.key is None  # a new row refers to whatever it likes; a lost one to nothing
        before = tuple(reference.before[name] for name in reference.columns)
        theirs = tuple(self.theirs(row, name) for name in reference.columns)
        mine = self.referred(reference)
        if mine in {theirs, before}:
            return False  # no change, or the same: another copy of the row it refers to already
        if before == theirs:
            return True
        name = reference_name(self.edits, reference)
        conflict = self.conflict(node, name, _one(before), _one(mine), _one(theirs))
        answer = self.resolve(conflict)
        if answer is not conflict.mine and answer is not conflict.theirs and answer is not MISSING:
            raise TypeError(
                f"on_conflict returned {answer!r} for the relationship {conflict.identity_key[0].__name__}."
                f"{name}: return conflict.mine or conflict.theirs"
            )
        return answer is conflict.mine

    def referred(self, reference: Reference) -> tuple[Any, ...]:
        """Return the values the foreign key will have; MISSING for a row whose key is not known yet."""
        if reference.target is None:
            return tuple(None for _ in reference.columns)
        target = self.edits.node(reference.target)
        values = values_of(target, self.edits)
        return tuple(values.get(name, MISSING) for name in reference.columns.values())

    def may_refer(self, place: tuple[int, str], target: int | None) -> bool:
        """Return False if the row to refer to is gone, after somebody decided about it."""
        if target is None or target in self.edits.here or target in self.restored:
            return True
        node = self.edits.node(target)
        if node.key is None or node.key in self.rows:
            return True
        conflict = Conflict(
            self.key_of(self.edits.node(place[0])), place[1], MISSING, node.key, MISSING, Kind.REFERENCE
        )
        if self.resolve(conflict) is conflict.mine:
            self.decision.conflicts.append(conflict)  # nobody can refer to a row that is not there
        return False

    # collections

    def elements(self, place: tuple[int, str], elements: Elements) -> None:
        """Decide about each element that I added or removed."""
        is_mine = self.is_associated if elements.relation.direction == "MANYTOMANY" else self.is_parent
        added = [t for t in elements.added if self.may_refer(place, t) and is_mine(place, t, True)]
        removed = [t for t in elements.removed if t in self.rows_there and is_mine(place, t, False)]
        if added:
            self.decision.added[place] = added
        if removed:
            self.decision.removed[place] = removed
        if position_attribute(shape_of(self.edits.node(place[0]).class_), place[1]) is not None:
            self.decision.ordered[place] = elements

    @property
    def rows_there(self) -> set[int]:
        """Tokens of the rows that exist."""
        return {
            node.token for node in self.edits.base if node.key in self.rows or node.token in self.edits.here
        }

    def is_associated(self, place: tuple[int, str], token: int, adding: bool) -> bool:
        """Return True if a row of the association table is to be inserted or deleted."""
        node, owner = self.edits.node(token), self.edits.node(place[0])
        if node.key is None:
            return adding
        if owner.key is None:
            return adding
        return ((owner.key, node.key) in self.pairs.get(place, ())) != adding

    def is_parent(self, place: tuple[int, str], token: int, adding: bool) -> bool:
        """Return True if the foreign key of an element is to be changed."""
        if token in self.edits.here:
            return True
        if not adding and self.changes.orphans.get(token) == place:
            return self.delete_orphan(token)
        if not adding and self.has_new_parent(place, token):
            return True
        shape = shape_of(self.edits.node(place[0]).class_)
        columns = foreign_key(shape, place[1])
        before = self.edits.base.nodes[token].values if token in self.edits.base.nodes else {}
        reference = Reference(
            token,
            place,
            columns,
            {name: before.get(name, MISSING) for name in columns},
            place[0] if adding else None,
        )
        return self.foreign_key(reference)

    def has_new_parent(self, place: tuple[int, str], token: int) -> bool:
        """Return True if I put the element into the same collection of another row: that decides."""
        return any(
            other != place and other[1] == place[1] and token in elements.added
            for other, elements in self.changes.elements.items()
        )

    def delete_orphan(self, token: int) -> bool:
        """Return True if a row that lost its parent is to be deleted: not if somebody changed it meanwhile."""
        node, row = self.edits.base.nodes[token], self.row(token)
        if row is None:
            return False
        shape = shape_of(node.class_)
        changed = {
            name: (value, theirs)
            for name, value in node.values.items()
            if not shape.columns[name].computed
            and not comparison(shape.columns[name].type)(value, theirs := self.theirs(row, name))
            and theirs is not MISSING
        }
        if changed:
            base = {name: value for name, (value, _) in changed.items()}
            there = {name: theirs for name, (_, theirs) in changed.items()}
            key = self.key_of(node)
            conflict = Conflict(key, "", base, MISSING, there, Kind.REMOVED_BUT_CHANGED)
            if not self.is_resolved_as_mine(conflict):
                return False
        self.decision.deleted.append(token)
        return True

    def is_resolved_as_mine(self, conflict: Conflict) -> bool:
        """Return True if the policy takes my side; a conflict without policy is kept."""
        resolver = self.policies.resolver(conflict)
        if resolver is None:
            self.decision.conflicts.append(conflict)
            return False
        return resolver(conflict) is conflict.mine

    # conflicts

    def conflict(self, node: Node, name: str, base: Any, mine: Any, theirs: Any) -> Conflict:
        """Return a conflict about one attribute."""
        return Conflict(self.key_of(node), name, base, mine, theirs)

    def key_of(self, node: Node) -> IdentityKey:
        """Return a row's identity key with the class of the row in place of the root of its hierarchy."""
        return (node.class_, *node.key[1:]) if node.key is not None else (node.class_, (), None)

    def resolve(self, conflict: Conflict) -> Any:
        """Return the value to write; MISSING if nobody decided, and then the conflict is kept."""
        resolver = self.policies.resolver(conflict)
        if resolver is None:
            self.decision.conflicts.append(conflict)
            return MISSING
        return resolver(conflict)


def _one(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values


def reference_name(edits: Edits, reference: Reference) -> str:
    """Return the attribute of the row that holds the foreign key, by which people know it."""
    owner, name = reference.relation
    if owner == reference.child:
        return name
    back = shape_of(edits.node(owner).class_).relations[name].back
    return back[0] if back else next(iter(reference.columns), name)


def values_of(node: Node, edits: Edits) -> dict[str, Any]:
    """Return the column values of a row, with its primary key even where no column is loaded."""
    if node.token in edits.here:
        return dict(inspect(edits.here[node.token]).dict)
    known = dict(node.values)
    if node.key is not None:
        known |= dict(zip(shape_of(node.class_).primary_key, node.key[1], strict=True))
    return known


def is_recreated(shape: Shape, node: Node, row: Row) -> bool:
    """Return True if the row was deleted and inserted again: its version counts from the beginning."""
    now = None if shape.version is None else row.values.get(shape.version)
    return isinstance(now, int) and isinstance(node.version, int) and now < node.version


def position_attribute(shape: Shape, name: str) -> str | None:
    """Return the attribute that an ``ordering_list`` writes on each element; None for other collections."""
    collection_class = shape.mapper.relationships[name].collection_class
    if collection_class is None or isinstance(collection_class, type):
        return None
    sample: Any = collection_class()
    return str(sample.ordering_attr) if isinstance(sample, OrderingList) else None


def check_type(shape: Shape, name: str, value: Any) -> None:
    """Refuse what a conflict function returned if the column cannot hold it.

    Raises:
        TypeError: It is of another Python type than the column's.
    """
    if value is None:
        return
    try:
        expected = shape.columns[name].type.python_type
    except NotImplementedError:  # a type of the user's own that does not say
        return
    if isinstance(value, expected) or (isinstance(value, int) and issubclass(expected, _NUMBERS)):
        return
    raise TypeError(
        f"on_conflict returned a {type(value).__name__} for {shape.class_.__name__}.{name}, "
        f"which holds {expected.__name__}"
    )


def raise_if_conflicts(decision: Decision) -> None:
    """Raise what no policy decided."""
    if decision.conflicts:
        raise ConflictError(decision.conflicts)
