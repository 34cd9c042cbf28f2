"""What the collections that will change hold now, and the conflicts that only this shows.

Two rows under one key of a dictionary, two rows in a one-to-one relationship, two orders of one list.
Writes nothing: ``writing`` puts into the instances what was read here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect, select, tuple_
from sqlalchemy.orm import RelationshipProperty, Session, aliased

from tether.carry.conflicts import Conflict, Kind, Policies
from tether.carry.decision import Decision, Place, key_of, row_of
from tether.carry.edits import Changes, Edits
from tether.carry.graph import IdentityKey
from tether.carry.merge import MISSING, merge_ordered
from tether.carry.reading import ROWS_PER_STATEMENT, Row, chunks
from tether.carry.shape import Shape, position_attribute, shape_of
from tether.orm import private, private_states


class Contents(dict[Place, list[Any]]):
    """Owner's token and relationship -> the instances in it, in order.

    Attributes:
        positions: What an ``ordering_list`` wrote in the database, of elements that may have been in the Session
            before: instance, attribute, value.
        singles: What one-to-one relationships hold whose other side is to be set: instance, attribute, instances.
    """

    def __init__(self) -> None:
        super().__init__()
        self.positions: list[tuple[Any, str, Any]] = []
        self.singles: list[tuple[Any, str, list[Any]]] = []


def read_contents(
    session: Session, edits: Edits, rows: Mapping[IdentityKey, Row], decision: Decision
) -> Contents:
    """Return what stands in each collection that will change, one SELECT per relationship and 1,000 owners.

    Where the Session's own unflushed change of a collection waits, it is that. A new row's are empty.
    """
    contents = Contents()
    wanted: dict[tuple[Shape, str], dict[int, Any]] = defaultdict(dict)
    inserted = set(decision.new)
    for token, name in decision.collections:
        row = row_of(edits, rows, token)
        owner = edits.here.get(token) or (None if row is None else row.instance)
        if token in inserted or owner is None:
            contents[token, name] = []
        elif name in inspect(owner).committed_state:
            contents[token, name] = held(owner, name)
        else:
            wanted[shape_of(type(owner)), name][token] = owner
    with session.no_autoflush:
        for (shape, name), owners in wanted.items():
            for chunk in chunks(list(owners), ROWS_PER_STATEMENT):
                found = select_elements(session, shape, name, [owners[token] for token in chunk], contents)
                contents.update(
                    {(token, name): elements for token, elements in zip(chunk, found, strict=True)}
                )
    return contents


def held(owner: Any, name: str) -> list[Any]:
    """Return what a loaded relationship of an instance holds."""
    value = inspect(owner).dict.get(name)
    if private.is_collection(value):
        return private.elements(value)
    return [] if value is None else [value]


def select_elements(
    session: Session, shape: Shape, name: str, owners: Sequence[Any], contents: Contents
) -> list[list[Any]]:
    """Return what the database holds in one relationship of many instances, with one SELECT.

    Positions are added to *contents*: instances that are in the Session keep older ones.
    """
    prop: RelationshipProperty[Any] = shape.mapper.relationships[name]
    owner: Any = aliased(shape.class_)
    keys = [getattr(owner, key) for key in shape.primary_key]
    position = position_attribute(shape, name)
    more = [] if position is None else [getattr(prop.mapper.class_, position)]
    statement = select(*keys, *more, prop.mapper.class_).select_from(owner).join(getattr(owner, name))
    statement = statement.where(is_one_of_alias(keys, owners)).order_by(*(prop.order_by or ()))
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for *values, element in session.execute(private_states.without_eager_loads(statement)):
        found[tuple(values[: len(keys)])].append(element)
        if position is not None:
            contents.positions.append((element, position, values[-1]))
    return [found.get(inspect(instance).key[1], []) for instance in owners]


def is_one_of_alias(keys: list[Any], owners: Sequence[Any]) -> Any:
    """Return the SQL condition that a row is one of these instances'."""
    identities = [inspect(instance).key[1] for instance in owners]
    if len(keys) == 1:
        return keys[0].in_([identity[0] for identity in identities])
    return tuple_(*keys).in_(identities)


@dataclass(slots=True)
class ContentsDecider:
    """Decides what needs the contents of a collection, and corrects the decision."""

    edits: Edits
    changes: Changes
    rows: Mapping[IdentityKey, Row]
    decision: Decision
    contents: Contents
    policies: Policies

    def decide(self) -> None:
        """Look at each collection that will change."""
        for place in self.decision.collections:
            relation = shape_of(self.edits.node(place[0]).class_).relations[place[1]]
            if relation.kind == "one":
                self.one(place)
            elif relation.kind == "dict":
                self.dictionary(place)
        for place in list(self.decision.ordered):
            self.order(place)

    def name_of(self, token: int) -> Any:
        """Return what stands for a row: its identity key, or its token if it has none."""
        return self.edits.node(token).key or ("new", token)

    def removed(self, place: Place) -> set[Any]:
        """Return the names of what I remove from a collection."""
        return {self.name_of(token) for token in self.decision.removed.get(place, ())}

    def one(self, place: Place) -> None:
        """Look at a one-to-one relationship: another row that came there meanwhile is a conflict."""
        gone, added = self.removed(place), self.decision.added.get(place, [])
        mine = self.name_of(added[0]) if added else None
        there = [name for name in map(name_of, self.contents[place]) if name not in gone and name != mine]
        if there:
            removed = self.decision.removed.get(place, [])
            base = key_or_new(self.edits, removed[0]) if removed else None
            own = key_or_new(self.edits, added[0]) if added else None
            self.ask(place, base, own, shown(there[0]), Kind.CHANGED, [*added, *removed])

    def dictionary(self, place: Place) -> None:
        """Look at a dictionary: another row under the key of mine is a conflict."""
        gone, owner = self.removed(place), place[0]
        link = self.edits.mine.nodes[owner].links[place[1]]
        keys = dict(zip(link.tokens, link.keys, strict=True))
        keyfunc = empty_collection(shape_of(self.edits.node(owner).class_), place[1]).keyfunc
        there = {keyfunc(element): name_of(element) for element in self.contents[place]}
        for token in list(self.decision.added.get(place, ())):
            other = there.get(keys.get(token, MISSING))
            if other is not None and other not in gone and other != self.name_of(token):
                self.ask(place, MISSING, key_or_new(self.edits, token), shown(other), Kind.UNIQUE, [token])

    def order(self, place: Place) -> None:
        """Merge the orders of a list."""
        elements = self.changes.elements[place]
        base, mine = ([self.name_of(t) for t in side.tokens] for side in (elements.base, elements.mine))
        there = [name_of(instance) for instance in self.contents[place]]
        allowed = {*there, *(self.name_of(t) for t in self.decision.added.get(place, ()))}
        theirs, gone = there, self.removed(place)
        merged = merge_ordered(base, mine, theirs)
        if merged.disordered:
            conflict = self.conflict(place, tuple(base), tuple(mine), tuple(theirs), Kind.ORDER)
            if self.decision.is_mine(self.policies, conflict):
                theirs = [x for x in base if x in theirs] + [x for x in theirs if x not in base]
                merged = merge_ordered(base, mine, theirs)
        order = [x for x in merged.elements if x in allowed and x not in gone]
        order += [x for x in there if x not in set(order) and x not in gone]
        if order == there:
            del self.decision.ordered[place]
        else:
            self.decision.ordered[place] = order

    def conflict(self, place: Place, base: Any, mine: Any, theirs: Any, kind: Kind) -> Conflict:
        """Return a conflict about a collection."""
        return Conflict(key_of(self.edits.node(place[0])), place[1], base, mine, theirs, kind)

    def ask(self, place: Place, base: Any, mine: Any, theirs: Any, kind: Kind, tokens: list[int]) -> None:
        """Ask whose element is to stand where two do; leave mine out if it is theirs."""
        if not self.decision.is_mine(self.policies, self.conflict(place, base, mine, theirs, kind)):
            refuse(self.decision, tokens)


def refuse(decision: Decision, tokens: Sequence[int]) -> None:
    """Leave elements out: they are not inserted, with all that would be put below them, and stay where they are."""
    refused: set[int] = set()
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        refused.add(token)
        if token in decision.new:
            decision.new.remove(token)
            for (owner, _), below in decision.added.items():
                waiting += [t for t in below if owner == token and t in decision.new and t not in refused]
    for place in [place for place in decision.references if place[0] in refused]:
        del decision.references[place]
    for where in (decision.added, decision.removed):
        for place in [
            place for place in where if place[0] in refused or not refused.isdisjoint(where[place])
        ]:
            where[place] = [t for t in where[place] if t not in refused and place[0] not in refused]
            if not where[place]:
                del where[place]


def empty_collection(shape: Shape, name: str) -> Any:
    """Return an empty collection of a relationship's class; for a dictionary it knows the key of an element."""
    return (shape.mapper.relationships[name].collection_class or list)()


def name_of(instance: Any) -> Any:
    """Return the identity key of an element; for one that has no row yet, a number."""
    return inspect(instance).key or ("pending", id(instance), instance.__class__)


def shown(name: Any) -> Any:
    """Return a name as a conflict shows it: a row that is not inserted yet has its class and no primary key."""
    return (name[2], (), None) if name[0] == "pending" else name


def key_or_new(edits: Edits, token: int) -> Any:
    """Return the identity key of a row of mine; one that is not inserted yet has its class and no primary key."""
    node = edits.node(token)
    return node.key or (node.class_, (), None)
