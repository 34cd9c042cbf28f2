"""What the methods of an object find in ``self``: what ``__init__`` put there, where no other method changes it.

The object is taken to be made with the defaults of ``__init__``. What is kept of its fields is what leads to a Session:
Sessions, what makes them, functions, classes and objects. Plain values and rows are not: they change with time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Factory, Object, Session, Thing
from tether.check.abstract.values import Class, Constant, External, Function, Module, Ref, Value
from tether.check.interpreting.interpreter import Interpreter, OwnFields
from tether.check.lowering import ops
from tether.check.python.methods import ancestors

DEEPEST = 3  # objects in fields of objects
MAKING = ("__init__", "__new__", "__post_init__")


def fields_that_stay(interpreter: Interpreter, class_: Class, made: State, number: int) -> OwnFields:
    """Return the fields of an object that stay as ``__init__`` left them, and the things they lead to."""
    own = made.get(number, Object)
    changed = assigned_later(interpreter, class_)
    fields: dict[str, Value] = {}
    things: dict[int, Thing] = {}
    for name, value in own.fields.items() if own is not None else ():
        leads_to: dict[int, Thing] = {}
        if name not in changed and is_lasting(made, value, leads_to):
            fields[name] = value
            things |= leads_to
    return OwnFields(fields, things)


def is_lasting(state: State, value: Value, things: dict[int, Thing], depth: int = 0) -> bool:
    """Return whether a value stays what it is; the things it leads to are put into *things*."""
    return bool(value) and all(is_lasting_atom(state, atom, things, depth) for atom in value)


def is_lasting_atom(state: State, atom: Any, things: dict[int, Thing], depth: int) -> bool:
    """Return whether one atom of a field stays what it is."""
    if isinstance(atom, Function | External):
        return atom.receiver is None or is_lasting_atom(state, atom.receiver, things, depth + 1)
    if isinstance(atom, Class | Module):
        return True
    thing = state.thing(atom.id) if isinstance(atom, Ref) else None
    match thing:
        case Session(owner="own"):  # whoever has the object may use and end it
            things[atom.id] = replace(thing, owner="parameter", escaped=True, managed=False)
        case Session() | Factory():
            things[atom.id] = thing
            if isinstance(thing, Factory) and (ambient := state.get(thing.ambient, Session)) is not None:
                things[thing.ambient] = ambient
        case Object() if depth < DEEPEST:
            kept = {
                name: held
                for name, held in thing.fields.items()
                if is_lasting(state, held, things, depth + 1)
            }
            things[atom.id] = replace(thing, fields=kept)
        case _:
            return False
    return True


def is_set_later(interpreter: Interpreter, class_: Class, name: str, held: Value) -> bool:
    """Return whether a plain value of a class, such as None, is only there until a method sets another."""
    if not held or not interpreter.in_function() or not all(isinstance(atom, Constant) for atom in held):
        return False
    return name in assigned_later(interpreter, class_)


def assigned_later(interpreter: Interpreter, class_: Class) -> frozenset[str]:
    """Return the attributes that methods other than ``__init__`` assign to, of the class and what it derives from."""
    own = [
        assigned_in(interpreter, found)
        for found in ancestors(interpreter, class_)
        if isinstance(found, Class)
    ]
    return frozenset().union(*own)


def assigned_in(interpreter: Interpreter, class_: Class) -> frozenset[str]:
    """Return the attributes that methods of one class other than ``__init__`` assign to or delete."""
    known = interpreter.assigned.get(class_)
    if known is None:
        known = interpreter.assigned[class_] = frozenset(assignments(interpreter, class_))
    return known


def assignments(interpreter: Interpreter, class_: Class) -> Iterator[str]:
    """Yield the same, one by one."""
    inside = f"{class_.qualname}."
    for body in interpreter.project.module(class_.module).bodies:
        if body.qualname.startswith(inside) and body.qualname.removeprefix(inside) not in MAKING:
            for op in (op for block in body.blocks for op in block.ops):
                if isinstance(op, ops.SetAttribute | ops.DeleteAttribute):
                    yield op.name
