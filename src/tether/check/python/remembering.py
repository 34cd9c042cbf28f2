"""Calls that depend on nothing but literals are run once: each later call gets a copy of what the first one gave.

A call is *closed* if no Session, instance or closure goes in, and nothing that was there before was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.sweeping import numbers
from tether.check.abstract.things import (
    Collection,
    Coroutine,
    Frame,
    Instance,
    Manager,
    Object,
    Result,
    Session,
    Statement,
    Thing,
)
from tether.check.abstract.values import Constant, External, Function, KeyTest, Ref, RowKey, Unknown, Value
from tether.check.orm.sending import is_uncommitted

DEEPEST = 3
OPEN = object()  # the key of what is not closed


class Remembered(NamedTuple):
    """One way a closed call ended: the things it made, and what it gave."""

    things: dict[int, Thing]
    value: Value


def key_of(state: State, value: Value, depth: int = 0) -> Any:
    """Return what is the same for arguments that lead to the same result; OPEN where state is involved."""
    parts = []
    for atom in value:
        if isinstance(atom, Ref):
            part = key_of_thing(state, state.thing(atom.id), depth)
        elif isinstance(atom, Function):
            part = atom if atom.frame == -1 and atom.receiver is None else OPEN
        elif isinstance(atom, Constant | Unknown):
            part = atom
        elif isinstance(atom, RowKey):
            part = OPEN if is_uncommitted(state, atom) else "key"
        elif isinstance(atom, KeyTest) or (isinstance(atom, External) and isinstance(atom.receiver, Ref)):
            part = OPEN
        else:
            part = atom
        if part is OPEN:
            return OPEN
        parts.append(part)
    return frozenset(parts)


def key_of_thing(state: State, thing: Thing | None, depth: int) -> Any:
    """Return the key of a thing: plain collections and objects have one, what belongs to a Session has not."""
    match thing:
        case Collection(kind=kind, element=element, items=items) if depth < DEEPEST:
            held = key_of(state, element, depth + 1)
            known = tuple((name, key_of(state, item, depth + 1)) for name, item in items.items())
            return OPEN if held is OPEN or any(part is OPEN for _, part in known) else (kind, held, known)
        case Object(class_=class_, external=external, fields=fields) if depth < DEEPEST:
            held = tuple((name, key_of(state, item, depth + 1)) for name, item in fields.items())
            return OPEN if any(part is OPEN for _, part in held) else (class_, external, held)
        case _:
            return OPEN


def key_of_call(state: State, function: Function, variables: Mapping[str, Value]) -> Any:
    """Return the key of a call; OPEN if it is not closed."""
    if function.frame != -1:
        return OPEN
    parts = tuple((name, key_of(state, value)) for name, value in variables.items())
    if any(part is OPEN for _, part in parts):
        return OPEN
    return (function.module, function.body, parts)


def remembered(before: State, after: State, value: Value) -> Remembered | None:
    """Return how a call ended, if it changed nothing that was there before."""
    if after.path != before.path:
        return None
    made = {}
    for number, thing in after.things.items():
        known = before.thing(number)
        if known is None:
            if isinstance(thing, Statement) and thing.keys:
                return None  # of the row that this call was given
            made[number] = thing
        elif known is not thing and known != thing:
            return None
    return Remembered(made, value)


def recalled(state: State, known: Remembered, number_of: Any) -> Value:
    """Put a copy of what a call made into the state, under numbers of its own, and return what it gives."""
    mapping = {number: number_of(number) for number in known.things}
    for number, thing in known.things.items():
        state.things[mapping[number]] = renumbered(thing, mapping)
    return renamed(known.value, mapping)


def renamed(value: Value, mapping: Mapping[int, int]) -> Value:
    """Return a value with other numbers."""
    if not any(number in mapping for atom in value for number in numbers(atom)):
        return value
    return frozenset(renamed_atom(atom, mapping) for atom in value)


def renamed_atom(atom: Any, mapping: Mapping[int, int]) -> Any:
    """Return an atom with other numbers."""
    match atom:
        case Ref(id=number):
            return Ref(mapping.get(number, number))
        case RowKey(id_of=number):
            return replace(atom, id_of=mapping.get(number, number))
        case KeyTest(attribute=attribute, key=key):
            return KeyTest(attribute, renamed_atom(key, mapping))
        case Function(frame=frame, receiver=receiver):
            inner = renamed_atom(receiver, mapping) if receiver is not None else None
            return replace(atom, frame=mapping.get(frame, frame), receiver=inner)
        case External(receiver=Ref() as receiver):
            return replace(atom, receiver=renamed_atom(receiver, mapping))
        case _:
            return atom


def renumbered(thing: Thing, mapping: Mapping[int, int]) -> Thing:
    """Return a thing that refers to other numbers."""

    def all_of(values: Mapping[Any, Value]) -> dict[Any, Value]:
        return {key: renamed(value, mapping) for key, value in values.items()}

    match thing:
        case Frame(variables=variables, parent=parent):
            return replace(thing, variables=all_of(variables), parent=mapping.get(parent, parent))
        case Collection(element=element, items=items, owner=(owner, name)):
            return replace(thing, element=renamed(element, mapping), items=all_of(items),
                           owner=(mapping.get(owner, owner), name))  # fmt: skip
        case Object(fields=fields):
            return replace(thing, fields=all_of(fields))
        case Instance(held=held, session=session, of=of, parent=parent):
            return replace(thing, held=all_of(held), session=mapping.get(session, session),
                           of=mapping.get(of, of), parent=mapping.get(parent, parent))  # fmt: skip
        case Session(tasks=tasks, bind=bind):
            return replace(
                thing, tasks=frozenset(mapping.get(task, task) for task in tasks), bind=renamed(bind, mapping)
            )
        case Statement(session=session, entities=entities):
            return replace(thing, session=mapping.get(session, session),
                           entities=tuple(renamed(entity, mapping) for entity in entities))  # fmt: skip
        case Result(session=session, statement=statement):
            inner = renumbered(statement, mapping)
            assert isinstance(inner, Statement)
            return replace(thing, session=mapping.get(session, session), statement=inner)
        case Coroutine(result=result, sessions=sessions):
            return replace(thing, result=renamed(result, mapping),
                           sessions=frozenset(mapping.get(number, number) for number in sessions))  # fmt: skip
        case Manager(session=session, gives=gives, arguments=arguments, registers=registers):
            return replace(thing, session=mapping.get(session, session), gives=renamed(gives, mapping),
                           arguments=all_of(arguments), registers=all_of(registers))  # fmt: skip
        case _:
            return thing
