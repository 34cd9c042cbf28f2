"""Calls: of functions and classes of the project, of what the lifecycle table knows, and of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNRECOVERED, State
from tether.check.abstract.things import (
    LOADED,
    TRANSIENT,
    Coroutine,
    Factory,
    Instance,
    Loader,
    Manager,
    Object,
    Session,
    Statement,
    Where,
)
from tether.check.abstract.values import UNKNOWN, Class, Constant, External, Function, Ref, Value, one
from tether.check.interpreting.arguments import bound, spread, spread_named
from tether.check.interpreting.flow import Activation, merged
from tether.check.interpreting.interpreter import Interpreter, TooLarge, step
from tether.check.lowering import ops
from tether.check.lowering.logs import only_logs
from tether.check.orm.ending import collect
from tether.check.orm.keeping import rows_in
from tether.check.orm.mapped import mapped
from tether.check.orm.tasks import DECORATOR, is_task, task, task_of
from tether.check.orm.unfollowed import fail
from tether.check.python.builtin import call_builtin, is_harmless
from tether.check.python.methods import class_member, outside_base
from tether.check.python.opaque import call_unfollowed, call_unknown
from tether.check.python.outside import ROUTE, call_anything, call_outside
from tether.check.python.plain import recall
from tether.check.python.records import fields_given
from tether.check.python.remembering import OPEN as OPEN_CALL
from tether.check.python.remembering import key_of_call, recalled, remembered

GENERATORS = ("generator", "async generator")


@dataclass(slots=True)
class Site:
    """A call: where it is, and its arguments.

    Attributes:
        more: There are arguments that are not known.
        alone: Nothing else may be called here.
    """

    activation: Activation
    op: ops.Call
    positional: list[Value]
    named: dict[str, Value]
    more: bool
    alone: bool = True

    @property
    def span(self) -> ops.Span:
        """Where it is."""
        return self.op.span


@step(ops.Call)
def run_call(interpreter: Interpreter, activation: Activation, op: ops.Call, state: State) -> list[State]:
    """``function(...)``."""
    stars, more = spread(state, [state.read(register) for register in op.star])
    named, others = spread_named(state, [state.read(register) for register in op.stars])
    positional = [*map(state.read, op.positional), *stars]
    for name, register in op.named:
        named[name] = state.read(register)
    function = state.read(op.function)
    in_order = sorted(function, key=repr) if len(function) > 1 else function
    atoms: list[Any] = [atom for atom in in_order if type(atom) is not Constant] or [None]
    site = Site(activation, op, positional, named, more or others, alone=len(atoms) == 1)
    # While a failed flush is handled, that something else went wrong as well would be a guess.
    if interpreter.run is not None and interpreter.run.is_seen(state) and UNRECOVERED not in state.path:
        harmless = all(is_harmless(interpreter, atom) for atom in atoms) or only_logs(activation.body, op)
        if not harmless:
            interpreter.run.raise_from(state)
    if len(atoms) == 1:
        return merged(after_call(interpreter, site, state, function, atoms[0]))
    with interpreter.shared_by(len(atoms)):
        ways = [after_call(interpreter, site, state.copy(), function, atom) for atom in atoms]
    return merged([after for way in ways for after in way])


def after_call(interpreter: Interpreter, site: Site, state: State, called: Value, atom: Any) -> list[State]:
    """Return the states after a call of one atom among those that may be *called*."""
    interpreter.called = called
    results: list[State] = []
    for after, value in call_atom(interpreter, site, state, atom):
        after.registers[site.op.to] = value
        if not after.dead:
            results.append(after)
    return results


def call_atom(interpreter: Interpreter, site: Site, state: State, atom: Any) -> list[tuple[State, Value]]:
    """Return what calling one atom gives, on each path."""
    match atom:
        case Function():
            return call_function(interpreter, site, state, atom)
        case Class():
            return instantiate(interpreter, site, state, atom)
        case External():
            value = call_builtin(interpreter, site, state, atom)
            if value is None:
                value = task_of(interpreter, site, state, atom)
            if value is not None:
                return [(state, value)]
            return call_outside(interpreter, site, state, atom)
        case Ref():
            return call_thing(interpreter, site, state, atom)
        case _:
            return [(state, call_anything(interpreter, site, state))]


def call_thing(interpreter: Interpreter, site: Site, state: State, atom: Ref) -> list[tuple[State, Value]]:
    """Call a thing: a factory makes a Session, an object of the project has ``__call__``."""
    thing = state.thing(atom.id)
    if isinstance(thing, Factory):
        return call_outside(interpreter, site, state, External(f"{thing.type}.__call__", atom))
    if isinstance(thing, Statement | Loader):
        return [(state, one(atom))]
    if isinstance(thing, Object) and thing.class_ is not None:
        held = class_member(interpreter, state, thing.class_, "__call__")
        functions = [found for found in held if isinstance(found, Function)]
        if len(functions) == 1:
            return call_function(interpreter, site, state, replace(functions[0], receiver=atom))
    if isinstance(thing, Object) and thing.external == ROUTE and site.positional:
        for found in site.positional[0]:
            if isinstance(found, Function):
                interpreter.routes[found.module, found.body] = thing.fields["model"]
                before = thing.fields["of router"], thing.fields["dependencies"]
                interpreter.route_dependencies[found.module, found.body] = before
        return [(state, site.positional[0])]
    if isinstance(thing, Object) and thing.external.endswith(DECORATOR):
        return [(state, task(interpreter, site, state, thing) or UNKNOWN)]
    if isinstance(thing, Object) and is_task(thing):
        first = [thing.fields["self"]] if "self" in thing.fields else []
        inner = replace(site, positional=[*first, *site.positional])
        return [result for run in thing.fields["run"] for result in call_atom(interpreter, inner, state, run)]
    if isinstance(thing, Object) and thing.external == "functools.partial":
        return call_partial(interpreter, site, state, thing)
    return [(state, call_unknown(interpreter, site, state))]


def call_partial(
    interpreter: Interpreter, site: Site, state: State, thing: Object
) -> list[tuple[State, Value]]:
    """Call what ``functools.partial`` made."""
    function = thing.fields.get("func", UNKNOWN)
    first = [thing.fields[name] for name in sorted(thing.fields) if name.startswith("@")]
    named = {
        name: value for name, value in thing.fields.items() if name != "func" and not name.startswith("@")
    }
    inner = replace(site, positional=[*first, *site.positional], named={**named, **site.named})
    (atom,) = function if len(function) == 1 else (None,)
    return call_atom(interpreter, inner, state, atom)


# ------------------------------------------------------------------- functions


def call_function(
    interpreter: Interpreter, site: Site, state: State, function: Function
) -> list[tuple[State, Value]]:
    """Call a function of the project."""
    if function.wrapper == "outside":
        return [(state, call_unknown(interpreter, site, state))]
    first = (
        [one(function.receiver)]
        if function.receiver is not None and function.wrapper != "staticmethod"
        else []
    )
    variables = bound(interpreter, state, function, [*first, *site.positional], site.named, more=site.more)
    body = interpreter.body(function)
    number = interpreter.number(site.activation, site.op.to, "call")
    if function.wrapper == "manager" or body.kind in GENERATORS:
        state.things[number] = Manager(
            function=replace(function, wrapper=""), arguments=variables, registers={},
        )  # fmt: skip
        return [(state, one(Ref(number)))]
    plain = plain_call(interpreter, site, state, function, variables)
    if plain is not None:
        return plain
    large = (function.module, function.body)
    if interpreter.too_deep(*large) or body.cut_short or interpreter.is_too_large(*large):
        fail(interpreter, site, state, function, variables)
        return [(state, call_unfollowed(interpreter, site, state, function))]
    try:
        results, sessions = run_or_recall(interpreter, site, state, function, variables)
    except TooLarge as error:
        interpreter.note_too_large(*large, error)
        fail(interpreter, site, state, function, variables)
        return [(state, call_unfollowed(interpreter, site, state, function))]
    if function.wrapper == "cached":
        for after, value in results:
            kept_by_cache(interpreter, function, after, value)
    for after, value in results:
        collect_sessions(interpreter, site, after, function, value, state)
    if body.kind != "async":
        return results
    here = site.activation.where(site.span)._replace(calls=())
    sessions = {held for held in sessions if not is_made_in(state, held, here)}
    return awaitable(site, number, results, frozenset(sessions))


def plain_call(
    interpreter: Interpreter, site: Site, state: State, function: Function, variables: dict[str, Value]
) -> list[tuple[State, Value]] | None:
    """Return what a plain call gives; None if it is not plain."""
    known = interpreter.plain.ending(interpreter, function, variables, state)
    if known is None:
        return None
    ending, given = known
    if ending.known:
        results = recall(interpreter, site.activation, site.op.to, state, ending, given)
    else:
        results = [(state, call_unknown(interpreter, site, state))]
    if interpreter.body(function).kind != "async":
        return results
    return awaitable(site, interpreter.number(site.activation, site.op.to, "call"), results, frozenset())


def awaitable(
    site: Site, number: int, results: list[tuple[State, Value]], sessions: frozenset[int]
) -> list[tuple[State, Value]]:
    """Return coroutines that give these results."""
    for held, value in results:
        held.things[number] = Coroutine(
            result=value, sessions=sessions, made=site.activation.where(site.span)
        )
    return [(held, one(Ref(number))) for held, _ in results]


def run_or_recall(
    interpreter: Interpreter, site: Site, state: State, function: Function, variables: dict[str, Value]
) -> tuple[list[tuple[State, Value]], set[int]]:
    """Return how a call ends, and which Sessions it uses; of a closed call as it ended the first time."""
    key = key_of_call(state, function, variables)
    known = interpreter.remembered.get(key) if key is not OPEN_CALL else None
    if known is not None:
        interpreter.used |= known[1]
        results: list[tuple[State, Value]] = []
        for part in known[0]:
            held = state if len(known[0]) == 1 else state.copy()
            number_of = partial(interpreter.number, site.activation, site.op.to, "recalled")
            results.append((held, recalled(held, part, number_of)))
        return results, set()
    interpreter.touched.append(set())
    used, interpreter.used = interpreter.used, set()
    try:
        _, outcome = interpreter.call_body(site.activation, site.span, function, variables, state)
    except TooLarge:
        interpreter.touched.pop()
        interpreter.used |= used
        raise
    used_here = interpreter.used
    used |= used_here
    interpreter.used = used
    sessions = interpreter.touched.pop()
    for outer in interpreter.touched:
        outer |= sessions
    results = interpreter.returned(outcome, state)
    if key is not OPEN_CALL:
        parts = [remembered(state, after, value) for after, value in results]
        if all(part is not None for part in parts):
            interpreter.remembered[key] = ([part for part in parts if part is not None], used_here)
    return results, sessions


def is_made_in(state: State, number: int, call: Where) -> bool:
    """Return whether a Session is made inside a call."""
    session = state.get(number, Session)
    return session is None or (session.made is not None and call in session.made.calls)


def collect_sessions(
    interpreter: Interpreter, site: Site, state: State, function: Function, value: Value, before: State
) -> None:
    """A Session that nothing refers to any more once the function has returned is garbage-collected."""
    made = [
        number
        for number, session in state.sessions()
        if session.made is not None
        and session.made[:2] == (function.module, function.body)
        and number not in before.things
    ]
    if made and function.wrapper != "cached":
        collect(
            interpreter,
            site.activation.where(site.span),
            state,
            made,
            value,
            (function.module, function.body),
        )


def kept_by_cache(interpreter: Interpreter, function: Function, state: State, value: Value) -> None:
    """Tell of rows that ``lru_cache`` keeps; not those of a function that is made anew by each call around it."""
    body = interpreter.body(function)
    if interpreter.project.module(function.module).bodies[body.parent].kind not in ("module", "class"):
        return
    returns = [
        op
        for block in body.blocks
        for op in block.ops
        if isinstance(op, ops.Return) and op.source != ops.NONE
    ]
    for number, session in state.of(value, Session):
        if session.made is not None and session.owner == "own":
            state.things[number] = replace(session, owner="global")
            interpreter.tell("global session", session.made, number=number, session=session)
    for number, instance in rows_in(state, value):
        for op in returns:
            where = Where(function.module, function.body, *op.span)
            interpreter.tell("kept", where, number=number, instance=instance, detail="a cache")


# --------------------------------------------------------------------- classes


def instantiate(
    interpreter: Interpreter, site: Site, state: State, class_: Class
) -> list[tuple[State, Value]]:
    """Call a class: a transient instance of a mapped one, an object of another."""
    mapping = mapped(interpreter, class_)
    number = interpreter.number(site.activation, site.op.to, "new")
    where = site.activation.where(site.span)
    value = one(Ref(number))
    if mapping is not None:
        names = {
            name: held
            for name, held in site.named.items()
            if mapping.kind(name) in ("column", "relationship")
        }
        state.things[number] = Instance(
            model=class_,
            states=frozenset({TRANSIENT}),
            attributes=dict.fromkeys(names, frozenset({LOADED})),
            held=names,
            changed={},
            written={},
            loaded=where,
            flags=frozenset({"created", "more given"} if site.more else {"created"}),
        )
        interpreter.tell(
            "create", where, number=number, instance=state.get(number, Instance), detail=(names, state)
        )
        if not class_member(interpreter, state, class_, "__init__"):
            return [(state, value)]
    else:
        outside = outside_base(interpreter, class_)
        if outside:
            row_value = call_outside(interpreter, site, state, External(outside))
            if any(isinstance(atom, Ref) for _, held in row_value for atom in held):
                return [(of_subclass(after, held, class_), held) for after, held in row_value]
        state.things[number] = Object(class_=class_, fields=fields_given(interpreter, class_, site))
    held = class_member(interpreter, state, class_, "__init__")
    if not held and mapping is None:
        held, site = class_member(interpreter, state, class_, "__post_init__"), without_arguments(site)
    functions = [atom for atom in held if isinstance(atom, Function)]
    if len(functions) != 1:
        return [(state, value)]
    results = call_function(interpreter, site, state, replace(functions[0], receiver=Ref(number)))
    return [(after, value) for after, _ in results]


def without_arguments(site: Site) -> Site:
    """Return a call at the same place that gives nothing: ``__post_init__()``."""
    return replace(site, positional=[], named={}, more=False)


def of_subclass(state: State, value: Value, class_: Class) -> State:
    """Note which class of the project a Session that was made is of."""
    for number, session in list(state.of(value, Session)):
        state.things[number] = replace(session, subclass=class_)
    return state
