"""Rows that a method puts on its object and leaves detached there: what the other methods find in ``self``.

Where one method alone binds the attribute, and each way through it ends the Session that the row is from, the row is as
that method left it whenever another method reads it; unless somebody puts it back into a Session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tether.check.abstract.state import State, join_things
from tether.check.abstract.sweeping import numbers, reached
from tether.check.abstract.things import DETACHED, Collection, Object, Thing, surely
from tether.check.abstract.values import NONE, Class, Ref, Value, without_none
from tether.check.callers.lasting import is_on_self, is_self
from tether.check.interpreting.interpreter import Interpreter, OwnFields
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions, registers_read
from tether.check.orm.subjects import instances_in
from tether.check.python.methods import ancestors

# What is done with a row elsewhere so that it may be in a Session again.
RETURNING = frozenset({"add", "add_all", "merge", "refresh", "make_transient", "enable_relationship_loading"})


class Left(NamedTuple):
    """What a method leaves in one attribute.

    Attributes:
        body: Index of the method in its module.
        value: What the attribute holds; NONE where something else than a detached row was found.
        things: What that leads to.
    """

    body: int
    value: Value
    things: dict[int, Thing]


def note_rows(interpreter: Interpreter, name: str, index: int, state: State) -> None:
    """Note the detached rows that a method leaves on its object where it ends."""
    module = interpreter.project.module(name)
    body = module.bodies[index]
    parent = module.bodies[body.parent] if body.parent >= 0 else None
    if parent is None or parent.kind != "class" or body.kind not in ("function", "async"):
        return
    class_ = Class(name, parent.qualname)
    thing = state.things.get(interpreter.derived("self", class_))
    if not isinstance(thing, Object):
        return
    bound = bound_on_self(body)
    for attribute, value in thing.fields.items():
        if attribute not in bound or value == NONE:
            continue
        left = interpreter.rows_on_self.setdefault(class_, {})
        known = left.get(attribute)
        if known is not None and (known.body, known.value) != (index, value):
            left[attribute] = Left(index, NONE, {})
        elif is_left_detached(state, value):
            things = reached(state.things, [number for atom in value for number in numbers(atom)])
            for number, held in known.things.items() if known else ():
                things[number] = join_things(held, things[number]) if number in things else held
            left[attribute] = Left(index, value, things)
        else:
            left[attribute] = Left(index, NONE, {})


def bound_on_self(body: ops.Body) -> set[str]:
    """Return the attributes of ``self`` that a method binds to something else than None."""
    every = [op for block in body.blocks for op in block.ops]
    nothing = {op.to for op in every if isinstance(op, ops.Constant) and op.value is None}
    defined = definitions(body)
    return {
        op.name
        for op in every
        if isinstance(op, ops.SetAttribute) and op.source not in nothing and is_self(defined, op.of)
    }


def is_left_detached(state: State, value: Value) -> bool:
    """Return whether a value surely is one row, or a collection of rows, whose Session has ended."""
    atoms = without_none(value)
    (atom,) = atoms if len(atoms) == 1 else (None,)
    held = state.thing(atom.id) if isinstance(atom, Ref) else None
    if isinstance(held, Collection) and (held.kind == "relation" or len(held.element) != 1):
        return False
    found = list(instances_in(state, atoms, 1))
    return len(found) == 1 and all(
        surely(instance.states, DETACHED) and instance.loaded is not None and "escaped" not in instance.flags
        for _, instance in found
    )


# ------------------------------------------------------------------ the readers


def readers(interpreter: Interpreter, name: str) -> Iterator[tuple[int, OwnFields]]:
    """Yield the methods of a module that read such an attribute, with what they find in it."""
    module = interpreter.project.module(name)
    for class_, left in list(interpreter.rows_on_self.items()):
        kept = {
            attribute: row
            for attribute, row in left.items()
            if row.value != NONE and stays(interpreter, class_, attribute, row.body)
        }
        for index, body in enumerate(module.bodies if kept and class_.module == name else ()):
            if body.parent < 0 or module.bodies[body.parent].qualname != class_.qualname:
                continue
            read = {
                attribute: row
                for attribute, row in kept.items()
                if attribute in body.names and index not in reachable(module, row.body)
            }
            if read and body.blocks and body.name != "__init__":
                fields = {attribute: row.value for attribute, row in read.items()}
                yield index, OwnFields(fields, {n: t for row in read.values() for n, t in row.things.items()})


def stays(interpreter: Interpreter, class_: Class, attribute: str, index: int) -> bool:
    """Return whether one method alone binds an attribute, and nothing may put its row into a Session again."""
    for found in ancestors(interpreter, class_):
        if not isinstance(found, Class):
            continue
        for at, body in enumerate(interpreter.project.module(found.module).bodies):
            if attribute not in body.names or (found == class_ and at == index):
                continue
            if binds(body, attribute) or brings_back(body, attribute):
                return False
    return True


def binds(body: ops.Body, attribute: str) -> bool:
    """Return whether a function binds an attribute of that name, to something else than None."""
    every = [op for block in body.blocks for op in block.ops]
    nothing = {op.to for op in every if isinstance(op, ops.Constant) and op.value is None}
    return any(
        isinstance(op, ops.SetAttribute) and op.name == attribute and op.source not in nothing for op in every
    )


def brings_back(body: ops.Body, attribute: str) -> bool:
    """Return whether a function gives what is in an attribute to ``add()``, ``merge()`` or the like."""
    defined = definitions(body)
    for op in (op for block in body.blocks for op in block.ops if isinstance(op, ops.Call)):
        called: Any = defined.get(op.function)
        if not isinstance(called, ops.GetAttribute | ops.Load) or called.name not in RETURNING:
            continue
        given = (defined.get(register) for register in registers_read(op))
        if any(isinstance(held, ops.GetAttribute) and held.name == attribute for held in given):
            return True
    return False


def reachable(module: Any, index: int) -> set[int]:
    """Return a method and those that it calls on ``self``, and so on: they may run while the Session is open."""
    parent = module.bodies[index].parent
    by_name = {body.name: at for at, body in enumerate(module.bodies) if body.parent == parent}
    found: set[int] = set()
    waiting = [index]
    while waiting:
        at = waiting.pop()
        if at in found:
            continue
        found.add(at)
        body = module.bodies[at]
        defined = definitions(body)
        waiting += [by_name[name] for name in by_name if any(is_on_self(defined, to, name) for to in defined)]
    return found
