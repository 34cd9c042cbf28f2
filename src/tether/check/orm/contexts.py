"""Ambient Sessions: the one that ``db.session`` stands for, and the contexts at whose end it goes.

Flask-SQLAlchemy 3 keeps a Session for each context, 2 one for each thread: what is loaded inside ``app.app_context()``
leaves its Session at the end with both, what was loaded before it stays with 3 only, so nothing is said of it.
"""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import OPEN, Collection, Factory, Object, Session
from tether.check.abstract.values import Ref, Value, literal, one
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering.ops import Span
from tether.check.orm.effects import apply_effects
from tether.lifecycle.rows import Row


def tell_setting(state: State, number: int, session: Session, name: str, value: Value) -> None:
    """``session.expire_on_commit = False``, and the like; on an AsyncSession that is an attribute of no meaning."""
    if name in ("expire_on_commit", "autoflush"):
        told = None if session.asynchronous else literal(value)
        setting: dict[str, Any] = {name: told if isinstance(told, bool) else None}
        state.things[number] = replace(session, **setting)


def registry_of(interpreter: Interpreter, state: State, name: str, holder: Ref) -> Value | None:
    """Return the registry of Sessions that an attribute of an object from outside is; None if it is none."""
    rows = interpreter.table.rows.get(name, ())
    row = next((row for row in rows if row.attribute and row.returns is not None), None)
    if row is None or row.returns is None or row.returns.kind != "scoped session":
        return None
    ambient, number = (
        interpreter.derived("ambient", holder.id, name),
        interpreter.derived("registry", holder.id, name),
    )
    if ambient not in interpreter.base:
        expire = expires(state, holder)
        interpreter.base[ambient] = Session(owner="ambient", expire_on_commit=expire)
        interpreter.base[number] = Factory(
            type=row.returns.type or "sqlalchemy.orm.scoped_session", expire_on_commit=expire, ambient=ambient
        )
    return one(Ref(number))


def expires(state: State, holder: Ref) -> bool | None:
    """Return ``expire_on_commit`` of the Sessions that an extension makes; None where it is not known."""
    made = state.get(holder.id, Object)
    options = made.fields.get("session_options") if made is not None else None
    if options is None:
        return True
    found = state.only(options, Collection)
    if found is None or not found[1].items:
        return None
    setting = literal(found[1].items["expire_on_commit"]) if "expire_on_commit" in found[1].items else True
    return setting if isinstance(setting, bool) else None


def is_context(row: Row | None) -> bool:
    """Return whether a context manager is a scope of the ambient Sessions."""
    return row is not None and row.role == "manager" and row.session == "ambient"


def ambient_sessions(interpreter: Interpreter, state: State) -> list[int]:
    """Return the Sessions that end with a context: those of extensions, not a scoped_session of the program's own."""
    return [
        thing.ambient
        for thing in interpreter.base.values()
        if isinstance(thing, Factory) and thing.ambient >= 0 and is_of_extension(state, thing.ambient)
    ]


def is_of_extension(state: State, number: int) -> bool:
    """Return whether a Session is one that an extension made: no line of the program did."""
    session = state.get(number, Session)
    return session is not None and session.owner == "ambient" and session.made is None


def enter_context(interpreter: Interpreter, state: State) -> None:
    """Put aside what the ambient Sessions hold: what is loaded from here on goes with the context."""
    for number in ambient_sessions(interpreter, state):
        session = state.get(number, Session)
        aside = interpreter.derived("outer", number, depth_of(interpreter, state, number))
        assert session is not None
        move(state, number, aside)
        state.things[aside] = replace(session, sure=False)
        state.things[number] = anew(session)


def end_ambient(interpreter: Interpreter, activation: Activation, state: State, context: str) -> None:
    """End what the ambient Sessions hold where a request ends, after the function; nothing is told of that."""
    rows = [row for row in interpreter.table.rows.get(context, ()) if is_context(row)]
    begun = len(interpreter.events)
    for number in ambient_sessions(interpreter, state) if rows else ():
        apply_effects(
            interpreter, activation, activation.body.span, state, rows[-1].leaving, number, {}, rows[-1]
        )
    del interpreter.events[begun:]


def depth_of(interpreter: Interpreter, state: State, number: int) -> int:
    """Return how many contexts are around this point."""
    depth = 0
    while state.get(interpreter.derived("outer", number, depth), Session) is not None:
        depth += 1
    return depth


def leave_context(
    interpreter: Interpreter, activation: Activation, span: Span, state: State, row: Row, *, raised: bool
) -> None:
    """End what the ambient Sessions hold, and give them back what was put aside."""
    rows = [known for name in row.on for known in interpreter.table.rows.get(name, ()) if is_context(known)]
    last = rows[-1]
    for number in ambient_sessions(interpreter, state):
        depth = depth_of(interpreter, state, number) - 1
        aside = interpreter.derived("outer", number, depth)
        outer = state.get(aside, Session)
        effects = last.failing if raised else last.leaving
        apply_effects(interpreter, activation, span, state, effects, number, {}, last, raised=raised)
        gone = interpreter.derived("inner", number, depth)
        ended = state.get(number, Session)
        assert ended is not None
        move(state, number, gone)
        state.things[gone] = ended
        if outer is None:  # first used inside
            state.things[number] = anew(ended)
        else:
            move(state, aside, number)
            state.things[number] = replace(outer, sure=True)
            del state.things[aside]


def anew(session: Session) -> Session:
    """Return an ambient Session as a new context begins with it."""
    return replace(
        session, life=frozenset({OPEN}), work=frozenset(), must=frozenset(), changed=None, ended=None
    )


def move(state: State, source: int, target: int) -> None:
    """Let the instances of one Session be those of another."""
    for number, instance in state.members(source):
        state.things[number] = replace(instance, session=target)
