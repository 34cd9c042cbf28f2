"""What is not known may do anything: to what it is given, nothing is sure any more."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import (
    CLOSED,
    LOADED,
    OPEN,
    UNSURE,
    Collection,
    Coroutine,
    Instance,
    Object,
    Session,
)
from tether.check.abstract.values import UNKNOWN, External, Function, Ref, Value, number_in
from tether.check.interpreting.arguments import WHOLE
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.orm.sending import OF_ALL, UNCOMMITTED, may_commit

DEEPEST = 3
# What is said where the work of a Session is sent, ended or dropped.
ENDING_WORDS = frozenset({"commit", "flush", "rollback", "close", "remove", "expire", "expunge"})


def call_unknown(interpreter: Interpreter, site: Any, state: State) -> Value:
    """Let an unknown function have its arguments; return what it gives."""
    for value in (*site.positional, *site.named.values()):
        let_go(interpreter, state, value)
    may_commit(site, state)
    return UNKNOWN


def call_unfollowed(interpreter: Interpreter, site: Any, state: State, function: Function) -> Value:
    """Let a function of the project have its arguments, without looking into it; return what it gives.

    Where it says anything of commits and the like, it may end the work of the Sessions that every function has.
    """
    if says_of_ends(interpreter.body(function)):
        for number, session in list(state.sessions()):
            if session.owner in OF_ALL:
                state.things[number] = replace(session, work=frozenset(), must=frozenset(), changed=None)
                for held, instance in state.members(number):
                    let_instance_go(state, held, instance)
    return call_unknown(interpreter, site, state)


def says_of_ends(body: ops.Body) -> bool:
    """Return whether a name in a body has one of the words for what ends a Session's work."""
    named = [
        op.name for block in body.blocks for op in block.ops if isinstance(op, ops.GetAttribute | ops.Load)
    ]
    return any(not ENDING_WORDS.isdisjoint(name.lower().split("_")) for name in named)


def let_go(interpreter: Interpreter, state: State, value: Value, depth: int = 0) -> None:
    """Forget what is sure about the things in *value*: somebody unknown has them."""
    for atom in value:
        if isinstance(atom, Function | External) and isinstance(atom.receiver, Ref):
            let_go(interpreter, state, frozenset([atom.receiver]), depth + 1)
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        match thing:
            case Session():
                let_session_go(interpreter, state, number_in(atom), thing)
            case Instance():
                let_instance_go(state, number_in(atom), thing)
            case Collection() if depth < DEEPEST:
                state.things[number_in(atom)] = replace(thing, uses=(thing.uses - {WHOLE}) | {"other"})
                let_go(interpreter, state, thing.element, depth + 1)
            case Object() if depth < DEEPEST:
                for held in thing.fields.values():
                    let_go(interpreter, state, held, depth + 1)
            case Coroutine() if depth < DEEPEST:
                let_go(interpreter, state, thing.result, depth + 1)


def let_session_go(interpreter: Interpreter, state: State, number: int, session: Session) -> None:
    """A Session is given away: it may be committed, rolled back or closed."""
    interpreter.touch(number)
    state.things[number] = replace(
        session,
        life=frozenset({OPEN, CLOSED}),
        escaped=True,
        joined=True,
        work=frozenset(),
        must=frozenset(),
        changed=None,
    )
    for held, instance in state.members(number):
        let_instance_go(state, held, instance)


def let_instance_go(state: State, number: int, instance: Instance) -> None:
    """An instance is given away: while it is attached, more of it may be loaded; a change may be taken back."""
    states = instance.states
    if len(states) > 1 or not states <= {"detached", "transient"}:
        unsure = frozenset({UNSURE})
        state.things[number] = replace(
            instance,
            columns=instance.columns | {LOADED}
            if instance.columns != frozenset({LOADED})
            else instance.columns,
            attributes={name: facts | unsure for name, facts in instance.attributes.items()},
            flags=(instance.flags - {UNCOMMITTED}) | {"unsure", "escaped"},
            changed={},
            touched=None,
            written={},
            lost={},
        )
    else:
        state.things[number] = replace(
            instance, written={}, changed={}, lost={}, merged=None, flags=instance.flags | {"escaped"}
        )
