"""Names that no instance of a mapped class has: ``getattr()`` with a default always gives the default."""

from __future__ import annotations

from collections.abc import Iterable

from tether.check.abstract.state import State
from tether.check.abstract.things import Instance
from tether.check.abstract.values import Class, Value, number_in, without_none
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.orm.mapped import mapped
from tether.check.python.methods import ancestors, class_member

ANY_NAME = ("__getattr__", "__getattribute__")


def is_never_there(
    interpreter: Interpreter, activation: Activation, state: State, value: Value, name: str
) -> bool:
    """Return whether a value surely is an instance of mapped classes that have no attribute of this name.

    All their bases must be known, and neither the module that asks nor those of the classes may set such an attribute.
    """
    found = [state.get(number_in(atom), Instance) for atom in without_none(value)]
    return bool(found) and all(
        instance is not None and lacks(interpreter, activation.module, state, instance.model, name)
        for instance in found
    )


def lacks(interpreter: Interpreter, module: str, state: State, class_: Class, name: str) -> bool:
    """Return whether no instance of a mapped class has an attribute."""
    mapping = mapped(interpreter, class_)
    if mapping is None or not mapping.model.complete or mapping.model.get(name) is not None:
        return False
    own = [found for found in ancestors(interpreter, class_) if isinstance(found, Class)]
    return not any(class_member(interpreter, state, class_, held) for held in (name, *ANY_NAME)) and not sets(
        interpreter, {module, *(found.module for found in own)}, name
    )


def sets(interpreter: Interpreter, modules: Iterable[str], name: str) -> bool:
    """Return whether one of several modules assigns to an attribute of this name, of whatever it is."""
    return any(
        isinstance(op, ops.SetAttribute) and op.name == name
        for module in modules
        for body in interpreter.project.module(module).bodies
        if name in body.names
        for block in body.blocks
        for op in block.ops
    )
