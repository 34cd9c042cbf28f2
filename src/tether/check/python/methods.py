"""Members of classes of the project: methods, properties, and where a name is found along the bases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Coroutine, Frame, Object
from tether.check.abstract.values import (
    NOTHING,
    UNKNOWN,
    Class,
    External,
    Function,
    Ref,
    Value,
    join,
    one,
    single,
)
from tether.check.interpreting.arguments import bound
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, TooLarge
from tether.check.lowering import ops
from tether.check.orm.sending import end_of_work
from tether.check.python.opaque import let_go
from tether.check.python.plain import Ending, recall

GETTERS = ("property", "cached_property", "hybrid_property")
MOST_BASES = 40
SUPER = "builtins.super"  # the external name of what ``super()`` gives


def ancestors(interpreter: Interpreter, class_: Class) -> Iterator[Class | External]:
    """Yield a class and what it derives from, nearest first."""
    waiting: list[Class | External] = [class_]
    seen: list[Class | External] = []
    while waiting and len(seen) < MOST_BASES:
        found = waiting.pop(0)
        if found in seen:
            continue
        seen.append(found)
        yield found
        if isinstance(found, Class):
            interpreter.module_frame(found.module)
            for value in interpreter.class_bases.get(found, ()):
                waiting += [atom for atom in value if isinstance(atom, Class | External)]


def is_generic(interpreter: Interpreter, class_: Class) -> bool:
    """Return whether ``class_[...]`` is the class again, as far as is known; of an Enum it is a member."""
    return not any(
        isinstance(base, External) and base.name.startswith("enum.")
        for base in ancestors(interpreter, class_)
    )


def class_member(interpreter: Interpreter, state: State, class_: Class, name: str) -> Value:
    """Return what a class, or the nearest base that has it, binds to a name; NOTHING if none does."""
    for found in ancestors(interpreter, class_):
        if isinstance(found, Class):
            frame = state.get(interpreter.class_frames.get(found, -1), Frame)
            if frame is not None and name in frame.variables:
                return frame.variables[name]
    return NOTHING


def behind(interpreter: Interpreter, state: State, thing: Object, name: str) -> Value:
    """Return a method as ``super()`` finds it: in the bases behind the class that *thing* is of."""
    receiver = single(thing.fields["self"])
    held = state.thing(receiver.id) if isinstance(receiver, Ref) else None
    class_ = (
        receiver if isinstance(receiver, Class) else getattr(held, "class_", getattr(held, "model", None))
    )
    if class_ is None or not isinstance(receiver, Class | Ref):
        return UNKNOWN
    passed = False
    for found in ancestors(interpreter, class_):
        frame = (
            state.get(interpreter.class_frames.get(found, -1), Frame) if isinstance(found, Class) else None
        )
        if passed and frame is not None and name in frame.variables:
            return frozenset(bound_method(atom, receiver) for atom in frame.variables[name])
        passed = passed or found == thing.class_
    return UNKNOWN


def bound_method(atom: Any, receiver: Ref | Class) -> Any:
    """Return a function of a class bound to what ``super()`` was called for."""
    plain = isinstance(atom, Function) and atom.wrapper != "staticmethod" and atom.receiver is None
    return replace(atom, receiver=receiver) if plain else atom


def read_property(
    interpreter: Interpreter, activation: Activation, op: Any, state: State, receiver: Ref, class_: Class
) -> list[State]:
    """Read a name from the class of an instance or object: a method is bound, a property is run."""
    held = class_member(interpreter, state, class_, op.name)
    getters = [atom for atom in held if isinstance(atom, Function) and atom.wrapper in GETTERS]
    if len(getters) == 1 and len(held) == 1:
        return run_function(
            interpreter, activation, op.span, state, replace(getters[0], wrapper=""), receiver, op.to
        )
    if op.name == "__class__":
        state.registers[op.to] = one(class_)
        return [state]
    state.registers[op.to] = frozenset(bound_to(atom, receiver, class_) for atom in held) or outside_member(
        interpreter, class_, op.name, receiver
    )
    return [state]


def outside_member(interpreter: Interpreter, class_: Class, name: str, receiver: Ref) -> Value:
    """Return a member that only a base from outside the project can have."""
    for found in ancestors(interpreter, class_):
        if isinstance(found, External):
            full = interpreter.canonical(f"{found.name}.{name}")
            if full in interpreter.table.rows:
                return one(External(full, receiver))
    return UNKNOWN


def bound_to(atom: Any, receiver: Ref, class_: Class) -> Any:
    """Return a function of a class as a method."""
    if not isinstance(atom, Function) or atom.wrapper == "staticmethod" or atom.receiver is not None:
        return atom
    return replace(atom, receiver=class_ if atom.wrapper == "classmethod" else receiver)


def call_method(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, receiver: Ref, name: str,
    to: int | None, arguments: tuple[Value, ...] = (),
) -> list[State]:  # fmt: skip
    """Call a method such as ``__enter__``; of arguments that are not given nothing is known."""
    thing = state.thing(receiver.id)
    class_ = thing.class_ if isinstance(thing, Object) else getattr(thing, "subclass", None)
    held = class_member(interpreter, state, class_, name) if class_ else NOTHING
    functions = [atom for atom in held if isinstance(atom, Function)]
    if len(functions) != 1:
        return not_followed(state, to)
    return run_function(interpreter, activation, span, state, functions[0], receiver, to, arguments)


def not_followed(state: State, to: int | None) -> list[State]:
    """Return the state after a method of which nothing is known: it may end a transaction."""
    end_of_work(state)
    if to is not None:
        state.registers[to] = UNKNOWN
    return [state]


def run_function(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, function: Function, receiver: Ref,
    to: int | None, arguments: tuple[Value, ...] = (),
) -> list[State]:  # fmt: skip
    """Run a method that takes nothing but what it is bound to; ``await`` is taken as done."""
    variables = bound(interpreter, state, function, [one(receiver), *arguments], {}, more=True)
    plain = interpreter.plain.ending(interpreter, function, variables, state)
    if plain is not None:
        return after_plain(interpreter, activation, span, state, receiver, to, *plain)
    if interpreter.too_deep(function.module, function.body) or interpreter.is_too_large(
        function.module, function.body
    ):
        return not_followed(state, to)
    try:
        _, outcome = interpreter.call_body(activation, span, function, variables, state)
    except TooLarge as error:
        interpreter.note_too_large(function.module, function.body, error)
        return not_followed(state, to)
    after = []
    for held, value in interpreter.returned(outcome, state):
        if to is not None:
            results = [thing.result for _, thing in held.of(value, Coroutine)]
            held.registers[to] = join(results) if results else value
        after.append(held)
    return after


def after_plain(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, receiver: Ref, to: int | None,
    ending: Ending, given: tuple[int, ...],
) -> list[State]:  # fmt: skip
    """Return the states after a method that neither a Session nor an instance has a part in."""
    if ending.known:
        results = recall(interpreter, activation, (to, span), state, ending, given)
    else:
        let_go(interpreter, state, one(receiver))
        results = [(state, UNKNOWN)]
    for held, value in results:
        if to is not None:
            held.registers[to] = value
    return [held for held, _ in results]


def outside_base(interpreter: Interpreter, class_: Class) -> str:
    """Return the name of a base from outside that the lifecycle table knows: a Session of the project's own; or ""."""
    for found in ancestors(interpreter, class_):
        if isinstance(found, External) and interpreter.row(interpreter.canonical(found.name)) is not None:
            return interpreter.canonical(found.name)
    return ""
