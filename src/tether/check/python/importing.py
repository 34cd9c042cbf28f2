"""``import``: a module of the project is run, anything else is known by its name."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Frame
from tether.check.abstract.values import UNKNOWN, External, Module, Value, literal, one
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops
from tether.check.python.builtin import builtin


@step(ops.Import)
def run_import(interpreter: Interpreter, activation: Activation, op: ops.Import, state: State) -> list[State]:
    """``import`` and ``from ... import``."""
    if op.name == "*":
        import_all(interpreter, activation, op.module, state)
    else:
        state.registers[op.to] = imported(interpreter, activation.module, op.module, op.name)
    return [state]


def import_all(interpreter: Interpreter, activation: Activation, module: str, state: State) -> None:
    """``from module import *``: what the module binds, but for private names, is bound here."""
    found = interpreter.find(module, activation.module)
    number = interpreter.module_frame(found) if found else None
    theirs = state.get(number, Frame) if number is not None else None
    mine = state.get(activation.frame, Frame)
    if theirs is None or mine is None:
        return
    names = {name: value for name, value in theirs.variables.items() if not name.startswith("_")}
    state.things[activation.frame] = replace(mine, variables={**mine.variables, **names})


def imported(interpreter: Interpreter, importer: str, module: str, name: str) -> Value:
    """Return what an import gives in the module *importer*."""
    found = interpreter.find(module, importer)
    if not name:
        return one(Module(found) if found else External(interpreter.canonical(module)))
    if found is None:
        inner = interpreter.find(f"{module}.{name}", importer)
        outside = not interpreter.project.is_namespace(module, importer)
        return one(Module(inner)) if inner else (one(External(f"{module}.{name}")) if outside else UNKNOWN)
    if held := interpreter.variable(found, name):
        return held
    inner = interpreter.find(f"{module}.{name}", importer)
    given = one(Module(inner)) if inner else interpreter.declared(found, name)
    if given == UNKNOWN:
        interpreter.unfinished[importer, name] = found
    return given


@builtin("importlib.import_module")
def call_import_module(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``import_module("shop.models")``: of a literal, what ``import shop.models as x`` gives."""
    name = literal(site.positional[0]) if site.positional else ...
    if (
        not isinstance(name, str)
        or name.startswith(".")
        or interpreter.find(name, site.activation.module) is None
    ):
        return None
    return imported(interpreter, site.activation.module, name, "")
