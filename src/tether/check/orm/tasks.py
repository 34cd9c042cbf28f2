"""Functions that Celery and Dramatiq make tasks of: called they run here, what is sent goes to a worker."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Object
from tether.check.abstract.values import NOTHING, External, Function, Ref, Value, literal, one, single
from tether.check.interpreting.interpreter import Interpreter

TASK = "celery.app.task.Task"
TASKS = {"celery": TASK, "dramatiq": "dramatiq.Actor"}  # what each package makes of a function
SENDING = ("apply_async", "delay", "send_task")  # methods that an app of the project may have of its own
DECORATOR = "()"  # behind the name of what it makes


def task_of(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """Return what ``@app.task`` makes of a function, or ``app.task(...)`` itself; None for any other call."""
    row = interpreter.row(interpreter.canonical(function.name))
    if row is None or row.role != "boundary" or row.package not in TASKS:
        return None
    if sends_by_itself(interpreter, state, function):
        return None
    made = Object(external=TASKS[row.package], fields={})
    if literal(site.named.get("bind", NOTHING)) is True:
        made = replace(made, fields={"self": one(External(made.external))})
    return (
        task(interpreter, site, state, made) if site.positional else decorator(interpreter, site, state, made)
    )


def sends_by_itself(interpreter: Interpreter, state: State, function: External) -> bool:
    """Return whether a task is of an app of the project whose module says how it is sent: rows may go as their keys."""
    thing = state.thing(function.receiver.id) if isinstance(function.receiver, Ref) else None
    if not isinstance(thing, Object) or thing.class_ is None:
        return False
    return any(body.name in SENDING for body in interpreter.project.module(thing.class_.module).bodies)


def task(interpreter: Interpreter, site: Any, state: State, made: Object) -> Value | None:
    """Return the task of the function that is the first argument; None where it is none of the project."""
    run = site.positional[0] if site.positional else NOTHING
    if not isinstance(single(run), Function):
        return None
    number = interpreter.number(site.activation, site.op.to, "task")
    external = made.external.removesuffix(DECORATOR)
    state.things[number] = replace(made, external=external, fields={**made.fields, "run": run})
    return one(Ref(number))


def decorator(interpreter: Interpreter, site: Any, state: State, made: Object) -> Value:
    """Return ``app.task(...)``, which is called with the function."""
    number = interpreter.number(site.activation, site.op.to, "task decorator")
    state.things[number] = replace(made, external=made.external + DECORATOR)
    return one(Ref(number))


def is_task(thing: Object) -> bool:
    """Return whether a thing is a task of a function of the project."""
    return thing.external in TASKS.values() and "run" in thing.fields
