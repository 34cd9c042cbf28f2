"""What was decided, done to persistent instances. The flush that follows writes it.

Values are set as a program sets them, so that events, validators and back references run. If one of
them raises, everything is put back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState, LoaderCallableStatus, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.collections import collection_adapter

from tether.carry.contents import Contents, name_of
from tether.carry.decision import Place
from tether.carry.edits import comparison
from tether.carry.frozen import plain
from tether.carry.merge import MISSING
from tether.carry.preparing import Prepared
from tether.carry.reading import Row
from tether.carry.shape import Shape, shape_of
from tether.carry.undoing import Memory


class Writer:
    """Does it.

    Args:
        session: The Session of the rows.
        prepared: What was decided.
        memory: Keeps what the Session held.
    """

    def __init__(self, session: Session, prepared: Prepared, memory: Memory) -> None:
        self.session, self.prepared, self.memory = session, prepared, memory
        self.edits, self.rows, self.decision = prepared.edits, prepared.rows, prepared.decision
        self.new: dict[int, Any] = {}

    def write(self) -> list[Any]:
        """Return the persistent instance of each root; None where its row is gone."""
        decision = self.decision
        self.memory.keep(row.instance for row in self.rows.values() if row.was_here)
        self.memory.keep(self.edits.here.values())
        for elements in self.prepared.contents.values():
            self.memory.keep(elements)
        with self.session.no_autoflush:
            for row in self.rows.values():
                if row.was_here:
                    freshen(row)
            for (key, name), value in decision.unflushed.items():
                set_column(self.rows[key].instance, name, value)
            for token in decision.new:
                self.create(token)
            freshen_positions(self.prepared.contents)
            for place, elements in self.prepared.contents.items():
                self.fill(place, elements)
            for owner, name, elements in self.prepared.contents.singles:
                self.fill_single(owner, name, elements)
            for (token, name), (_, value) in decision.columns.items():
                set_column(self.instance(token), name, value)
            # Collections first: a back reference would push their element out of a one-to-one relationship.
            for place in decision.collections:
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
        instance, wanted = self.instance(token), None if target is None else self.instance(target)
        if inspect(instance).dict.get(name, MISSING) is not wanted:
            setattr(instance, name, wanted)

    def create(self, token: int) -> None:
        """Make an instance for a row to insert; like ``merge()``, without calling its ``__init__``."""
        node = self.edits.node(token)
        shape = shape_of(node.class_)
        instance = self.new[token] = shape.mapper.class_manager.new_instance()
        for name, value in node.values.items():
            if not shape.columns[name].computed and not (name == shape.version and node.key is not None):
                setattr(instance, name, plain(value))

    # collections

    def fill(self, place: Place, elements: list[Any]) -> None:
        """Let a relationship that will change hold what the database holds; an unflushed change of it stays."""
        owner, name = self.instance(place[0]), place[1]
        if place[0] in self.new or name in inspect(owner).committed_state:
            return
        self.memory.keep([owner])
        set_elements(owner, name, elements)

    def fill_single(self, owner: Any, name: str, elements: list[Any]) -> None:
        """Let a one-to-one relationship hold what the database holds: SQLAlchemy would load each by itself."""
        if name not in inspect(owner).committed_state:
            self.memory.keep([owner, *elements])
            set_elements(owner, name, elements)

    def change_collection(self, place: Place) -> None:
        """Do to one collection what was decided."""
        token, name = place
        owner = self.instance(token)
        removed = [self.instance(t) for t in self.decision.removed.get(place, ())]
        added = [self.instance(t) for t in self.decision.added.get(place, ())]
        if shape_of(type(owner)).relations[name].kind == "one":
            setattr(owner, name, added[0] if added else None)
        elif place in self.decision.ordered:
            self.put_in_order(place, owner, removed, added)
        else:
            change_elements(owner, name, removed, added)

    def put_in_order(self, place: Place, owner: Any, removed: list[Any], added: list[Any]) -> None:
        """Give a list the merged order, and its elements their positions."""
        instances = {name_of(x): x for x in getattr(owner, place[1]) if x not in removed}
        for token, instance in zip(self.decision.added.get(place, ()), added, strict=True):
            instances[self.edits.node(token).key or ("new", token)] = instance
        setattr(owner, place[1], [instances[name] for name in self.decision.ordered[place]])
        getattr(owner, place[1]).reorder()


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


def freshen_positions(contents: Contents) -> None:
    """Give the elements of ordered lists the positions in the database: those of the Session may be older."""
    for element, name, value in contents.positions:
        freshen(Row(element, {name: value}, True))


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


def set_elements(owner: Any, name: str, elements: list[Any]) -> None:
    """Let a relationship hold what the database holds."""
    if shape_of(type(owner)).relations[name].kind == "one":
        set_committed_value(owner, name, elements[0] if elements else None)
    else:
        set_committed_value(owner, name, elements)


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
