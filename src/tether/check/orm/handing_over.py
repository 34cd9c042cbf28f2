"""What goes along when something is handed to another thread, process or task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tether.check.abstract.state import State
from tether.check.abstract.sweeping import numbers, reached
from tether.check.abstract.things import LOADED, Collection, Frame, Instance, Session, Where, surely
from tether.check.abstract.values import Function, Ref, Value, number_in
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import registers_read
from tether.check.orm.mapped import mapped
from tether.check.orm.subjects import instances_in, sessions_in
from tether.lifecycle.rows import Effect

RUNNING = ("fn", "func", "target")  # parameters that hold what is run there


def handed_over(arguments: Mapping[str, Value], effect: Effect) -> list[Value]:
    """Return what an effect hands over."""
    names = [effect.argument]
    if effect.argument == "target":  # Thread(target=..., args=..., kwargs=...)
        names += ["args", "kwargs"]
    return [arguments.get(name, frozenset()) for name in names]


def is_awaited(interpreter: Interpreter, where: Where) -> bool:
    """Return whether a call stands behind ``await``: whoever hands over waits until the other thread is done."""
    body = interpreter.project.module(where.module).bodies[where.body]
    every = [op for block in body.blocks for op in block.ops]
    made = {op.to for op in every if isinstance(op, ops.Call) and op.span == where[2:6]}
    return any(isinstance(op, ops.Await) and op.source in made for op in every)


def is_named(state: State, number: int) -> bool:
    """Return whether a variable holds a Session."""
    frames = [thing for thing in (*state.things.values(), *state.base.values()) if isinstance(thing, Frame)]
    return any(Ref(number) in value for frame in frames for value in frame.variables.values())


def named_sessions(state: State, value: Value) -> Iterator[tuple[int, Session]]:
    """Yield the Sessions in a value that a variable holds too; others are made for whoever gets them."""
    for number, session in sessions_in(state, value):
        if is_named(state, number):
            yield number, session


def sessions_behind(state: State, value: Value) -> Iterator[tuple[int, Session]]:
    """Yield the Sessions that *value* leads to in any way: whoever has it may end them."""
    waiting = [number for atom in value for number in numbers(atom)]
    for number, thing in reached(state.things, waiting).items():
        if isinstance(thing, Session):
            yield number, thing


def captured(interpreter: Interpreter, state: State, value: Value) -> Value:
    """Return what functions in *value* have of the variables around them."""
    found: Value = frozenset()
    for atom in value:
        frame = state.get(atom.frame, Frame) if isinstance(atom, Function) else None
        if frame is not None and isinstance(atom, Function):
            body = interpreter.body(atom)
            for op in (op for block in body.blocks for op in block.ops):
                if isinstance(op, ops.Load) and op.scope == "free":
                    found |= frame.variables.get(op.name, frozenset())
    return found


def handed(
    interpreter: Interpreter, state: State, arguments: Mapping[str, Value], value: Value
) -> Iterator[tuple[int, Instance]]:
    """Yield the instances in *value* of which the other code surely or perhaps reads more than the loaded key."""
    run = [atom for name in RUNNING for atom in arguments.get(name, frozenset())]
    function = run[0] if len(run) == 1 else None
    for number, instance in instances_in(state, value):
        if not (isinstance(function, Function) and has_key(interpreter, instance)):
            yield number, instance
            continue
        names = names_of(interpreter, state, function, value, number)
        keys = key_of(interpreter, instance)
        if not names or not all(is_read_for(interpreter.body(function), name, keys) for name in names):
            yield number, instance


def key_of(interpreter: Interpreter, instance: Instance) -> tuple[str, ...]:
    """Return the names of the primary key."""
    mapping = mapped(interpreter, instance.model)
    return tuple(mapping.primary_key()) if mapping is not None else ()


def has_key(interpreter: Interpreter, instance: Instance) -> bool:
    """Return whether the primary key surely is loaded, so that to read it asks no database."""
    names = key_of(interpreter, instance)
    return bool(names) and all(
        surely(instance.attributes.get(name, instance.columns), LOADED) for name in names
    )


def names_of(
    interpreter: Interpreter, state: State, function: Function, value: Value, number: int
) -> set[str]:
    """Return the variables that hold an instance where *function* runs; empty if that is not known."""
    body = interpreter.body(function)
    parameters = [parameter.name for parameter in body.parameters][function.receiver is not None :]
    frame = state.get(function.frame, Frame)
    free = {
        op.name
        for block in body.blocks
        for op in block.ops
        if isinstance(op, ops.Load) and op.scope == "free"
    }
    names = {
        name for name in free if frame is not None and is_in(frame.variables.get(name, frozenset()), number)
    }
    if not names and is_in(value, number):
        return {parameters[0]} if len(parameters) == 1 else set()
    for _, given in state.of(value, Collection):
        for place, held in given.items.items():
            if not is_in(held, number):
                continue
            if isinstance(place, int) and 0 <= place < len(parameters):
                names.add(parameters[place])
            elif place in parameters:
                names.add(place)
            else:
                return set()
    return names


def is_in(value: Value, number: int) -> bool:
    """Return whether a value may be the thing of that number."""
    return any(isinstance(atom, Ref) and number_in(atom) == number for atom in value)


def is_read_for(body: ops.Body, name: str, attributes: tuple[str, ...]) -> bool:
    """Return whether a variable is read for these attributes only."""
    every = [op for block in body.blocks for op in block.ops]
    if any(isinstance(op, ops.Store) and op.name == name for op in every) or any(
        isinstance(op, ops.Function | ops.Class) for op in every
    ):
        return False
    held = {op.to for op in every if isinstance(op, ops.Load) and op.name == name}
    return all(
        isinstance(op, ops.GetAttribute) and op.name in attributes
        for op in every
        if not held.isdisjoint(registers_read(op))
    )
