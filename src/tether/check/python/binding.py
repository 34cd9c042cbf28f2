"""Binding a variable, and unbinding it."""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Frame, Session
from tether.check.abstract.values import NOTHING, Class, one, single_ref
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops
from tether.check.orm.ending import collect
from tether.check.orm.keeping import rows_in


@step(ops.Store)
def run_store(interpreter: Interpreter, activation: Activation, op: ops.Store, state: State) -> list[State]:
    """Bind a variable."""
    if activation.body.kind == "class" and op.annotation:
        class_ = Class(activation.module, activation.body.qualname)
        interpreter.annotations.setdefault(class_, {})[op.name] = op.annotation
    if op.source == ops.NONE:
        return [state]
    value = state.read(op.source)
    number = frame_of(interpreter, activation, op.name, op.scope, state)
    frame = state.get(number, Frame) if number else None
    if frame is not None:
        last = single_ref(frame.variables.get(op.name, NOTHING))
        state.things[number] = replace(frame, variables={**frame.variables, op.name: value})
        replaced = (
            last is not None and one(last) != value and last.id not in state.base
        )  # bound once more, or once
        if last is not None and replaced and state.get(last.id, Session) is not None:
            collect(interpreter, activation.where(op.span), state, [last.id])
    if op.scope == "global" and interpreter.in_function():
        for held, session in state.of(value, Session):  # it lives on, and later calls find it
            state.things[held] = replace(session, owner="global" if session.owner == "own" else session.owner)
        for held, instance in rows_in(state, value):
            interpreter.tell("kept", activation.where(op.span), number=held, instance=instance,
                             detail=f"the global {op.name}")  # fmt: skip
    return [state]


def frame_of(interpreter: Interpreter, activation: Activation, name: str, scope: str, state: State) -> int:
    """Return the frame a name is bound in; 0 if that is not known."""
    if scope == "global":
        return interpreter.module_frame(activation.module) or 0
    number = activation.frame
    if scope == "free":
        first = state.get(number, Frame)
        number = first.parent if first else 0
        while number > 0:
            frame = state.get(number, Frame)
            if frame is None:
                return 0
            if name in frame.variables:
                return number
            number = frame.parent
        return 0
    return number


@step(ops.Delete)
def run_delete(interpreter: Interpreter, activation: Activation, op: ops.Delete, state: State) -> list[State]:
    """``del name``."""
    number = frame_of(interpreter, activation, op.name, op.scope, state)
    frame = state.get(number, Frame) if number else None
    if frame is not None and op.name in frame.variables:
        rest = {name: value for name, value in frame.variables.items() if name != op.name}
        state.things[number] = replace(frame, variables=rest)
        last = single_ref(frame.variables[op.name])
        if last is not None and state.get(last.id, Session) is not None:
            collect(interpreter, activation.where(op.span), state, [last.id])
    return [state]
