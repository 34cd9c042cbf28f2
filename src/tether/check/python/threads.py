"""Threads of the program: a class below ``threading.Thread`` whose ``run()`` works with what the object keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import DETACHED, Object, surely
from tether.check.abstract.values import Class, External, Function, Ref, references, single
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions, registers_read
from tether.check.orm.handing_over import has_key, key_of, named_sessions, sessions_behind
from tether.check.orm.subjects import instances_in
from tether.check.python.methods import ancestors, call_method, class_member

THREADS = ("threading.Thread", "multiprocessing.Process", "multiprocessing.context.Process")


def start(interpreter: Interpreter, site: Any, state: State) -> None:
    """``thread.start()``: tell of the rows and Sessions that ``run()`` works with, and run it on detached rows."""
    called = definitions(site.activation.body).get(site.op.function)
    if not isinstance(called, ops.GetAttribute) or called.name != "start":
        return
    for receiver in references(state.read(called.of)):
        thing = state.get(receiver.id, Object)
        run = run_of(interpreter, state, thing) if thing is not None else None
        if thing is not None and run is not None:
            hand_over(interpreter, site, state, thing, run)
            read_detached(interpreter, site, state, receiver)


def run_of(interpreter: Interpreter, state: State, thing: Object) -> Function | None:
    """Return ``run()`` of a thread of the project; None for anything else, and where ``start()`` is its own."""
    if thing.class_ is None or not is_thread(interpreter, thing.class_):
        return None
    if class_member(interpreter, state, thing.class_, "start"):
        return None
    found = single(class_member(interpreter, state, thing.class_, "run"))
    return found if isinstance(found, Function) and not found.wrapper else None


def is_thread(interpreter: Interpreter, class_: Class) -> bool:
    """Return whether a class is below one of Python's threads."""
    return any(isinstance(base, External) and base.name in THREADS for base in ancestors(interpreter, class_))


def hand_over(interpreter: Interpreter, site: Any, state: State, thing: Object, run: Function) -> None:
    """Tell of what the fields that ``run()`` works with hold."""
    where = site.activation.where(site.span)
    body, row = interpreter.body(run), interpreter.row(THREADS[0])
    for name, value in thing.fields.items():
        for number, instance in instances_in(state, value):
            keys = key_of(interpreter, instance) if has_key(interpreter, instance) else ()
            if works_with(body, name, keys):
                interpreter.tell("hand over", where, number=number, instance=instance, detail=row)
        for number, session in list(named_sessions(state, value)) if works_with(body, name, ()) else ():
            interpreter.tell("hand over", where, number=number, session=session, detail=row)
        for number, session in list(sessions_behind(state, value)):
            state.things[number] = replace(session, escaped=True)


def works_with(body: ops.Body, field: str, keys: tuple[str, ...]) -> bool:
    """Return whether a method reads more of ``self.field`` than the key of a row."""
    defined, first = definitions(body), body.parameters[0].name if body.parameters else ""
    every = [op for block in body.blocks for op in block.ops]
    held = {
        op.to
        for op in every
        if isinstance(op, ops.GetAttribute)
        and op.name == field
        and isinstance(of := defined.get(op.of), ops.Load)
        and of.name == first
    }
    return any(
        not (isinstance(op, ops.GetAttribute) and op.name in keys)
        for op in every
        if not held.isdisjoint(registers_read(op))
    )


def read_detached(interpreter: Interpreter, site: Any, state: State, receiver: Ref) -> None:
    """Tell of what ``run()`` reads of rows that surely are detached when it begins: nobody attaches them."""
    begun = len(interpreter.events)
    outside, interpreter.run = interpreter.run, None
    try:
        call_method(interpreter, site.activation, site.span, state.copy(), receiver, "run", None)
    finally:
        interpreter.run = outside
    interpreter.events[begun:] = [
        event
        for event in interpreter.events[begun:]
        if event.kind == "read" and event.instance is not None and surely(event.instance.states, DETACHED)
    ]
