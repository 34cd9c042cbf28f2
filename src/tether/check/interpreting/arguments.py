"""Arguments and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection, Frame
from tether.check.abstract.values import NOTHING, UNKNOWN, Function, Ref, Value, join, one
from tether.check.interpreting.interpreter import Interpreter

WHOLE = "whole"  # among the uses of a collection: its items are all there are


def bound(
    interpreter: Interpreter, state: State, function: Function, positional: Sequence[Value],
    named: Mapping[str, Value], *, more: bool,
) -> dict[str, Value]:  # fmt: skip
    """Return the variables a function begins with.

    Where there are arguments that are not known, from ``*`` or ``**`` (*more*), what is missing may be anything.
    """
    body = interpreter.body(function)
    number = interpreter.derived("defaults", function.module, function.body, function.frame)
    defaults = state.get(number, Frame)
    variables: dict[str, Value] = {}
    waiting = list(positional)
    rest = dict(named)
    for parameter in body.parameters:
        name = parameter.name
        if parameter.kind == "*":
            variables[name] = collection(
                interpreter, state, function, name, "tuple", dict(enumerate(waiting)), more
            )
            waiting = []
        elif parameter.kind == "**":
            variables[name] = collection(interpreter, state, function, name, "dict", rest, more)
            rest = {}
        elif parameter.kind == "positional" and waiting:
            variables[name] = waiting.pop(0)
        elif name in rest:
            variables[name] = rest.pop(name)
        elif more:
            variables[name] = UNKNOWN
        else:
            variables[name] = defaults.variables.get(name, UNKNOWN) if defaults else UNKNOWN
    return variables


def collection(
    interpreter: Interpreter, state: State, function: Function, name: str, kind: str,
    items: Mapping[int, Value] | Mapping[str, Value], more: bool,
) -> Value:  # fmt: skip
    """Return what ``*args`` or ``**kwargs`` holds."""
    number = interpreter.derived(
        "rest", function.module, function.body, function.frame, name, len(interpreter.calls)
    )
    held = [*items.values(), UNKNOWN] if more else list(items.values())
    state.things[number] = Collection(
        kind=kind,
        element=join(held) if held else NOTHING,
        items={} if more else dict(items),
        uses=frozenset() if more else frozenset({WHOLE}),
    )
    return one(Ref(number))


def whole(state: State, value: Value) -> Mapping[Any, Value] | None:
    """Return all that ``*args`` or ``**kwargs`` holds; None where it may be more, or *value* is something else."""
    found = state.only(value, Collection)
    if found is None or len(value) != 1 or WHOLE not in found[1].uses:
        return None
    return found[1].items if found[1].items or not found[1].element else None


def asked(state: State, receiver: Ref, thing: Collection, name: str, key: Any) -> bool:
    """Return whether ``kwargs.get()`` or ``pop()`` finds nothing; what is popped is taken out."""
    held = whole(state, one(receiver))
    if held is None:
        return False
    if name in ("get", "pop") and isinstance(key, str) and key not in held:
        return True
    if name == "pop" and isinstance(key, str):
        left = {other: value for other, value in held.items() if other != key}
        element = join(list(left.values())) if left else NOTHING
        state.things[receiver.id] = replace(thing, items=left, element=element)
    elif name.startswith("pop"):
        state.things[receiver.id] = replace(thing, items={}, uses=thing.uses - {WHOLE})
    return False


def spread(state: State, values: Sequence[Value]) -> tuple[list[Value], bool]:
    """Return the arguments that ``*values`` stand for, and whether there may be others."""
    found: list[Value] = []
    for value in values:
        held = state.only(value, Collection)
        if held is None or (held[1].element and not held[1].items):
            return found, True
        found += [held[1].items[key] for key in sorted(held[1].items, key=str)]
    return found, False


def spread_named(state: State, values: Sequence[Value]) -> tuple[dict[str, Value], bool]:
    """Return the arguments that ``**values`` stand for, and whether there may be others."""
    found: dict[str, Value] = {}
    for value in values:
        held = state.only(value, Collection)
        if held is None or (held[1].element and not held[1].items):
            return found, True
        found |= {str(key): item for key, item in held[1].items.items()}
    return found, False
