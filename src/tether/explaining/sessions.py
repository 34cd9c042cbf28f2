"""The explanation of a Session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import InstanceState, Session
from sqlalchemy.orm.attributes import instance_state

from tether.explaining.consequences import commit_error, is_going, written_columns, written_relations
from tether.explaining.explanation import Explanation
from tether.explaining.surroundings import async_owner, bind_of, changed_in, in_order, plain_get_bind
from tether.explaining.values import label
from tether.orm.inspect import net_changes, state_of

MOST_LINES = 100  # instances listed one by one


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a Session holds; *changed* and *deleted* are part of *held*, each sorted by class and key."""

    new: list[InstanceState[Any]]
    changed: list[InstanceState[Any]]
    deleted: list[InstanceState[Any]]
    held: list[InstanceState[Any]]

    @property
    def counts(self) -> str:
        return (
            f"{len(self.new)} new, {len(self.changed)} changed, {len(self.deleted)} deleted, "
            f"{len(self.held)} in the identity map"
        )

    @property
    def lines(self) -> list[str]:
        """What waits to be saved, one line each."""
        lines = [f"new: {label(state)}" for state in self.new]
        lines += [f"changed: {label(state)}: {', '.join(net_changes(state))}" for state in self.changed]
        return lines + [f"deleted: {label(state)}" for state in self.deleted]


def _contents(session: Session) -> _Contents:
    deleted = _states(session.deleted)
    gone = {id(state) for state in deleted}
    changed = [state for state in changed_in(session) if id(state) not in gone]
    new = [instance_state(instance) for instance in session.new]  # in the order of add()
    return _Contents(new, changed, deleted, _states(session.identity_map.values()))


def explain_session(session: Session) -> Explanation:
    """Return the explanation of a Session."""
    contents = _contents(session)
    name, transaction = session_name(session, bind_of(session)), transaction_of(session)
    after = {
        "commit": _commit(session, contents),
        "rollback": _rollback(session, contents),
        "close": _close(session, contents),
    }
    short = [f"{name}: {transaction}; {contents.counts}", *_indented(contents.lines)]
    members = [_member(state) for state in contents.held[:MOST_LINES]]
    members += [""] * (len(contents.held) - len(members))  # counted, not shown
    operations = [f"{operation}: {text}" for operation, text in after.items()]
    long = [*short, "identity map", *_indented(members), "now", *_indented(operations)]
    facts = {"session": name, "transaction": transaction, **_facts(session, contents), "now": after}
    return Explanation("\n".join(short), "\n".join(long), facts)


def _facts(session: Session, contents: _Contents) -> dict[str, Any]:
    changed = [{"instance": label(state), "attributes": net_changes(state)} for state in contents.changed]
    return {
        "active": session.is_active,
        "in_transaction": session.in_transaction(),
        "savepoints": savepoints(session),
        "expire_on_commit": session.expire_on_commit,
        "autoflush": session.autoflush,
        "new": [label(state) for state in contents.new],
        "changed": changed,
        "deleted": [label(state) for state in contents.deleted],
        "identity_map": len(contents.held),
    }


def _states(instances: Iterable[Any]) -> list[InstanceState[Any]]:
    return sorted((instance_state(instance) for instance in instances), key=in_order)


def _indented(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    shown = [*lines[:MOST_LINES], f"... and {more} more"] if more > 0 else lines
    return [f"  {line}" for line in shown]


def _member(state: InstanceState[Any]) -> str:
    words = [state_of(state).value]
    words += ["expired"] if state.expired else []
    names = net_changes(state)
    words += [f"changed: {', '.join(names)}"] if names else []
    return f"{label(state)}: {', '.join(words)}"


def session_name(session: Session, bind: Engine | Connection | None) -> str:
    """Return the class of the Session and its database, without password and query of the URL."""
    # An AsyncSession is a proxy; the instances belong to the Session inside.
    name = type(async_owner(session) or session).__name__
    if bind is None:
        return f"{name} without a bind" if plain_get_bind(session) else f"{name} with a get_bind() of its own"
    return f"{name} on {url_of(bind)}"


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


def _commit(session: Session, contents: _Contents) -> str:
    error = commit_error(session)
    if error:
        return f"raises {error}"
    orphans = [state for state in contents.changed if is_going(state, session)]
    updated = [state for state in contents.changed if written_columns(state) and state not in orphans]
    counts = {
        "inserted": len(contents.new),
        "updated": len(updated),
        "deleted": len(contents.deleted) + len(orphans),
    }
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    parts += ["rows of relationships written"] if any(map(written_relations, contents.changed)) else []
    after = "; expires every instance" if session.expire_on_commit else "; values stay loaded"
    return f"{', '.join(parts) or 'writes nothing'}{after if contents.held or contents.new else ''}"


def _rollback(session: Session, contents: _Contents) -> str:
    if not session.in_transaction():
        return "does nothing, there is no transaction"
    parts = ["undoes what was flushed"]
    parts += ["expires every instance, whatever expire_on_commit says"] if contents.held else []
    return "; ".join([*parts, *_losses(contents)])


def _close(session: Session, contents: _Contents) -> str:
    held = len(contents.held)
    parts = ["rolls back the transaction"] if session.in_transaction() else []
    parts += [f"{held} become{'s' if held == 1 else ''} detached"] if held else []
    return "; ".join([*parts, *_losses(contents)]) or "does nothing"


def _losses(contents: _Contents) -> list[str]:
    new, changed = len(contents.new), len(contents.changed)
    parts = [f"{new} new become{'s' if new == 1 else ''} transient"] if new else []
    return parts + ([f"the changes of {changed} are lost"] if changed else [])
