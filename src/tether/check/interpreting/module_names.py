"""What ``module.name`` is, where the module is one of the project."""

from __future__ import annotations

from tether.check.abstract.state import State
from tether.check.abstract.values import Constant, Module, Ref, Value, one
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops


def of_module(interpreter: Interpreter, op: ops.GetAttribute, state: State, module: str) -> Value:
    """Return a global of a module, as its own functions find it; or a module below it."""
    held = interpreter.variable(module, op.name)
    if not held:
        inner = interpreter.submodule(module, op.name)
        return one(Module(inner)) if inner else interpreter.declared(module, op.name)
    # None, or something that stands in for a Session, may be there only until a function binds the real thing.
    if interpreter.in_function() and all(isinstance(atom, Constant | Ref) for atom in held):
        there = Activation(module, 0, interpreter.project.module(module).bodies[0], 0, 0, 0)
        for after in interpreter.step(there, ops.Load(op.to, op.name, "global", op.span), state):
            return after.read(op.to)
    return held
