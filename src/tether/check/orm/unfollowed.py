"""What may be said of a function of the project that is not followed, because it is too large or too deep.

Only this: it adds to a Session that it is given and flushes it, and catches nothing there. Then the flush may fail, and
the caller gets the error and a Session that needs a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Session, Where
from tether.check.abstract.values import Function, Value
from tether.check.interpreting.flow import NO_HANDLER
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions
from tether.check.orm.failing import flush_failed

ADDING = ("add", "add_all")
FLUSHING = ("flush", "commit")


def fail(
    interpreter: Interpreter, site: Any, state: State, function: Function, variables: Mapping[str, Value]
) -> None:
    """Let the error of a failed flush leave a function that is not followed."""
    run = interpreter.run
    if run is None or not run.may_raise():
        return
    body = interpreter.body(function)
    for parameter in body.parameters:
        found = state.only(variables.get(parameter.name, frozenset()), Session)
        span = uncaught_flush(body, parameter.name) if found is not None else None
        if found is not None and span is not None:
            number, _ = found
            call = site.activation.where(site.span)
            calls = (*call.calls, call._replace(calls=()))
            where = Where(function.module, function.body, *span, cause="", calls=calls)
            failed = state.copy()
            flush_failed(failed, number, where)
            run.raise_from(failed, database=True, flush=True)
            return


def uncaught_flush(body: ops.Body, name: str) -> ops.Span | None:
    """Return where a body flushes what it added to the Session in a variable, outside of any ``try`` and ``with``."""
    defined = definitions(body)
    adds = False
    for block in body.blocks:
        for op in block.ops:
            member = defined.get(op.function) if isinstance(op, ops.Call) else None
            holder = defined.get(member.of) if isinstance(member, ops.GetAttribute) else None
            if not isinstance(member, ops.GetAttribute) or not is_variable(holder, name):
                continue
            adds |= member.name in ADDING
            if adds and member.name in FLUSHING and block.handler == NO_HANDLER:
                span: ops.Span = op.span
                return span
    return None


def is_variable(op: Any, name: str) -> bool:
    """Return whether an op reads a variable of the function."""
    return isinstance(op, ops.Load) and op.name == name and op.scope != "global"
