"""Classes of which there is one object: it keeps what it holds until the process ends."""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Frame, Session
from tether.check.abstract.values import NOTHING, Class, Function, Value
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions
from tether.check.python.methods import class_member


def hold(interpreter: Interpreter, state: State, class_: Class, value: Value) -> None:
    """A Session is put on an object; that of a singleton is never left to the garbage collector."""
    for number, session in list(state.of(value, Session)):
        if session.owner == "own" and is_singleton(interpreter, class_, state):
            state.things[number] = replace(session, owner="global")


def is_singleton(interpreter: Interpreter, class_: Class, state: State) -> bool:
    """Return whether a class keeps its one object: by ``__new__``, or by ``__call__`` of its metaclass."""
    name, module = class_.module, interpreter.project.module(class_.module)
    at = next(
        (
            i
            for i, body in enumerate(module.bodies)
            if (body.kind, body.qualname) == ("class", class_.qualname)
        ),
        -2,
    )
    for body in module.bodies:
        if body.parent == at and body.name == "__new__" and keeps_on_first_parameter(body):
            return True
    defined = definitions(module.bodies[0])
    for op in (op for block in module.bodies[0].blocks for op in block.ops):
        if isinstance(op, ops.Class) and op.body == at:
            loaded = defined.get(dict(op.named).get("metaclass", ops.NONE))
            meta = (
                global_value(interpreter, state, name, loaded.name)
                if isinstance(loaded, ops.Load)
                else NOTHING
            )
            for atom in meta:
                held = (
                    class_member(interpreter, state, atom, "__call__") if isinstance(atom, Class) else NOTHING
                )
                calls = [interpreter.body(found) for found in held if isinstance(found, Function)]
                return any(keeps_on_first_parameter(body) for body in calls)
    return False


def global_value(interpreter: Interpreter, state: State, module: str, variable: str) -> Value:
    """Return what a global may hold, also while its module is being run."""
    frame = state.get(interpreter.module_frame(module) or -1, Frame)
    return frame.variables.get(variable, NOTHING) if frame is not None else NOTHING


def keeps_on_first_parameter(body: ops.Body) -> bool:
    """Return whether a function puts something on its first parameter, or into a dictionary there."""
    first = body.parameters[0].name if body.parameters else ""
    defined = definitions(body)
    for op in (op for block in body.blocks for op in block.ops):
        if isinstance(op, ops.SetAttribute | ops.SetItem):
            holder = defined.get(op.of)
            if isinstance(op, ops.SetItem) and isinstance(holder, ops.GetAttribute):
                holder = defined.get(holder.of)
            if isinstance(holder, ops.Load) and holder.name == first:
                return True
    return False
