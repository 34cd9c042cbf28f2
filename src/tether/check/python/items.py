"""What is built of elements, and what is taken out of it: lists, tuples, dicts, unpacking."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection
from tether.check.abstract.values import (
    ANYTHING,
    NOTHING,
    SOME_TEXT,
    UNKNOWN,
    Class,
    External,
    Ref,
    Value,
    as_text,
    join,
    literal,
    one,
    without_none,
)
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops
from tether.check.orm.keeping import keep
from tether.check.python.methods import is_generic


@step(ops.Build)
def run_build(interpreter: Interpreter, activation: Activation, op: ops.Build, state: State) -> list[State]:
    """A display, an f-string, or the empty beginning of a comprehension."""
    if op.kind in ("text", "slice"):
        state.registers[op.to] = UNKNOWN if op.kind == "slice" else text_of(state, op)
        return [state]
    values = [state.read(element) for element in op.elements]
    keys: list[Any] = list(range(len(values)))
    if op.kind == "dict":
        keys = [literal(state.read(key)) if key != ops.NONE else ... for key in op.keys]
    known = not op.starred and ... not in keys
    for position in op.starred:
        values[position] = elements_of(state, values[position])
    number = interpreter.number(activation, op.to)
    state.things[number] = Collection(
        kind=op.kind,
        element=join(values) if values else NOTHING,
        items=dict(zip(keys, values, strict=False)) if known else {},
        made=activation.where(op.span),
    )
    state.registers[op.to] = one_ref(number)
    return [state]


def text_of(state: State, op: ops.Build) -> Value:
    """Return an f-string: it is not empty where something is written between its values."""
    written = (literal(state.read(element)) for element in op.elements)
    if any(isinstance(held, str) and held for held in written):
        return one(SOME_TEXT)
    return as_text([state.read(element) for element in op.elements])


def one_ref(number: int) -> Value:
    """Return the value that surely is one thing."""
    return one(Ref(number))


def elements_of(state: State, value: Value) -> Value:
    """Return what an element of a collection may be."""
    found = [thing.element for _, thing in state.of(value, Collection)]
    return join(found) if found and len(found) == len(without_none(value)) else UNKNOWN


@step(ops.Append)
def run_append(
    _interpreter: Interpreter, _activation: Activation, op: ops.Append, state: State
) -> list[State]:
    """A comprehension adds an element."""
    for number, thing in list(state.of(state.read(op.of), Collection)):
        state.things[number] = replace(thing, element=join((thing.element, state.read(op.source))), items={})
    return [state]


@step(ops.GetItem)
def run_get_item(
    interpreter: Interpreter, _activation: Activation, op: ops.GetItem, state: State
) -> list[State]:
    """``of[key]``."""
    value = state.read(op.of)
    key = literal(state.read(op.key)) if op.key != ops.NONE else ...
    found: list[Value] = []
    for atom in value if len(value) == 1 else ():
        if isinstance(atom, Class) and is_generic(interpreter, atom):  # Repository[User]
            state.registers[op.to] = value
            return [state]
        if isinstance(atom, External):  # list[User]
            inner = next(iter(state.read(op.key)), None) if op.key != ops.NONE else None
            state.registers[op.to] = one(External(atom.name, inner)) if isinstance(inner, Class) else UNKNOWN
            return [state]
    for number, thing in list(state.of(value, Collection)):
        state.things[number] = replace(thing, uses=thing.uses | {"other"})
        if op.key == ops.NONE:
            found.append(one_ref(number))
        else:
            found.append(item_of(thing, key))
    state.registers[op.to] = join(found) if found and len(found) == len(value) else UNKNOWN
    return [state]


def item_of(thing: Collection, key: Any) -> Value:
    """Return what stands under a key, ``...`` for one that is not known; a dict keeps other things under other keys."""
    if key is not ... and key in thing.items:
        return thing.items[key]
    if key is not ... and thing.kind == "dict" and (thing.items or ANYTHING in thing.element):
        return UNKNOWN
    return thing.element or UNKNOWN


@step(ops.SetItem)
def run_set_item(
    interpreter: Interpreter, activation: Activation, op: ops.SetItem, state: State
) -> list[State]:
    """``of[key] = source``."""
    source, holder = state.read(op.source), state.read(op.of)
    key = literal(state.read(op.key)) if op.key != ops.NONE else ...
    for number, thing in list(state.of(holder, Collection)):
        items = {**thing.items, key: source} if key is not ... and (thing.items or not thing.element) else {}
        state.things[number] = replace(thing, element=join((thing.element, source)), items=items)
    keep(interpreter, activation.where(op.span), state, source, holder)
    return [state]


@step(ops.DeleteItem)
def run_delete_item(
    _interpreter: Interpreter, _activation: Activation, _op: ops.DeleteItem, state: State
) -> list[State]:
    """``del of[key]``: what is left may still be anything that was there."""
    return [state]


@step(ops.Unpack)
def run_unpack(
    _interpreter: Interpreter, _activation: Activation, op: ops.Unpack, state: State
) -> list[State]:
    """``a, *b, c = source``."""
    value = state.read(op.source)
    found = state.only(value, Collection)
    for position, register in enumerate(op.to):
        if found is None or position == op.star:
            state.registers[register] = UNKNOWN
        elif op.star == -1 and position in found[1].items:
            state.registers[register] = found[1].items[position]
        else:
            state.registers[register] = found[1].element or UNKNOWN
    return [state]
