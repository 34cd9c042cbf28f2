"""What commit, close and merge would do to one instance now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column
from sqlalchemy.orm import ColumnProperty, InstanceState, RelationshipDirection, RelationshipProperty, Session
from sqlalchemy.orm.attributes import has_parent

from tether.core.states import State
from tether.explaining.reading import reading
from tether.explaining.relations import local_names
from tether.explaining.surroundings import NOWHERE, bind_of, plain_get_bind, would_flush
from tether.explaining.values import primary_key_names
from tether.orm.inspect import net_changes, state_of


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one operation on the Session would do to the instance.

    Attributes:
        text: The prediction in words.
        state: The state afterwards; for a merge that of the copy.
        statement: ``INSERT``, ``UPDATE`` or ``DELETE`` of the instance's own row, or "".
        attributes: What the UPDATE sets, what a close loses, or what a merge copies.
        raises: Name of the exception, or "".
    """

    text: str
    state: State
    statement: str = ""
    attributes: tuple[str, ...] = ()
    raises: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return {
            "text": self.text,
            "state": self.state.value,
            "statement": self.statement or None,
            "attributes": list(self.attributes),
            "raises": self.raises or None,
        }


def commit_of(state: InstanceState[Any]) -> Consequence:
    """Return what ``commit()`` of its Session would do to the instance.

    A commit flushes the whole Session first; what other instances, ``onupdate=``
    and flush events add is not part of this answer.
    """
    now, session = state_of(state), state.session
    if session is None:
        return Consequence(_nothing(state), now)
    error = commit_error(session)
    if error:
        return Consequence(f"raises {error}", now, raises=error)
    if now is State.DELETED:
        return Consequence("its DELETE is made permanent; it becomes detached", State.DETACHED)
    if is_going(state, session):
        return Consequence("emits DELETE; it becomes detached", State.DETACHED, "DELETE")
    return _saved(state, now, session)


def _saved(state: InstanceState[Any], now: State, session: Session) -> Consequence:
    after = "then expires it" if session.expire_on_commit else "its values stay loaded"
    if now is State.PENDING:
        return Consequence(f"emits INSERT; it becomes persistent; {after}", State.PERSISTENT, "INSERT")
    columns, related = written_columns(state), written_relations(state)
    parts = [f"emits UPDATE of {listed(columns)}"] if columns else []
    parts += [f"writes the rows of {listed(related)}"] if related else []
    statement = "UPDATE" if columns else ""
    text = "; ".join([*(parts or ["writes nothing"]), after])
    return Consequence(text, State.PERSISTENT, statement, columns)


def commit_error(session: Session) -> str:
    """Return the name of the exception that ``commit()`` would raise now, "" if none is known."""
    if not session.is_active:
        return "PendingRollbackError"
    if not session.autobegin and not session.in_transaction():
        return "InvalidRequestError"
    unbound = (
        plain_get_bind(session) and would_flush(session) and bind_of(session, _to_write(session)) is None
    )
    return "UnboundExecutionError" if unbound else ""


def _to_write(session: Session) -> Any:
    return next(iter([*session.new, *session.dirty, *session.deleted])).__mapper__


def is_going(state: InstanceState[Any], session: Session) -> bool:
    """Return True if the next flush deletes the instance's row."""
    return state.object in session.deleted or is_orphan(state)


def is_orphan(state: InstanceState[Any]) -> bool:
    """Return True if a flush deletes the row because a ``delete-orphan`` parent let go of the instance."""
    if state.session is None or not state.has_identity:
        return False
    holders = [
        (relation.parent.class_, relation.key)
        for mapper in state.mapper.registry.mappers
        for relation in mapper.relationships
        if relation.cascade.delete_orphan and state.mapper.isa(relation.mapper)
    ]
    parents = [has_parent(cls, state.object, key, optimistic=True) for cls, key in holders]
    if not parents:
        return False
    return not any(parents) if state.mapper.legacy_is_orphan else not all(parents)


def written_columns(state: InstanceState[Any]) -> tuple[str, ...]:
    """Return the names of the column attributes that a flush would put into the UPDATE, sorted."""
    names: set[str] = set()
    for key in net_changes(state):
        prop = state.mapper.attrs[key]
        if isinstance(prop, ColumnProperty) and any(isinstance(column, Column) for column in prop.columns):
            names.add(key)
        elif isinstance(prop, RelationshipProperty) and _own_foreign_key(prop):
            names.update(local_names(state.mapper, prop))
    return tuple(sorted(names))


def written_relations(state: InstanceState[Any]) -> tuple[str, ...]:
    """Return the names of the relationships whose change is written into other rows, sorted."""
    relations = state.mapper.relationships
    changed = (relations[key] for key in net_changes(state) if key in relations)
    return tuple(
        sorted(relation.key for relation in changed if not (_own_foreign_key(relation) or relation.viewonly))
    )


def _own_foreign_key(prop: RelationshipProperty[Any]) -> bool:
    return prop.direction is RelationshipDirection.MANYTOONE and not prop.viewonly


def close_of(state: InstanceState[Any]) -> Consequence:
    """Return what ``close()`` of its Session would do to the instance."""
    now = state_of(state)
    if state.session is None:
        return Consequence(_nothing(state), now)
    if now is State.PENDING:
        return Consequence("it becomes transient and is not inserted", State.TRANSIENT)
    if now is State.DELETED:
        # Nothing detaches an instance whose DELETE is rolled back by close() (2.0.20, 2.0.58, 2.1.9).
        return Consequence("the DELETE is rolled back, and it stays deleted", State.DELETED)
    lost = tuple(sorted(net_changes(state)))
    parts = ["it becomes detached"]
    parts += [f"the change of {listed(lost)} is not saved"] if lost else []
    unreadable = [
        key for key in _readable(state) if reading(state, key, NOWHERE).raises == "DetachedInstanceError"
    ]
    parts += [f"reading {listed(unreadable)} then raises DetachedInstanceError"] if unreadable else []
    return Consequence("; ".join(parts), State.DETACHED, attributes=lost)


def _readable(state: InstanceState[Any]) -> list[str]:
    return [*state.mapper.column_attrs.keys(), *state.mapper.relationships.keys()]


def merge_of(state: InstanceState[Any]) -> Consequence:
    """Return what ``merge(instance)`` would do: into its own Session, or from there into another one.

    *attributes* are those that are copied, whether they differ or not.
    """
    copied = copied_by_merge(state)
    now = state_of(state)
    if now in (State.PENDING, State.PERSISTENT):
        text = f"{_into_own(state)}; in another Session: {_merge_text(state, copied)}"
        return Consequence(text, now, attributes=copied)
    return Consequence(_merge_text(state, copied), _copy_state(state), attributes=copied)


def _into_own(state: InstanceState[Any]) -> str:
    session = state.session
    if session is not None and session.autoflush and is_going(state, session):
        return "in its own Session: flushes the DELETE first, then adds a new pending copy"
    return "in its own Session: gives this instance, copies nothing"


def _copy_state(state: InstanceState[Any]) -> State:
    return State.PENDING if state.was_deleted or not state.has_identity else State.PERSISTENT


def _merge_text(state: InstanceState[Any], copied: tuple[str, ...]) -> str:
    what = f"copies {listed(copied)}" if copied else "copies nothing, because nothing is loaded"
    if not _has_primary_key(state):
        return f"adds a new pending copy; {what}"
    text = f"looks for the row (1 SELECT or the identity map), adds a copy if there is none; {what}"
    whole = [
        key for key in copied if key in state.mapper.relationships and state.mapper.relationships[key].uselist
    ]
    return f"{text}; replaces {listed(whole)} as a whole" if whole else text


def _has_primary_key(state: InstanceState[Any]) -> bool:
    return state.has_identity or all(
        state.dict.get(name) is not None for name in primary_key_names(state.mapper)
    )


def copied_by_merge(state: InstanceState[Any]) -> tuple[str, ...]:
    """Return the names of the attributes that ``merge()`` copies: every loaded one, changed or not.

    Columns first, then relationships. A ``viewonly`` one is left out: its copy is never written.
    """
    here = state.dict
    columns = [key for key in [*state.mapper.column_attrs.keys()] if key in here]
    followed = [key for key, relation in state.mapper.relationships.items() if _merged(relation)]
    return (*sorted(columns), *sorted(key for key in followed if key in here))


def _merged(prop: RelationshipProperty[Any]) -> bool:
    return prop.cascade.merge and not prop.viewonly


def _nothing(state: InstanceState[Any]) -> str:
    lost = sorted(net_changes(state)) if state.has_identity else []
    more = f"; the change of {listed(lost)} is saved by no commit" if lost else ""
    return f"nothing, it is in no Session{more}"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Return names as a list in a sentence."""
    return ", ".join(names)
