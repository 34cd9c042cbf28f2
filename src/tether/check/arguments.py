"""Arguments and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tether.check.interpreter import Interpreter
from tether.check.state import State
from tether.check.things import Collection, Frame
from tether.check.values import NOTHING, UNKNOWN, Function, Ref, Value, join, one


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
        kind=kind, element=join(held) if held else NOTHING, items={} if more else dict(items)
    )
    return one(Ref(number))


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
