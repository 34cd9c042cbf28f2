"""Where a value goes that outlives the call: globals, classes, caches, tasks that run on their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import DETACHED, Collection, Frame, Instance, Object, Where
from tether.check.abstract.values import Class, Module, Ref, Value
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.subjects import instances_in, is_row


def keep(interpreter: Interpreter, where: Where, state: State, source: Value, holder: Value) -> None:
    """Tell of rows that are put into something which outlives the function."""
    rows = list(rows_in(state, source))
    place = next((name for atom in holder if rows and (name := outliving(interpreter, state, atom))), "")
    for number, instance in rows if place else ():
        interpreter.tell("kept", where, number=number, instance=instance, detail=place)


def outliving(interpreter: Interpreter, state: State, atom: Any) -> str:
    """Return what outlives the function about an atom: "a global", "a class"; "" if nothing does."""
    if isinstance(atom, Class):
        return "a class"
    if isinstance(atom, Module):
        return "a module"
    thing = state.thing(atom.id) if isinstance(atom, Ref) else None
    if isinstance(thing, Collection) or (
        isinstance(thing, Object) and thing.external and not thing.external.startswith("weakref")
    ):
        name = global_name(interpreter, state, atom)
        if name and (interpreter.in_function() or name.isupper()):
            return f"the global {name}"
        if interpreter.in_function() and (name := class_attribute(interpreter, state, atom)):
            return f"the class attribute {name}"
    if (
        isinstance(thing, Object) and not thing.kept and interpreter.root_is_function
    ):  # not a script's own variable
        name = global_name(interpreter, state, atom)
        return f"the global {name}" if name else ""
    return ""


def global_name(interpreter: Interpreter, state: State, wanted: Ref) -> str:
    """Return the name of the global that surely is this thing."""
    frames, value = interpreter.module_frames(), frozenset([wanted])
    if wanted.id not in state.base:  # made since the modules were run: one that holds it was changed since
        frames = [number for number in frames if number in state.things]
    for number in frames:
        frame = state.get(number, Frame)
        for name, held in frame.variables.items() if frame else ():
            if held == value:
                return name
    return ""


def class_attribute(interpreter: Interpreter, state: State, wanted: Ref) -> str:
    """Return the name of the attribute of a module's class that surely is this thing, which instances share."""
    for class_, number in interpreter.class_frames.items() if wanted.id in state.base else ():
        frame = state.get(number, Frame)
        for name, held in frame.variables.items() if frame and "<locals>" not in class_.qualname else ():
            if held == frozenset([wanted]):
                return f"{class_.qualname}.{name}"
    return ""


def rows_in(state: State, value: Value, depth: int = 3) -> Iterator[tuple[int, Instance]]:
    """Yield the instances that surely are rows in a value: attached, so that their Session ends before they do.

    Not those that were expunged: who takes a row out of its Session means to have it without.
    """
    for number, instance in instances_in(state, value, depth):
        gone = instance.detached is not None and instance.detached.cause.startswith("expunge")
        if is_row(instance) and instance.session >= 0 and not (gone and DETACHED in instance.states):
            yield number, instance
