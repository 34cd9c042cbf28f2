"""Sessions that an object makes for itself and that nothing rolls back or closes as long as the object lives.

Only what can be seen whole is told of: the attribute is private, its Session is given to nobody, and no code of the
modules that the class and its bases are in ends a transaction of it but ``commit()``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Object, Where
from tether.check.abstract.values import Class
from tether.check.callers.lasting import (
    COMMITTING,
    is_of_tests,
    is_on_self,
    is_script,
    kept_sessions,
    one_for_process,
)
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions, registers_read
from tether.check.python.methods import ancestors
from tether.check.python.own_fields import assigned_later

# What ends a transaction that has failed; "begin" does so at the end of its block.
ENDS = frozenset({"close", "rollback", "reset", "remove", "invalidate", "begin", "begin_nested", "close_all"})
BEFORE_AND_AFTER = ("__init__", "__del__")  # the object is not used yet, or nobody has it any more
TESTS = ("is", "is not", "not", "==", "!=")


def tell_kept_open(interpreter: Interpreter, name: str, index: int, state: State) -> None:
    """Tell of Sessions that ``__init__`` made, and that nothing ends while the object lives."""
    module = interpreter.project.module(name)
    body = module.bodies[index]
    parent = module.bodies[body.parent] if body.parent >= 0 else None
    if parent is None or parent.kind != "class" or body.name != "__init__":
        return
    class_ = Class(name, parent.qualname)
    thing = state.things.get(interpreter.derived("self", class_))
    if not isinstance(thing, Object) or is_script(module) or is_of_tests(name, body):
        return
    for attribute, value in thing.fields.items():
        own = [held for held in kept_sessions(state, value) if held[1].owner == "own"]
        if not own or not attribute.startswith("_") or not is_never_ended(interpreter, class_, attribute):
            continue
        if one_for_process(interpreter, name, body.parent, class_, state):
            continue
        uses = list(uses_by_methods(name, module, body.parent, attribute))
        committed = next((where for member, where in uses if member in COMMITTING), None)
        if committed is None or len({where.body for _, where in uses}) < 2:
            continue
        for number, session in own:
            assert session.made is not None
            detail = (
                parent.name,
                attribute,
                uses[0][1],
                committed,
                ends_with_object(module, body.parent, attribute),
            )
            interpreter.tell("kept session", session.made, number=number, session=session, detail=detail)


def is_never_ended(interpreter: Interpreter, class_: Class, attribute: str) -> bool:
    """Return whether nobody else has the Session in an attribute, and only ``commit()`` ends its transactions."""
    if attribute in assigned_later(interpreter, class_):
        return False
    modules = {found.module for found in ancestors(interpreter, class_) if isinstance(found, Class)}
    bodies = [body for name in modules for body in interpreter.project.module(name).bodies]
    return all(
        body.name == "__del__" or is_only_used(body, attribute) for body in bodies if attribute in body.names
    )


def ends_with_object(module: Any, parent: int, attribute: str) -> bool:
    """Return whether ``__del__`` of a class has to do with an attribute: it closes the Session, nearly always."""
    return any(
        body.parent == parent and body.name == "__del__" and attribute in body.names for body in module.bodies
    )


def is_only_used(body: ops.Body, attribute: str) -> bool:
    """Return whether a function calls methods of what is in an attribute, and none that ends a transaction."""
    every = [op for block in body.blocks for op in block.ops]
    held = {op.to for op in every if isinstance(op, ops.GetAttribute) and op.name == attribute}
    for op in every:
        if held.isdisjoint(registers_read(op)) or isinstance(op, ops.Assume):
            continue
        if isinstance(op, ops.Operate) and op.operator in TESTS:
            continue
        if not isinstance(op, ops.GetAttribute) or op.name in ENDS:
            return False
    return True


def uses_by_methods(name: str, module: Any, parent: int, attribute: str) -> Iterator[tuple[str, Where]]:
    """Yield what methods of a class, without decorators, call on ``self.attribute``, and where."""
    for index, body in enumerate(module.bodies):
        if body.parent != parent or body.name in BEFORE_AND_AFTER or body.decorators:
            continue
        defined = definitions(body)
        for op in (op for block in body.blocks for op in block.ops if isinstance(op, ops.Call)):
            called = defined.get(op.function)
            if isinstance(called, ops.GetAttribute) and is_on_self(defined, called.of, attribute):
                yield called.name, Where(name, index, *op.span)
