"""The explanation of a Session."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import InstanceState, Session
from sqlalchemy.orm.attributes import instance_state

from tether.explaining.consequences import commit_error
from tether.explaining.explanation import Explanation
from tether.explaining.surroundings import bind_of, changed_in, in_order
from tether.explaining.values import label
from tether.orm.inspect import net_changes, state_of

MOST_LINES = 100  # instances listed one by one


def explain_session(session: Session) -> Explanation:
    """Return the explanation of a Session."""
    new = _states(session.new, ordered=False)
    deleted = _states(session.deleted)
    gone = {id(state) for state in deleted}
    changed = [state for state in changed_in(session) if id(state) not in gone]
    held = _states(session.identity_map.values())
    entries = [f"new: {label(state)}" for state in new]
    entries += [f"changed: {label(state)}: {', '.join(net_changes(state))}" for state in changed]
    entries += [f"deleted: {label(state)}" for state in deleted]
    after = _after(session, len(new), len(changed), len(deleted), len(held))
    counts = (
        f"{len(new)} new, {len(changed)} changed, {len(deleted)} deleted, {len(held)} in the identity map"
    )
    name, transaction = session_name(session, bind_of(session)), transaction_of(session)
    first = f"{name}: {transaction}; {counts}"
    short = [first, *(f"  {line}" for line in _bounded(entries))]
    long = [
        *short,
        "identity map",
        *(f"  {line}" for line in _bounded([_member(state) for state in held])),
        "now",
    ]
    long += [f"  {operation}: {text}" for operation, text in after.items()]
    facts = {
        "session": name,
        "transaction": transaction,
        "active": session.is_active,
        "in_transaction": session.in_transaction(),
        "savepoints": savepoints(session),
        "expire_on_commit": session.expire_on_commit,
        "autoflush": session.autoflush,
        "new": [label(state) for state in new],
        "changed": [{"instance": label(state), "attributes": net_changes(state)} for state in changed],
        "deleted": [label(state) for state in deleted],
        "identity_map": len(held),
        "now": after,
    }
    return Explanation("\n".join(short), "\n".join(long), facts)


def _states(instances: Iterable[Any], *, ordered: bool = True) -> list[InstanceState[Any]]:
    states = [instance_state(instance) for instance in instances]
    return sorted(states, key=in_order) if ordered else states


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"... and {more} more"] if more > 0 else lines


def _member(state: InstanceState[Any]) -> str:
    words = [state_of(state).value]
    words += ["expired"] if state.expired else []
    names = net_changes(state)
    words += [f"changed: {', '.join(names)}"] if names else []
    return f"{label(state)}: {', '.join(words)}"


def session_name(session: Session, bind: Engine | Connection | None) -> str:
    """Return the class of the Session and its database, without password and query of the URL."""
    # An AsyncSession is a proxy; the instances belong to the Session inside.
    asyncio: Any = sys.modules.get("sqlalchemy.ext.asyncio")
    proxy = asyncio.async_session(session) if asyncio is not None else None
    name = type(session if proxy is None else proxy).__name__
    return f"{name} on {url_of(bind)}" if bind is not None else f"{name} without a bind"


def url_of(bind: Engine | Connection) -> str:
    """Return the URL of a bind without password and query: drivers take passwords in either."""
    return bind.engine.url.set(query={}).render_as_string(hide_password=True)


def transaction_of(session: Session) -> str:
    """Return the state of the transaction in words."""
    if not session.is_active:
        return "a flush failed, and the transaction waits for rollback()"
    if not session.in_transaction():
        return "not in a transaction"
    depth = savepoints(session)
    return (
        f"in a transaction with {depth} savepoint{'s' if depth != 1 else ''}" if depth else "in a transaction"
    )


def savepoints(session: Session) -> int:
    """Return how many savepoints are open."""
    depth, transaction = 0, session.get_nested_transaction()
    while transaction is not None:
        depth += transaction.nested
        transaction = transaction.parent
    return depth


def _after(session: Session, new: int, changed: int, deleted: int, held: int) -> dict[str, str]:
    return {
        "commit": _commit(session, new, changed, deleted, held),
        "rollback": _rollback(session, new, changed),
        "close": _close(session, new, changed, held),
    }


def _commit(session: Session, new: int, changed: int, deleted: int, held: int) -> str:
    error = commit_error(session)
    if error:
        return f"raises {error}"
    parts = [
        f"{count} {word}"
        for count, word in ((new, "inserted"), (changed, "updated"), (deleted, "deleted"))
        if count
    ]
    after = "; expires every instance" if session.expire_on_commit else "; values stay loaded"
    return f"{', '.join(parts) or 'writes nothing'}{after if held + new else ''}"


def _rollback(session: Session, new: int, changed: int) -> str:
    if not session.in_transaction():
        return "does nothing, there is no transaction"
    parts = ["undoes what was flushed", "expires every instance, whatever expire_on_commit says"]
    parts += [f"{new} new become{'s' if new == 1 else ''} transient"] if new else []
    parts += [f"the changes of {changed} are lost"] if changed else []
    return "; ".join(parts)


def _close(session: Session, new: int, changed: int, held: int) -> str:
    parts = ["rolls back the transaction"] if session.in_transaction() else []
    parts += [f"{held} become{'s' if held == 1 else ''} detached"] if held else []
    parts += [f"{new} new become{'s' if new == 1 else ''} transient"] if new else []
    parts += [f"the changes of {changed} are lost"] if changed else []
    return "; ".join(parts) or "does nothing"
