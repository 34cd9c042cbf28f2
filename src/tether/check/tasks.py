"""Functions that Celery makes tasks of: called they run here, with ``delay()`` their arguments go to a worker."""

from __future__ import annotations

from typing import Any

from tether.check.interpreter import Interpreter
from tether.check.state import State
from tether.check.things import Object
from tether.check.values import NOTHING, External, Function, Ref, Value, literal, one, single

TASK = "celery.app.task.Task"
DECORATOR = "celery.a decorator"


def task_of(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """Return what ``@app.task`` makes of a function, or ``app.task(...)`` itself; None for any other call."""
    row = interpreter.row(interpreter.canonical(function.name))
    if row is None or row.role != "boundary" or row.package != "celery":
        return None
    bound = literal(site.named.get("bind", NOTHING)) is True
    return (
        task(interpreter, site, state, bound=bound)
        if site.positional
        else decorator(interpreter, site, state, bound=bound)
    )


def task(interpreter: Interpreter, site: Any, state: State, *, bound: bool) -> Value | None:
    """Return the task of the function that is the first argument; None where it is none of the project."""
    run = site.positional[0] if site.positional else NOTHING
    if not isinstance(single(run), Function):
        return None
    fields = {"run": run} | ({"self": one(External(TASK))} if bound else {})
    number = interpreter.number(site.activation, site.op.to, "task")
    state.things[number] = Object(external=TASK, fields=fields)
    return one(Ref(number))


def decorator(interpreter: Interpreter, site: Any, state: State, *, bound: bool) -> Value:
    """Return ``app.task(...)``, which is called with the function."""
    number = interpreter.number(site.activation, site.op.to, "task decorator")
    state.things[number] = Object(external=DECORATOR, fields={"self": one(External(TASK))} if bound else {})
    return one(Ref(number))
