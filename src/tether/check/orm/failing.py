"""What a Session needs after a flush failed: a rollback; until then, nothing in it can be read.

The failed flush has rolled the transaction back and expired every instance, primary keys too, and what it would load
is refused with PendingRollbackError. In a savepoint it expires nothing but what the savepoint had changed (2.0.58 and
2.1.9).
"""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import UNRECOVERED, State
from tether.check.abstract.things import PERSISTENT, UNSURE, Instance, Manager, Session, Where, surely
from tether.check.interpreting.flow import DATABASE_ERROR, FLUSH_ERROR, RAISED, Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import called, definitions
from tether.check.orm.belonging import GIVEN
from tether.lifecycle.rows import Row

FAILED, UNREADABLE = "failed", "unreadable"
# What may be called on a Session whose flush failed.
ALLOWED = frozenset({"rollback", "close", "reset", "invalidate", "remove", "expunge_all", "expunge", "add", "add_all",
                     "is_modified", "in_transaction", "info", "close_all", "expire", "expire_all"})  # fmt: skip
ON_ITS_WAY = frozenset({DATABASE_ERROR, FLUSH_ERROR, RAISED})


def flush_failed(state: State, number: int, where: Where) -> None:
    """Note that a Session's flush failed."""
    session = state.get(number, Session)
    assert session is not None
    facts = {FAILED} if in_savepoint(state, number) else {FAILED, UNREADABLE}
    state.things[number] = replace(session, must=session.must | facts, failed=where)


def in_savepoint(state: State, number: int) -> bool:
    """Return whether a savepoint of a Session was begun; it may be over by now."""
    return any(
        isinstance(thing, Manager)
        and thing.session == number
        and thing.row is not None
        and any(name.endswith("begin_nested") for name in thing.row.on)
        for thing in state.things.values()
    )


def is_on_its_way(state: State) -> bool:
    """Return whether an error leaves the block that is being run, as in a ``finally``: nobody has caught it yet."""
    return not state.path.isdisjoint(ON_ITS_WAY)


def refuses(session: Session, row: Row, member: str, state: State) -> bool:
    """Return whether a call surely raises PendingRollbackError, as nobody has rolled the Session back."""
    return (
        session.sure
        and FAILED in session.must
        and member not in ALLOWED
        and row.raises
        and not is_on_its_way(state)
    )


def cannot_be_read(
    interpreter: Interpreter, activation: Activation, op: Any, state: State, number: int
) -> bool:
    """Return whether a read surely raises as its Session's flush has failed; tell of it, and let the error leave."""
    instance = state.get(number, Instance)
    session = state.get(instance.session, Session) if instance is not None else None
    if instance is None or session is None:
        if instance is not None and UNRECOVERED in state.path and UNSURE in instance.states:
            let_go_of_failures(state)
        return False
    if UNREADABLE not in session.must or instance.fresh:
        if not instance.fresh and not in_savepoint(state, instance.session):
            let_go_of_failure(state, instance.session, session)
        return False
    proved = surely(instance.states, PERSISTENT)
    if not proved and GIVEN not in instance.flags:
        let_go_of_failure(state, instance.session, session)
        return False
    if proved and not is_on_its_way(state):
        interpreter.tell("failed read", activation.where(op.span), number=number, instance=instance,
                         attribute=op.name, session=session)  # fmt: skip
    if interpreter.run is not None:
        interpreter.run.raise_from(state)
    return True


def doubt(activation: Activation, op: Any, state: State) -> None:
    """An attribute is read of what may be a row of a Session whose flush failed: then it raises here already."""
    of = definitions(activation.body).get(op.of)
    if not isinstance(of, ops.Load) or of.scope == "global" or op.to in called(activation.body):
        return
    let_go_of_failures(state)


def let_go_of_failures(state: State) -> None:
    """What comes behind a read that may have raised is not reached for sure with a Session that needs a rollback."""
    for number, session in state.sessions():
        let_go_of_failure(state, number, session)


def let_go_of_failure(state: State, number: int, session: Session) -> None:
    """The same for one Session."""
    if FAILED in session.must:
        state.things[number] = replace(session, must=session.must - {FAILED, UNREADABLE})
