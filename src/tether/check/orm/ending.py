"""What a Session takes with it where it is garbage-collected."""

from __future__ import annotations

from collections.abc import Iterable

from tether.check.abstract.changing import replace
from tether.check.abstract.idling import is_idle
from tether.check.abstract.state import State
from tether.check.abstract.things import (
    CLOSED,
    DETACHED,
    LINGERING,
    OPEN,
    PERSISTENT,
    Collection,
    Frame,
    Instance,
    Manager,
    Object,
    Result,
    Session,
    Statement,
    Where,
    surely,
)
from tether.check.abstract.values import NOTHING, Ref, Value
from tether.check.interpreting.interpreter import Interpreter

NO_BODY = ("", -1)


def collect(
    interpreter: Interpreter, where: Where, state: State, numbers: Iterable[int], value: Value = NOTHING,
    over: tuple[str, int] = NO_BODY,
) -> None:  # fmt: skip
    """Let Sessions be garbage-collected, those to which nothing refers any more: neither *value* nor a variable.

    The variables of a call that is *over*, (module, body), do not count. A Session without a transaction goes at once.
    One with a transaction goes when the cyclic garbage collector next runs, nobody knows when, as the two refer to each
    other: until then its rows are attached (SQLAlchemy 2.0.58 and 2.1.9).
    """
    held = referred(state, value, over)
    for number in numbers:
        session = state.get(number, Session)
        if session is None or number in held or session.escaped or not surely(session.life, OPEN):
            continue
        abandoned(interpreter, state, number, session)
        interpreter.tell("left session", session.made or where, number=number, session=session, detail=state)
        gone, at_once = where._replace(cause="garbage collection"), is_idle(state, number)
        for instance_number, instance in state.members(number):
            if instance.states == frozenset({PERSISTENT}):
                states, flags = frozenset({DETACHED}), instance.flags
                if not at_once:
                    states = states | instance.states
                    flags = flags | ({LINGERING} if "begun" in session.must else frozenset())
                state.things[instance_number] = replace(instance, states=states, flags=flags, detached=gone)
        state.things[number] = replace(session, life=frozenset({OPEN, CLOSED}), must=frozenset())


def collector_ran(state: State) -> None:
    """``gc.collect()``: the Sessions that only their transactions referred to are gone."""
    for number, instance in list(state.things.items()):
        if not isinstance(instance, Instance) or LINGERING not in instance.flags:
            continue
        states = frozenset({DETACHED}) if instance.states == {PERSISTENT, DETACHED} else instance.states
        state.things[number] = replace(instance, states=states, flags=instance.flags - {LINGERING})


def referred(state: State, value: Value, over: tuple[str, int]) -> set[int]:
    """Return the numbers that something still refers to, but for the variables of a call that is over."""
    held: set[int] = set()
    for thing in [*state.things.values(), Collection(kind="returned", element=value, items={})]:
        values: Iterable[Value] = ()
        match thing:
            case Frame(variables=variables, module=module, body=body) if (module, body) != over:
                values = variables.values()
            case Object(fields=fields):
                values = fields.values()
            case Collection(element=element):
                values = [element]
            case Manager(session=number, arguments=arguments):
                held.add(number)
                values = arguments.values()
            case Statement(session=number) | Result(session=number):
                held.add(number)
        held |= {atom.id for one_value in values for atom in one_value if isinstance(atom, Ref)}
    return held


def abandoned(interpreter: Interpreter, state: State, number: int, session: Session) -> None:
    """Tell of work in a Session that is garbage-collected: nothing commits it."""
    if session.owner != "own" or not surely(session.life, OPEN):
        return
    if session.must & {"added", "flushed"} and session.changed is not None:
        interpreter.tell(
            "end", session.flushed or session.changed, number=number, session=session, detail=state
        )
    for held, instance in state.members(number):
        if instance.states == frozenset({PERSISTENT}):
            for attribute, where in list(instance.changed.items())[:1]:
                interpreter.tell("discard", where, number=held, instance=instance, attribute=attribute)
