"""``for``: what an iterator gives, one element a turn."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNREAD, State
from tether.check.abstract.things import (
    EXPIRED,
    UNSURE,
    Collection,
    Instance,
    Manager,
    Result,
    Session,
    Statement,
    Where,
    surely,
)
from tether.check.abstract.values import NOTHING, UNKNOWN, Atom, Ref, Value, join, number_in, one
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops
from tether.check.orm.failing import refuses
from tether.check.orm.queries import executed, rows_of
from tether.check.python.managers import finish_generator, start_generator

DEEPEST = 4  # tuples in tuples; one that is made anew in each turn of a loop may hold itself


@step(ops.Iterate)
def run_iterate(
    interpreter: Interpreter, activation: Activation, op: ops.Iterate, state: State
) -> list[State]:
    """``iter(source)``."""
    value = state.read(op.source)
    generators = [number for number, thing in state.of(value, Manager) if thing.function is not None]
    if len(generators) == 1 and len(value) == 1:
        state.registers[op.to] = value
        return start_generator(interpreter, activation, op.span, state, generators[0])
    elements = [element_of(interpreter, activation, op, state, atom) for atom in value]
    if state.dead:
        return []
    number = interpreter.number(activation, op.to)
    state.things[number] = Collection(
        kind="iterator",
        element=join(elements) if elements else UNKNOWN,
        items={},
        made=activation.where(op.span),
    )
    state.registers[op.to] = one(Ref(number))
    return [state]


def element_of(interpreter: Interpreter, activation: Activation, op: Any, state: State, atom: Any) -> Value:
    """Return what iterating over an atom gives."""
    thing = state.thing(atom.id) if isinstance(atom, Ref) else None
    match thing:
        case Collection():
            state.things[atom.id] = replace(thing, uses=thing.uses | {"iterated"})
            return thing.element or NOTHING
        case Result():
            return rows_of(interpreter, activation, op.span, state, thing, "iterate")
        case Statement(session=session) if session >= 0:
            refused(interpreter, activation, op, state, session)
            result = executed(interpreter, activation, op.span, state, thing, session, scalars=True)
            return rows_of(interpreter, activation, op.span, state, result, "iterate")
        case _:
            return UNKNOWN


def refused(interpreter: Interpreter, activation: Activation, op: Any, state: State, number: int) -> None:
    """Tell where a query is run by iterating over it, in a Session whose flush failed: it raises here, not below."""
    session = state.get(number, Session)
    row = interpreter.row("sqlalchemy.orm.Query", "__iter__")
    if session is None or row is None or not refuses(session, row, "__iter__", state):
        return
    detail = (row, "__iter__", state.copy())
    interpreter.tell("use", activation.where(op.span), number=number, session=session, detail=detail)
    if interpreter.run is not None:
        interpreter.run.raise_from(state, database=True)
    state.dead = True


@step(ops.Next)
def run_next(interpreter: Interpreter, activation: Activation, op: ops.Next, state: State) -> list[Any]:
    """Return the states with an element and behind the loop."""
    value = state.read(op.iterator)
    generator = next(((number, thing) for number, thing in state.of(value, Manager)), None)
    if generator is not None:
        return next_of_generator(interpreter, activation, op, state, *generator)
    found = state.only(value, Collection)
    inside, beyond = state.copy(), state
    if found is None:
        inside.registers[op.to] = UNKNOWN
        return [inside, beyond]
    element = found[1].element
    if not element:
        if not found[1].uses & {"filled"}:
            inside.registers[op.to] = UNKNOWN
            return [inside, beyond]
        return [None, beyond]
    if UNREAD in state.path:
        number, iterator = found
        inside.things[number] = replace(iterator, uses=iterator.uses | {"turned"})
        if "turned" not in iterator.uses:
            without_elements(beyond, element)
    where = activation.where(op.span)
    inside.registers[op.to] = in_turn(interpreter, activation, inside, element, where, op.to)
    return [inside, beyond]


def without_elements(state: State, elements: Value) -> None:
    """Forget what is unread of elements: behind a loop without a turn there are none, and a later loop has none."""
    for number, instance in list(state.of(elements, Instance)):
        attributes = {
            name: facts | {UNSURE} if surely(facts, EXPIRED) else facts
            for name, facts in instance.attributes.items()
        }
        state.things[number] = replace(instance, attributes=attributes)


def in_turn(
    interpreter: Interpreter, activation: Activation, state: State, value: Value, where: Where, key: Any,
    depth: int = 0,
) -> Value:  # fmt: skip
    """Return the element of this turn: a thing of its own, so that what happens to it does not happen to the others."""
    fresh: set[Atom] = set()
    for atom in value:
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        number = interpreter.number(activation, "turn", key, getattr(atom, "id", 0))
        if isinstance(thing, Instance) and thing.many:
            state.things[number] = replace(thing, many=False, loop=where, of=number_in(atom))
            fresh.add(Ref(number))
        elif isinstance(thing, Collection) and thing.kind == "tuple" and depth < DEEPEST:
            items = {
                position: in_turn(interpreter, activation, state, held, where, (key, position), depth + 1)
                for position, held in thing.items.items()
            }
            element = join(list(items.values())) if items else thing.element
            state.things[number] = replace(thing, items=items, element=element)
            fresh.add(Ref(number))
        else:
            fresh.add(atom)
    return frozenset(fresh)


def next_of_generator(
    interpreter: Interpreter, activation: Activation, op: ops.Next, state: State, number: int, thing: Manager
) -> list[Any]:
    """A generator of the project: inside it waits at its yields, behind the loop it has run to its end."""
    inside = state.copy()
    inside.registers[op.to] = thing.gives
    beyond = finish_generator(interpreter, activation, op.span, state, number)
    joined = None
    for after in beyond:
        joined = after if joined is None else joined.join(after)
    return [inside, joined]
