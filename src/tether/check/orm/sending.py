"""Primary keys that go to a worker before the row that they are of is committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection, Instance, Object, Session
from tether.check.abstract.values import (
    NOTHING,
    Class,
    External,
    Function,
    Ref,
    RowKey,
    Value,
    literal,
    single,
)
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering.definitions import definitions
from tether.check.orm.subjects import ATTACHED

# Flag of an instance that was added as a new one, and surely not committed since: what is joined has it on both ways.
UNCOMMITTED = "uncommitted"
# Arguments that say when the task is to begin: later, so the program has thought of it.
LATER = ("countdown", "eta", "delay")
FUNCTIONS = ("f", "func")  # parameters for what the worker calls
# In names of functions that are not known, and may end a transaction.
ENDING = ("commit", "save", "finish", "complete", "persist", "close", "exit", "done", "end")
OF_ALL = ("ambient", "global")  # owners of Sessions that every function has
DEEPEST = 3
# Identifiers of functions that have to do with Sessions.
TELLING = frozenset({
    "Session", "AsyncSession", "session", "sessionmaker",
    "async_sessionmaker", "scoped_session", "query", "db", "scalars",
    "scalar", "execute", "commit", "flush", "rollback", "merge", "refresh", "expunge", "expunge_all", "add_all",
    "db_session", "scoped", "get_session", "get_db", "Depends", "model_validate", "from_orm", "sessions",
})  # fmt: skip


def end_of_work(state: State, session: int | None = None, owners: tuple[str, ...] = ()) -> None:
    """Forget what is not committed, of one Session, or of those of some owners; without either of all."""
    new = [
        (number, thing)
        for number, thing in state.things.items()
        if isinstance(thing, Instance) and UNCOMMITTED in thing.flags
    ]
    for number, thing in new:
        held = state.get(thing.session, Session)
        if session not in (None, thing.session) or (owners and held is not None and held.owner not in owners):
            continue
        state.things[number] = replace(thing, flags=thing.flags - {UNCOMMITTED})


def may_commit(site: Any, state: State) -> None:
    """Forget what is not committed where a function that is not known, or not followed, may have committed it."""
    called = state.read(site.op.function)
    name = getattr(definitions(site.activation.body).get(site.op.function), "name", "").lower()
    if any(isinstance(atom, Function | Class | Ref) for atom in called) or any(
        word in name.split("_") or name.endswith("commit") for word in ENDING
    ):
        end_of_work(state)
    elif not all(isinstance(atom, External) for atom in called):
        end_of_work(state, owners=OF_ALL)


def is_uncommitted(state: State, key: RowKey) -> bool:
    """Return whether a key surely is that of a new row which is not committed."""
    instance = state.get(key.id_of, Instance)
    return (
        instance is not None
        and UNCOMMITTED in instance.flags
        and instance.states <= ATTACHED
        and "deleted" not in instance.flags
        and not instance.many
    )


# ------------------------------------------------------------------------ what is sent


def tell_sent(interpreter: Interpreter, call: Any) -> None:
    """Tell of the keys of uncommitted rows among what a call sends."""
    sent = [effect.argument for effect in call.row.effects if effect.verb == "send" and effect.sure]
    if not sent or not call.site.alone or call.site.more or is_later(call.arguments):
        return
    fields = call.receiver.fields if isinstance(call.receiver, Object) else {}
    runs = [
        held.get(name, NOTHING) for held, name in ((fields, "run"), *((call.arguments, f) for f in FUNCTIONS))
    ]
    run = single(NOTHING.union(*runs))
    if isinstance(run, Function) and not reads_rows(interpreter, run):
        return
    keys = [key for name in sent for value in given(call, name) for key in keys_in(call.state, value)]
    for key in dict.fromkeys(keys):
        instance = call.state.get(key.id_of, Instance)
        session = call.state.get(instance.session, Session) if instance is not None else None
        if session is not None and session.sure and is_uncommitted(call.state, key):
            interpreter.tell(
                "sent", call.site.activation.where(call.site.span), number=key.id_of, instance=instance,
                attribute=key.name, session=session,
            )  # fmt: skip


def given(call: Any, name: str) -> list[Value]:
    """Return the argument of a name; of a parameter that takes all the others, each of them."""
    parameters = call.row.parameters
    if parameters[-1] == f"*{name}":
        return [*call.site.positional[len(parameters) - 1 :], *call.site.named.values()]
    return [call.arguments.get(name, NOTHING)]


def is_later(arguments: Mapping[str, Value]) -> bool:
    """Return whether a call says when the task is to begin."""
    return any(literal(arguments[name]) is not None for name in LATER if name in arguments)


def keys_in(state: State, value: Value, depth: int = DEEPEST) -> Iterator[RowKey]:
    """Yield the primary keys that a value surely is, or holds."""
    if value and all(isinstance(atom, RowKey) and is_uncommitted(state, atom) for atom in value):
        yield from (atom for atom in value if isinstance(atom, RowKey))
    inner: list[Value] = []
    for atom in value if depth else ():
        thing = state.thing(atom.id) if isinstance(atom, Ref) else None
        if isinstance(thing, Collection):
            inner += thing.items.values() if thing.items else [thing.element]
        elif isinstance(thing, Object):
            inner += thing.fields.values()
    for held in inner:
        yield from keys_in(state, held, depth - 1)


# ------------------------------------------------------------------------ what the worker does


def reads_rows(interpreter: Interpreter, function: Function) -> bool:
    """Return whether a task, or what it calls by name, has to do with Sessions: others only pass the key on."""
    waiting, seen = [(function.module, function.body)], set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        module = interpreter.project.module(place[0])
        body = module.bodies[place[1]]
        if not body.names.isdisjoint(TELLING):
            return True
        for name in body.names:
            waiting += declared(interpreter, place[0], name)
    return False


def declared(interpreter: Interpreter, module: str, name: str) -> list[tuple[str, int]]:
    """Return the functions that a name of a module stands for, those of a class all together."""
    target = interpreter.project.resolve(module, name)
    if target.kind not in ("function", "class") or target.rest:
        return []
    found = interpreter.project.module(target.module)
    interpreter.used.add(found.path)
    return [
        (target.module, index)
        for index, body in enumerate(found.bodies)
        if body.qualname == target.name or body.qualname.startswith(f"{target.name}.")
    ]
