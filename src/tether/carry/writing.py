"""What was decided, done to persistent instances. The flush that follows writes it.

Values are set as a program sets them, so that events, validators and back references run. If one of
them raises, everything is put back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import inspect, tuple_
from sqlalchemy.orm import InstanceState, LoaderCallableStatus, RelationshipProperty, Session, aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.collections import collection_adapter

from tether.carry.conflicts import Conflict, ConflictError, Kind, Policies
from tether.carry.deciding import position_attribute
from tether.carry.edits import comparison
from tether.carry.frozen import plain
from tether.carry.merge import MISSING, merge_ordered
from tether.carry.preparing import Prepared
from tether.carry.reading import ROWS_PER_STATEMENT, Row, chunks
from tether.carry.shape import Shape, shape_of


class Writer:
    """Does it.

    Args:
        session: The Session of the rows.
        prepared: What was decided.
        policies: For the conflicts that show only in a loaded collection.
    """

    def __init__(self, session: Session, prepared: Prepared, policies: Policies) -> None:
        self.session = session
        self.edits, self.rows = prepared.edits, prepared.rows
        self.decision, self.policies = prepared.decision, policies
        self.new: dict[int, Any] = {}
        self.refused: set[int] = set()  # elements whose place another row has, and keeps

    def write(self) -> list[Any]:
        """Return the persistent instance of each root; None where its row is gone."""
        with self.session.no_autoflush:
            for row in self.rows.values():
                if row.was_here:
                    freshen(row)
            for (key, name), value in self.decision.unflushed.items():
                set_column(self.rows[key].instance, name, value)
            for token in self.decision.new:
                self.create(token)
            self.load_collections()
            for (token, name), (_, value) in self.decision.columns.items():
                set_column(self.instance(token), name, value)
            # Collections first: a back reference would push their element out of a one-to-one relationship.
            decision = self.decision
            for place in dict.fromkeys([*decision.removed, *decision.added, *decision.ordered]):
                if place[0] not in self.refused:
                    self.change_collection(place)
            for (token, name), target in decision.references.items():
                self.refer(token, name, target)
            self.session.add_all(self.new.values())
        return [self.instance(token) for token in self.edits.roots]

    def instance(self, token: int) -> Any:
        """Return the persistent or new instance of a row; None if it is gone."""
        if token in self.edits.here:
            return self.edits.here[token]
        if token in self.new:
            return self.new[token]
        key = self.edits.node(token).key
        row = None if key is None else self.rows.get(key)
        return None if row is None else row.instance

    def refer(self, token: int, name: str, target: int | None) -> None:
        """Set a many-to-one relationship."""
        if token in self.refused:
            return
        instance, wanted = self.instance(token), None if target is None else self.instance(target)
        if inspect(instance).dict.get(name, MISSING) is not wanted:
            setattr(instance, name, wanted)

    def create(self, token: int) -> None:
        """Make an instance for a row to insert; like ``merge()``, without calling its ``__init__``."""
        node = self.edits.mine.nodes[token]
        shape = shape_of(node.class_)
        instance = self.new[token] = shape.mapper.class_manager.new_instance()
        for name, value in node.values.items():
            if not shape.columns[name].computed and not (name == shape.version and node.key is not None):
                setattr(instance, name, plain(value))

    # collections

    def load_collections(self) -> None:
        """Load the collections that will change, one SELECT per relationship and 1,000 owners."""
        owners: dict[tuple[Shape, str], list[Any]] = defaultdict(list)
        decision = self.decision
        for token, name in dict.fromkeys([*decision.removed, *decision.added, *decision.ordered]):
            instance = self.instance(token)
            if token not in self.new and name not in inspect(instance).committed_state:
                owners[shape_of(type(instance)), name].append(instance)
        for (shape, name), instances in owners.items():
            for chunk in chunks(instances, ROWS_PER_STATEMENT):
                load_relationship(self.session, shape, name, chunk)

    def change_collection(self, place: tuple[int, str]) -> None:
        """Do to one collection what was decided."""
        token, name = place
        owner = self.instance(token)
        relation = shape_of(type(owner)).relations[name]
        removed = [self.instance(t) for t in self.decision.removed.get(place, ())]
        added = self.decision.added.get(place, [])
        if relation.kind == "one":
            self.change_scalar(owner, name, removed, added)
            return
        if relation.kind == "dict":
            added = [t for t in added if not self.is_taken(owner, name, removed, t)]
        elements = [self.instance(t) for t in added]
        if position_attribute(shape_of(type(owner)), name) is not None:
            self.change_ordered(place, owner, removed)
        else:
            change_elements(owner, name, removed, elements)

    def change_scalar(self, owner: Any, name: str, removed: list[Any], added: list[int]) -> None:
        """Set a one-to-one relationship; another row that came there meanwhile is a conflict."""
        now = getattr(owner, name)
        mine = self.instance(added[0]) if added else None
        if now is mine:
            return
        if now is not None and now not in removed:
            base = removed[0] if removed else None
            keys = [key_or_none(x) for x in (base, mine, now)]
            if not self.is_mine(owner, name, keys[0], keys[1], keys[2], Kind.CHANGED):
                self.refuse(added)
                return
        setattr(owner, name, mine)

    def is_taken(self, owner: Any, name: str, removed: list[Any], token: int) -> bool:
        """Return True if another element has the key in a dictionary, and keeps it."""
        element, held = self.instance(token), getattr(owner, name)
        key = held.keyfunc(element)
        there = held.get(key)
        if there is None or there is element or there in removed:
            return False
        if self.is_mine(owner, name, MISSING, key_or_none(element), key_or_none(there), Kind.UNIQUE):
            return False
        self.refuse([token])
        return True

    def refuse(self, tokens: list[int]) -> None:
        """Leave elements out: they are not inserted, and their foreign key stays."""
        self.refused.update(tokens)
        for token in tokens:
            if self.new.pop(token, None) is not None:
                for (owner, _), below in self.decision.added.items():
                    self.refuse([t for t in below if owner == token and t in self.new])

    def name_of(self, token: int) -> Any:
        """Return what stands for a row in an ordered list: its identity key, or the new instance's number."""
        return self.edits.node(token).key or name_in_list(self.instance(token))

    def change_ordered(self, place: tuple[int, str], owner: Any, removed: list[Any]) -> None:
        """Give a list the merged order, and its elements their positions."""
        name = place[1]
        elements = self.decision.ordered[place]
        there = list(getattr(owner, name))
        instances = {name_in_list(x): x for x in there}
        instances |= {
            name_in_list(self.instance(t)): self.instance(t) for t in self.decision.added.get(place, ())
        }
        base, mine = ([self.name_of(t) for t in side.tokens] for side in (elements.base, elements.mine))
        theirs = [name_in_list(x) for x in there]
        merged = merge_ordered(base, mine, theirs)
        if merged.disordered and self.is_mine(
            owner, name, tuple(base), tuple(mine), tuple(theirs), Kind.ORDER
        ):
            theirs = [x for x in base if x in theirs] + [x for x in theirs if x not in base]
            merged = merge_ordered(base, mine, theirs)
        gone = {name_in_list(x) for x in removed}
        order = [instances[x] for x in merged.elements if x in instances and x not in gone]
        order += [x for x in there if x not in order and name_in_list(x) not in gone]
        if order != there:
            setattr(owner, name, order)
            getattr(owner, name).reorder()

    def is_mine(self, owner: Any, name: str, base: Any, mine: Any, theirs: Any, kind: Kind) -> bool:
        """Ask what to do about a conflict that shows only now; True if mine is to be written."""
        state: InstanceState[Any] = inspect(owner)
        key = (type(owner), *state.key[1:]) if state.key else (type(owner), (), None)
        conflict = Conflict(key, name, base, mine, theirs, kind)
        resolver = self.policies.resolver(conflict)
        if resolver is None:
            raise ConflictError([conflict])
        return resolver(conflict) is conflict.mine


def name_in_list(instance: Any) -> Any:
    """Return the identity key of an element; for one that has no row yet, a number."""
    return None if instance is None else inspect(instance).key or id(instance)


def key_or_none(instance: Any) -> Any:
    """Return the identity key; a row that is not inserted yet has its class and no primary key."""
    if instance is None:
        return None
    return inspect(instance).key or (type(instance), (), None)


def set_column(instance: Any, name: str, value: Any) -> None:
    """Set a column attribute, and let a composite that is made of it be made again."""
    setattr(instance, name, plain(value))
    forget_composites(inspect(instance), name)


def forget_composites(state: InstanceState[Any], name: str) -> None:
    """Drop the composite objects that were made of a column."""
    for composite in shape_of(state.class_).composites.values():
        if name in composite.columns:
            state.dict.pop(composite.key, None)


def freshen(row: Row) -> None:
    """Give an instance that was in the Session the row's values, without touching its unflushed changes."""
    state: InstanceState[Any] = inspect(row.instance)
    shape = shape_of(state.class_)
    for name, value in row.values.items():
        held = state.dict.get(name, MISSING)
        if name in state.committed_state:
            rebase_column(state, name, value)
        elif held is MISSING or not comparison(shape.columns[name].type)(held, value):
            set_committed_value(row.instance, name, value)
            forget_composites(state, name)
            forget_links(state, shape, name)


def rebase_column(state: InstanceState[Any], name: str, value: Any) -> None:
    """Put an unflushed change on top of the row's value: it is written as a change of that."""
    same = comparison(shape_of(state.class_).columns[name].type)
    old = state.committed_state[name]
    if same(old, value) or name not in state.dict or isinstance(old, LoaderCallableStatus):
        return
    mine = state.dict[name]
    set_committed_value(state.obj(), name, value)
    if not same(mine, value) and not same(mine, old):
        setattr(state.obj(), name, mine)
    else:
        forget_composites(state, name)


def forget_links(state: InstanceState[Any], shape: Shape, name: str) -> None:
    """Expire the many-to-one relationships that a foreign key column decides, unless they were changed."""
    for prop in shape.mapper.relationships:
        if prop.direction.name == "MANYTOONE" and prop.key in state.dict:
            keys = {shape.mapper.get_property_by_column(c).key for c in prop.local_columns}
            if name in keys and prop.key not in state.committed_state and state.session is not None:
                state.session.expire(state.obj(), [prop.key])


def load_relationship(session: Session, shape: Shape, name: str, owners: Sequence[Any]) -> None:
    """Load one relationship of many instances with one SELECT, newly even where it was loaded."""
    prop: RelationshipProperty[Any] = shape.mapper.relationships[name]
    owner: Any = aliased(shape.class_)
    keys = [getattr(owner, key) for key in shape.primary_key]
    query: Any = session.query(*keys, prop.mapper.class_).enable_eagerloads(False)
    query = query.select_from(owner).join(getattr(owner, name))
    query = query.filter(is_one_of_alias(keys, owners)).order_by(*(prop.order_by or ()))
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for *primary_key, element in query:
        found[tuple(primary_key)].append(element)
    for instance in owners:
        elements = found.get(inspect(instance).key[1], [])
        if prop.uselist:
            set_committed_value(instance, name, elements)
        else:
            set_committed_value(instance, name, elements[0] if elements else None)


def is_one_of_alias(keys: list[Any], owners: Sequence[Any]) -> Any:
    """Return the SQL condition that a row is one of these instances'."""
    identities = [inspect(instance).key[1] for instance in owners]
    if len(keys) == 1:
        return keys[0].in_([identity[0] for identity in identities])
    return tuple_(*keys).in_(identities)


def change_elements(owner: Any, name: str, removed: list[Any], added: list[Any]) -> None:
    """Remove from and add to a list, a set or a dictionary; back references may have done so already."""
    adapter = collection_adapter(getattr(owner, name))
    held = {id(element) for element in adapter}
    for instance in removed:
        if id(instance) in held:
            adapter.remove_with_event(instance)
    for instance in added:
        if id(instance) not in held:
            adapter.append_with_event(instance)
