"""Reading a variable: a local, one of a function around, or a global as functions see it."""

from __future__ import annotations

from tether.check.abstract.state import State
from tether.check.abstract.things import Frame
from tether.check.abstract.values import UNKNOWN, External, Value, one
from tether.check.callers.late_globals import as_functions_see
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops


@step(ops.Load)
def run_load(interpreter: Interpreter, activation: Activation, op: ops.Load, state: State) -> list[State]:
    """Read a variable."""
    state.registers[op.to] = variable(interpreter, activation, op.name, op.scope, state)
    return [state]


def variable(interpreter: Interpreter, activation: Activation, name: str, scope: str, state: State) -> Value:
    """Return what a variable may hold, as the scope says."""
    if scope != "global":
        number = activation.frame
        while number > 0:
            frame = state.get(number, Frame)
            if frame is None:
                return UNKNOWN
            if name in frame.variables:
                return frame.variables[name]
            number = frame.parent
        if activation.body.kind != "class":
            return UNKNOWN
    value = global_variable(interpreter, activation.module, name, state)
    return as_functions_see(interpreter, activation.module, name, value, state, activation.index)


def global_variable(interpreter: Interpreter, module: str, name: str, state: State) -> Value:
    """Return what a global may hold, or a name that is built in."""
    number = interpreter.module_frame(module)
    frame = state.get(number, Frame) if number is not None else None
    if frame is not None and name in frame.variables:
        return frame.variables[name]
    known = interpreter.project.module(module)
    if known is not None and name in known.functions and known.bodies[known.functions[name]].parent == 0:
        return UNKNOWN  # not run yet: a cycle of imports
    return one(External(f"builtins.{name}"))
