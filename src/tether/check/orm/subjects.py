"""Which instances and Sessions a value is about, and what is sure of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from tether.check.abstract.state import State
from tether.check.abstract.things import (
    DETACHED,
    EXPIRED,
    LINGERING,
    LOADED,
    OPEN,
    PENDING,
    PERSISTENT,
    UNSURE,
    Collection,
    Facts,
    Frame,
    Instance,
    Object,
    Session,
    surely,
)
from tether.check.abstract.values import Attribute, Constant, Ref, RowKey, Value, literal, number_in
from tether.check.orm.mapped import Mapped

T = TypeVar("T")
ATTACHED = frozenset({PENDING, PERSISTENT})
CALLERS = "caller's"  # flag of an instance that the caller of the function gave


def is_elsewhere(instance: Instance, target: int, session: Session | None, other: Session | None) -> bool:
    """Return whether an instance that is given to one Session (*other*) surely is in another, which is open.

    Or which only the garbage collector ends, and the program cannot know when.
    """
    if session is None or other is None or instance.session in (-1, target) or session.escaped:
        return False
    if session.owner == other.owner == "ambient":  # two names of what a program has once, nearly always
        return False
    lingers = LINGERING in instance.flags and instance.states == {PERSISTENT, DETACHED}
    if not lingers and (not instance.states <= ATTACHED or not surely(session.life, OPEN)):
        return False
    return all(held.owner in ("own", "ambient") and held.sure for held in (session, other))


def is_foreign(state: State, instance: Instance, sessions: list[int]) -> bool:
    """Return whether an instance that the caller gave cannot be in any of these Sessions: they were made since."""
    if CALLERS not in instance.flags or "escaped" in instance.flags or instance.session != -1:
        return False
    return surely(instance.states, UNSURE) and all(is_new_and_empty(state, number) for number in sessions)


def receivers(functions: Value) -> list[int]:
    """Return the numbers of what methods are called on; -1 for what is no such method."""
    return [getattr(getattr(atom, "receiver", None), "id", -1) for atom in functions]


def is_new_and_empty(state: State, number: int) -> bool:
    """Return whether a Session was made in what is looked at, nothing was added to it, and nothing keeps it."""
    session = state.get(number, Session)
    if (
        session is None
        or session.made is None
        or session.owner != "own"
        or not session.sure
        or number in state.base
    ):
        return False
    return not (session.work or session.joined or is_kept(state, number))


def is_kept(state: State, number: int) -> bool:
    """Return whether a global or an object has a thing: then it may have been there before."""
    for thing in {**state.base, **state.things}.values():
        values = thing.fields.values() if isinstance(thing, Object) else ()
        if isinstance(thing, Frame) and thing.body == -1:
            values = thing.variables.values()
        if any(Ref(number) in value for value in values):
            return True
    return False


def is_row(instance: Instance) -> bool:
    """Return whether an instance surely stands for a row."""
    return bool(instance.states) and instance.states <= {PERSISTENT, DETACHED}


def is_key(value: Value) -> bool:
    """Return whether a value surely is one key: a literal, or that of a row."""
    return len(value) == 1 and all(
        isinstance(atom, RowKey) or (isinstance(atom, Constant) and atom.value not in (None, ...))
        for atom in value
    )


def keys_kept(mapping: Mapped | None, instance: Instance) -> dict[str, Value]:
    """Return the primary key, which an instance keeps when it is expired."""
    names = mapping.primary_key() if mapping else ()
    return {name: instance.held[name] for name in names if name in instance.held}


def after_insert(mapping: Mapped | None, instance: Instance) -> dict[str, Any]:
    """Return what an INSERT makes of a pending instance: what was not set and the database computes is unloaded."""
    attributes: dict[str, Facts] = dict(instance.attributes)
    for name in mapping.computed_on_insert(instance.attributes) if mapping else ():
        attributes[name] = frozenset({LOADED, UNSURE})  # a database with RETURNING gives it at once
    return {
        "states": frozenset({PERSISTENT}),
        "columns": frozenset({LOADED}),
        "attributes": attributes,
        "fresh": True,
        "changed": {},
    }


def after_update(mapping: Mapped | None, instance: Instance, *, sure: bool) -> dict[str, Facts]:
    """Return what is loaded of a changed instance after a flush: not what the database computed in the UPDATE."""
    attributes: dict[str, Facts] = dict(instance.attributes)
    if mapping is None or not instance.touched or mapping.fetches_what_is_computed():
        return attributes
    certain = sure and surely(instance.states, PERSISTENT)
    for name in mapping.computed_on_update({*instance.changed, *instance.held}):
        attributes[name] = frozenset({EXPIRED}) if certain else frozenset({EXPIRED, LOADED})
    return attributes


def columns_after_update(instance: Instance) -> Facts:
    """Return what is loaded of a changed row's columns after a flush: an UPDATE may load first what had expired."""
    return instance.columns | {UNSURE} if EXPIRED in instance.columns else instance.columns


def instances_in(state: State, value: Value, depth: int = 3) -> Iterator[tuple[int, Instance]]:
    """Yield the instances a value is or holds: in collections, and in collections of those."""
    return things_in(state, value, Instance, depth)


def sessions_in(state: State, value: Value, depth: int = 2) -> Iterator[tuple[int, Session]]:
    """Yield the Sessions a value is or holds."""
    return things_in(state, value, Session, depth)


def things_in(state: State, value: Value, kind: type[T], depth: int) -> Iterator[tuple[int, T]]:
    """Yield number and thing of each thing of one kind that a value is or holds, *depth* collections down."""
    for atom in value:
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        if isinstance(thing, kind):
            yield number_in(atom), thing
        elif isinstance(thing, Collection) and depth:
            yield from things_in(state, thing.element, kind, depth - 1)


def attribute_names(state: State, value: Value) -> frozenset[str]:
    """Return the literal names in a list of attribute names; empty if one of them is not known."""
    names: set[str] = set()
    for atom in value:
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        if not isinstance(thing, Collection):
            return frozenset()
        for held in thing.items.values() if thing.items else [thing.element]:
            name = literal(held)
            attribute = next(iter(held), None)
            if not isinstance(name, str):
                name = attribute.name if isinstance(attribute, Attribute) else None
            if not isinstance(name, str):
                return frozenset()
            names.add(name)
    return frozenset(names)
