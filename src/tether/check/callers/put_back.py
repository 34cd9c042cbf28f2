"""Rows that an object keeps beyond their Session, as its own methods show: they put the row back before they use it.

``registry.add(self.row)`` as the first thing that is done with ``self.row``, in the constructor and in two methods
more, says that the registry's Session has been removed since the object was made. A method that uses ``self.row`` and
does not put it back finds it detached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.things import Factory, Thing, Where
from tether.check.abstract.values import Class, Module, Ref, Value
from tether.check.callers.lasting import is_of_tests, is_on_self, is_self
from tether.check.callers.late_globals import binders_of, value_bound_by
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions, registers_read
from tether.check.python.methods import ancestors

RETURNING = ("add", "merge", "refresh")  # methods of a Session that bring a row back
LEAST = 2  # methods, beside the constructor, that put it back first


def tell_put_back(interpreter: Interpreter, name: str, index: int) -> None:
    """Tell of methods that use a row which the constructor kept, and which other methods put back first."""
    module = interpreter.project.module(name)
    body = module.bodies[index]
    if body.name != "__init__" or "add" not in body.names or module.bodies[body.parent].kind != "class":
        return
    if is_of_tests(name, body):
        return
    for attribute, parameter, where in kept_parameters(name, index, body):
        adding = first_added(body, attribute, parameter)
        if adding is None or not is_registry(interpreter, name, body, adding):
            continue
        class_ = Class(name, module.bodies[body.parent].qualname)
        if not is_bound_later(interpreter, class_, attribute):
            tell_users(interpreter, name, body.parent, attribute, where)


def tell_users(interpreter: Interpreter, name: str, parent: int, attribute: str, kept: Where) -> None:
    """Tell of the methods that do not put the row back, where enough others do."""
    module = interpreter.project.module(name)
    methods = [
        (index, body)
        for index, body in enumerate(module.bodies)
        if body.parent == parent and attribute in body.names and body.name != "__init__"
    ]
    called = {
        op.name
        for body in module.bodies
        if body.parent == parent
        for block in body.blocks
        for op in block.ops
        if isinstance(op, ops.GetAttribute) and is_self(definitions(body), op.of)
    }
    back = [(index, op) for index, body in methods if (op := first_added(body, attribute)) is not None]
    if len(back) < LEAST:
        return
    example = Where(name, back[0][0], *back[0][1].span)
    for index, body in methods:
        if (
            body.decorators
            or body.name.startswith("__")
            or body.name in called
            or brings_back(body, attribute)
        ):
            continue
        for op in list(uses(body, attribute))[:1]:
            detail = (module.bodies[parent].name, attribute, kept, example)
            interpreter.tell("kept by object", Where(name, index, *op.span), detail=detail)


def kept_parameters(name: str, index: int, body: ops.Body) -> Iterator[tuple[str, str, Where]]:
    """Yield the attributes that a constructor sets to one of its parameters, that parameter, and where."""
    defined = definitions(body)
    parameters = {parameter.name for parameter in body.parameters[1:]}
    for op in (op for block in body.blocks for op in block.ops if isinstance(op, ops.SetAttribute)):
        source = defined.get(op.source)
        if isinstance(source, ops.Load) and source.name in parameters and is_self(defined, op.of):
            yield op.name, source.name, Where(name, index, *op.span)


def is_bound_later(interpreter: Interpreter, class_: Class, attribute: str) -> bool:
    """Return whether another method than the constructor binds ``self.attribute``, of the class or a base."""
    for found in ancestors(interpreter, class_):
        if not isinstance(found, Class):
            continue
        for body in interpreter.project.module(found.module).bodies:
            if not body.qualname.startswith(f"{found.qualname}.") or body.name == "__init__":
                continue
            for op in (op for block in body.blocks for op in block.ops if attribute in body.names):
                binds = isinstance(op, ops.SetAttribute | ops.DeleteAttribute) and op.name == attribute
                if binds and is_self(definitions(body), op.of):
                    return True
    return False


def uses(body: ops.Body, attribute: str, parameter: str = "") -> Iterator[Any]:
    """Yield the ops that read an attribute of ``self.attribute``, or give it to something, as they are written."""
    defined = definitions(body)
    held = {
        to
        for to, op in defined.items()
        if is_on_self(defined, to, attribute)
        or (parameter and isinstance(op, ops.Load) and op.name == parameter)
    }
    every = (op for block in body.blocks for op in block.ops if isinstance(op, ops.GetAttribute | ops.Call))
    yield from sorted(
        (op for op in every if not held.isdisjoint(registers_read(op))), key=lambda op: op.span[:2]
    )


def first_added(body: ops.Body, attribute: str, parameter: str = "") -> Any:
    """Return the first use of ``self.attribute`` if that is ``x.add(self.attribute)``, and others follow; else None."""
    defined = definitions(body)
    found = list(uses(body, attribute, parameter))
    if len(found) < 2 or not isinstance(found[0], ops.Call) or len(found[0].positional) != 1:
        return None
    called = defined.get(found[0].function)
    return found[0] if isinstance(called, ops.GetAttribute) and called.name == "add" else None


def brings_back(body: ops.Body, attribute: str) -> bool:
    """Return whether a method gives ``self.attribute`` to ``add()`` or the like somewhere."""
    defined = definitions(body)
    for op in uses(body, attribute):
        called = defined.get(op.function) if isinstance(op, ops.Call) else None
        if isinstance(called, ops.GetAttribute) and called.name in RETURNING:
            return True
    return False


# ---------------------------------------------------------------- the registry


def is_registry(interpreter: Interpreter, name: str, body: ops.Body, adding: ops.Call) -> bool:
    """Return whether a call of ``add()`` is one of a registry of Sessions that is a global of the program."""
    defined = definitions(body)
    called = defined.get(adding.function)
    of = defined.get(called.of) if isinstance(called, ops.GetAttribute) else None
    if isinstance(of, ops.Load) and of.scope == "global":
        return holds_registry(interpreter, name, of.name)
    holder = defined.get(of.of) if isinstance(of, ops.GetAttribute) else None
    if not isinstance(of, ops.GetAttribute) or not isinstance(holder, ops.Load) or holder.scope != "global":
        return False
    modules = [atom.name for atom in interpreter.variable(name, holder.name) if isinstance(atom, Module)]
    return any(holds_registry(interpreter, module, of.name) for module in modules)


def holds_registry(interpreter: Interpreter, module: str, name: str) -> bool:
    """Return whether a global is a ``scoped_session``, made by the module or by the one function that binds it."""
    if is_scoped(interpreter.variable(module, name), interpreter.base):
        return True
    binders = binders_of(interpreter, module).get(name, ())
    if len(binders) != 1:
        return False
    bound = value_bound_by(interpreter, module, name, binders[0])
    interpreter.used |= bound.used
    return is_scoped(bound.fields.get(name, frozenset()), bound.things)


def is_scoped(value: Value, things: Any) -> bool:
    """Return whether a value is a registry of Sessions."""
    made: list[Thing | None] = [things.get(atom.id) for atom in value if isinstance(atom, Ref)]
    return len(value) == 1 and any(isinstance(thing, Factory) and thing.ambient >= 0 for thing in made)
