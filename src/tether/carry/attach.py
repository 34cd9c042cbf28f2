"""Bring changed rows home: ``attach()``."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from sqlalchemy.orm import Session

from tether.carry.conflicts import OnConflict, Policies
from tether.carry.decision import raise_if_conflicts
from tether.carry.intake import edits_of
from tether.carry.pausing import collector_paused
from tether.carry.preparing import prepare
from tether.carry.sessions import session_of
from tether.carry.undoing import as_it_was
from tether.carry.writing import Writer

T = TypeVar("T")


@overload
def attach(
    session: Session, changed: list[T] | tuple[T, ...], *, on_conflict: OnConflict = "raise"
) -> list[T]: ...
@overload
def attach(session: Session, changed: T, *, on_conflict: OnConflict = "raise") -> T: ...
def attach(session: Session, changed: Any, *, on_conflict: OnConflict = "raise") -> Any:
    """Return the persistent instances of rows that were changed elsewhere, with those changes set.

    A three-way merge, attribute by attribute: *base* is the value when the data left its Session, *mine* the
    value now, *theirs* the value in the database. Only what mine changed is written; collections merge
    element by element, and what is merely absent was not deleted. *changed* is not modified.

    Args:
        session: An open Session. Its transaction is used, or begun; nothing is flushed, committed or closed.
        changed: A snapshot, a draft, a detached instance, or a list of them.
        on_conflict: What to do where both sides changed the same: "raise", "mine", "theirs", a function
            ``(conflict) -> value``, or a mapping of attributes to these. ``__tether_on_conflict__``, a
            dictionary on the mapped class, says it for single attributes.

    Returns:
        The persistent instance, or a list of them for a list; None in place of a row that somebody deleted,
        if the policy leaves it so.

    Raises:
        ConflictError: Conflicts were left. The Session is as it was.
        NoBaseError: SQLAlchemy did not keep what a changed attribute was before.
        ValueError: An instance is pending or transient, or two copies of one row disagree.
        TypeError: Something is no instance of a mapped class, a conflict function returned a wrong type, or
            ``on_conflict=`` names an attribute that no mapped class has.

    Emits:
        One SELECT per class and 1,000 rows for what changed and for what was given; with FOR UPDATE for what
        will be written, where the database has row locks. On SQLite one DELETE of no row, which takes the
        lock a writer needs. One SELECT per changed collection and 1,000 owners.
    """
    session = session_of(session)
    policies = Policies(on_conflict)
    with collector_paused(len(changed) if isinstance(changed, list | tuple) else 1):
        instances, is_list = _attach(session, changed, policies)
    return instances if is_list else instances[0]


def _attach(session: Session, changed: Any, policies: Policies) -> tuple[list[Any], bool]:
    """Do it. What is only needed meanwhile is gone when this returns, before the collector looks at it."""
    edits, is_list = edits_of(session, changed)
    with as_it_was(session) as memory:
        prepared = prepare(session, edits, policies, lock=True)
        raise_if_conflicts(prepared.decision)
        return Writer(session, prepared, memory).write(), is_list
