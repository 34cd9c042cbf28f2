"""What goes along when something is handed to another thread, process or task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tether.check import ops
from tether.check.interpreter import Interpreter
from tether.check.state import State
from tether.check.subjects import sessions_in
from tether.check.things import Frame, Session
from tether.check.values import Function, Ref, Value
from tether.lifecycle.rows import Effect


def handed_over(arguments: Mapping[str, Value], effect: Effect) -> list[Value]:
    """Return what an effect hands over."""
    names = [effect.argument]
    if effect.argument == "target":  # Thread(target=..., args=..., kwargs=...)
        names += ["args", "kwargs"]
    return [arguments.get(name, frozenset()) for name in names]


def is_named(state: State, number: int) -> bool:
    """Return whether a variable holds a Session."""
    frames = [thing for thing in (*state.things.values(), *state.base.values()) if isinstance(thing, Frame)]
    return any(Ref(number) in value for frame in frames for value in frame.variables.values())


def named_sessions(state: State, value: Value) -> Iterator[tuple[int, Session]]:
    """Yield the Sessions in a value that a variable holds too; others are made for whoever gets them."""
    for number, session in sessions_in(state, value):
        if is_named(state, number):
            yield number, session


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
