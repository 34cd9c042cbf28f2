"""Threads that are started and coroutines that run beside others."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection, Coroutine, Session
from tether.check.abstract.values import UNKNOWN, External, Ref, Value, join, one
from tether.check.interpreting.interpreter import Interpreter
from tether.check.python.builtin import builtin

AWAITING = ("asyncio.gather", "asyncio.wait", "asyncio.as_completed")


@builtin("asyncio.create_task", "asyncio.ensure_future", "asyncio.TaskGroup.create_task")
def call_start(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``create_task(...)``: runs beside what comes next; a Session in it is shared if another task has it."""
    started = [pair for value in site.positional[:1] for pair in state.of(value, Coroutine)]
    for number, coroutine in started:
        for session in coroutine.sessions:
            thing = state.get(session, Session)
            if thing is not None:
                others = thing.tasks - {number}
                state.things[session] = replace(thing, tasks=thing.tasks | {number})
                if others:
                    detail = [(held, state.get(held, Coroutine)) for held in sorted(thing.tasks | {number})]
                    interpreter.tell("gather", site.activation.where(site.span),
                                     detail=(detail, state, False, function.name))  # fmt: skip
    return site.positional[0] if started else None


@builtin(*AWAITING)
def call_gather(interpreter: Interpreter, site: Any, state: State, function: External) -> Value | None:
    """``asyncio.gather(...)``: its coroutines run at the same time."""
    waiting = [(number, thing) for value in site.positional for number, thing in coroutines(state, value)]
    for register in site.op.star:  # gather(*[f(session, x) for x in several])
        for _, several in state.of(state.read(register), Collection):
            if not several.items:
                waiting += [
                    (number, replace(thing, many=True))
                    for number, thing in state.of(several.element, Coroutine)
                ]
    interpreter.tell(
        "gather", site.activation.where(site.span), detail=(waiting, state, site.more, function.name)
    )
    results = [thing.result for _, thing in waiting]
    number = interpreter.number(site.activation, site.op.to, "gathered")
    state.things[number] = Collection(
        kind="list", element=join(results) if results else UNKNOWN,
        items=dict(enumerate(results)) if len(results) == len(site.positional) and not site.more else {},
    )  # fmt: skip
    return one(Ref(number))


def coroutines(state: State, value: Value) -> list[tuple[int, Coroutine]]:
    """Return the coroutines a value is, or holds in a collection."""
    found = list(state.of(value, Coroutine))
    for _, thing in state.of(value, Collection):
        found += [
            pair
            for element in (thing.items.values() or [thing.element])
            for pair in state.of(element, Coroutine)
        ]
    return found
