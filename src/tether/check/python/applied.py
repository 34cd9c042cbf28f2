"""Functions that are called with each element: ``sorted(rows, key=...)``, ``map(...)``, ``rows.sort(key=...)``."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Object
from tether.check.abstract.values import (
    NOTHING,
    UNKNOWN,
    Function,
    Ref,
    Value,
    join,
    literal,
    one,
    references,
    single,
)
from tether.check.interpreting.arguments import bound
from tether.check.interpreting.interpreter import Interpreter, TooLarge
from tether.check.lowering import ops
from tether.check.python.attributes import run_get_attribute
from tether.check.python.loops import in_turn

GETTER = "operator.attrgetter"
NOT_FOLLOWED = ("outside", "manager", "cached")
OF = -2_000  # registers of an attribute that is read of each element: below those of ``getattr()``


def apply(interpreter: Interpreter, site: Any, state: State, called: Value, elements: Value) -> Value | None:
    """Call something with each of *elements*; return what it gives, None if it is not followed.

    It is called where this is written, although ``map()`` waits until somebody asks: nearly always in the same line.
    There may be no elements, so that nothing is sure afterwards of what the calls do.
    """
    if not references(elements):
        return None
    inner = state.copy()
    where = site.activation.where(site.span)
    element = in_turn(interpreter, site.activation, inner, elements, where, site.op.to)
    match single(called):
        case Function() as function:
            results = called_with(interpreter, site, inner, function, element)
        case Ref(id=number) if (name := attribute_of(state, number)) is not None:
            results = read_of(interpreter, site, inner, element, name)
        case _:
            results = None
    if results is None:
        return None
    for after, _ in results:
        state.things = state.join(after).things
    return join([value for _, value in results]) if results else UNKNOWN


def called_with(
    interpreter: Interpreter, site: Any, state: State, function: Function, element: Value
) -> list[tuple[State, Value]] | None:
    """Return the states after a call with one element; None if the function is not followed."""
    place = (function.module, function.body)
    body = interpreter.body(function)
    if (
        function.wrapper in NOT_FOLLOWED
        or body.kind not in ("function", "lambda")
        or body.cut_short
        or interpreter.too_deep(*place)
        or interpreter.is_too_large(*place)
    ):
        return None
    bare = function.receiver is None or function.wrapper == "staticmethod"
    first = [] if bare or function.receiver is None else [one(function.receiver)]
    variables = bound(interpreter, state, function, [*first, element], {}, more=False)
    try:
        _, outcome = interpreter.call_body(site.activation, site.span, function, variables, state)
    except TooLarge as error:
        interpreter.note_too_large(*place, error)
        return None
    return interpreter.returned(outcome, state)


def attribute_of(state: State, number: int) -> str | None:
    """Return the attribute that an ``attrgetter()`` reads; None for anything else."""
    thing = state.get(number, Object)
    name = (
        literal(thing.fields.get("name", NOTHING)) if thing is not None and thing.external == GETTER else None
    )
    return name if isinstance(name, str) and "." not in name else None


def read_of(
    interpreter: Interpreter, site: Any, state: State, element: Value, name: str
) -> list[tuple[State, Value]]:
    """Return the states after an attribute of one element was read."""
    register = OF - site.op.to
    state.registers[register] = element
    op = ops.GetAttribute(register, register, name, site.span)
    after = run_get_attribute(interpreter, site.activation, op, state)
    return [(held, held.registers.get(register, UNKNOWN)) for held in after]
