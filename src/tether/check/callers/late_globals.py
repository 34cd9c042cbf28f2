"""Globals that are None, or an object that stands in, until a function binds them: ``init()`` makes the real one."""

from __future__ import annotations

from tether.check.abstract.state import State
from tether.check.abstract.things import Factory, Frame, Object, Session, Thing
from tether.check.abstract.values import NONE, UNKNOWN, Constant, Ref, Value, single
from tether.check.callers.entry import Root
from tether.check.interpreting.flow import CutShort
from tether.check.interpreting.interpreter import Interpreter, OwnFields
from tether.check.lowering import ops
from tether.check.python.own_fields import is_lasting

Binders = dict[str, list[int]]


def as_functions_see(
    interpreter: Interpreter, module: str, name: str, value: Value, state: State, body: int
) -> Value:
    """Return what a function finds in a global that is *value* after the import.

    A function that binds it itself is taken to be the first one to do so.
    """
    if value == UNKNOWN and (module, name) in interpreter.unfinished and interpreter.in_function():
        return interpreter.variable(interpreter.unfinished[module, name], name) or UNKNOWN
    if not interpreter.in_function():
        return value
    stands_in = is_object(interpreter, value)
    if not stands_in and not all(isinstance(atom, Constant) for atom in value):
        return value
    binders = binders_of(interpreter, module).get(name, ())
    if not binders or body in binders:
        return value
    bound = value_bound_by(interpreter, module, name, binders[0]) if len(binders) == 1 else OwnFields()
    interpreter.used |= bound.used
    if stands_in and not leads_to_sessions(bound, name):
        return value
    if name not in bound.fields:
        return value | UNKNOWN
    state.things.update(
        {number: thing for number, thing in bound.things.items() if state.thing(number) is None}
    )
    return bound.fields[name]


def is_object(interpreter: Interpreter, value: Value) -> bool:
    """Return whether a global is an object of the project after the import, which may stand in for another."""
    atom = single(value)
    thing = interpreter.base.get(atom.id) if isinstance(atom, Ref) else None
    return isinstance(thing, Object) and thing.class_ is not None


def leads_to_sessions(bound: OwnFields, name: str) -> bool:
    """Return whether a function binds a global to a Session, or to what makes them."""
    atom = single(bound.fields.get(name, UNKNOWN))
    return isinstance(atom, Ref) and isinstance(bound.things.get(atom.id), Factory | Session)


def binders_of(interpreter: Interpreter, module: str) -> Binders:
    """Return the functions of a module that bind its globals, by the name of the global."""
    known = interpreter.binders.get(module)
    if known is None:
        known = interpreter.binders[module] = {}
        for index, body in enumerate(interpreter.project.module(module).bodies):
            if body.kind not in ("module", "class"):
                for op in (op for block in body.blocks for op in block.ops):
                    if isinstance(op, ops.Store) and op.scope == "global" and op.source != ops.NONE:
                        found = known.setdefault(op.name, [])
                        if index not in found:
                            found.append(index)
    return known


def value_bound_by(interpreter: Interpreter, module: str, name: str, index: int) -> OwnFields:
    """Return the lasting value that a function binds a global to, as its only field, and what it leads to."""
    key = (module, name)
    known = interpreter.late.get(key)
    if known is None:
        interpreter.late[key] = OwnFields()  # for the function itself
        used, interpreter.used = interpreter.used, set()
        made = made_by(interpreter, module, name, index)
        known = interpreter.late[key] = made._replace(used=frozenset(interpreter.used))
        interpreter.used = used
    return known


def made_by(interpreter: Interpreter, module: str, name: str, index: int) -> OwnFields:
    """Run a function that binds a global."""
    root = Root(interpreter, module, index)
    with interpreter.aside():
        try:
            after = [held for held, _ in root.execute(root.activation(), more=True).returned]
        except CutShort:
            return OwnFields()
    number = interpreter.module_frame(module)
    things: dict[int, Thing] = {}
    values = set()
    for held in after:
        frame = held.get(number or -1, Frame)
        value = frame.variables.get(name, NONE) - NONE if frame is not None else NONE
        if value and is_lasting(held, value, things):
            values.add(value)
        elif value:
            return OwnFields()
    return OwnFields({name: values.pop()}, things) if len(values) == 1 else OwnFields()
