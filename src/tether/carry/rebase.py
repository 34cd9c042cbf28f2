"""The newest row below unflushed edits: ``rebase()``."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import InstanceState, Session
from sqlalchemy.orm.exc import ObjectDeletedError

from tether.carry.conflicts import OnConflict, Policies, name_of
from tether.carry.contents import Contents, select_elements
from tether.carry.deciding import Decider
from tether.carry.decision import raise_if_conflicts
from tether.carry.edits import Changes, Edits
from tether.carry.graph import Graph
from tether.carry.near import named
from tether.carry.reading import ROWS_PER_STATEMENT, Wanted, chunks, read
from tether.carry.shape import Shape, shape_of
from tether.carry.undoing import Memory, as_it_was
from tether.carry.unseen import find_unseen
from tether.carry.writing import change_elements, freshen, freshen_positions, set_column, set_elements
from tether.orm import private

T = TypeVar("T")


def rebase(instances: T, *, on_conflict: OnConflict = "raise") -> T:
    """Return the same instances with the newest values of their rows, and their unflushed edits on top.

    What ``Session.refresh()`` does, without dropping changes. Columns are merged one by one; loaded collections
    are read anew, with what was added to and removed from them unflushed done again. Nothing is flushed.

    Args:
        instances: A persistent instance, or a list of them of one Session.
        on_conflict: What to do where the row has changed below an unflushed edit of the same attribute; as in
            ``attach()``. "mine" keeps every edit.

    Raises:
        ConflictError: Conflicts were left. The Session is as it was.
        ObjectDeletedError: A row is gone.
        ValueError: An instance is in no Session: ``attach()`` it; or it has no row yet.
        TypeError: An object is not an instance of a mapped class; ``on_conflict=`` names an unknown attribute.

    Emits:
        One SELECT per class and 1,000 rows, with a lock if there are edits, and one per loaded collection.
    """
    given: list[Any] = list(instances) if isinstance(instances, list | tuple) else [instances]
    if not given:
        return instances
    session = _session_of(given)
    policies = Policies(on_conflict)
    policies.check(set(map(type, given)))
    wanted = Wanted()
    for instance in given:
        state: InstanceState[Any] = inspect(instance)
        assert state.key is not None  # _session_of() looked
        (wanted.locked if state.modified else wanted.plain)[state.key] = state.class_
    with as_it_was(session) as memory:
        rows = read(session, wanted)
        unseen = find_unseen(session, wanted, rows)
        for instance in given:
            if inspect(instance).key in unseen:
                raise InvalidRequestError(
                    f"{name_of((type(instance), *inspect(instance).key[1:]))} is there, but a filter hides it from "
                    "this Session (do_orm_execute, with_loader_criteria): rebase it in a Session without the filter"
                )
            if inspect(instance).key not in rows:
                raise ObjectDeletedError(inspect(instance))
        nothing = Edits(Graph(datetime.now(UTC)), Graph(datetime.now(UTC)), [])
        decision = Decider(nothing, Changes(), rows, {}, policies).decide()
        raise_if_conflicts(decision)
        memory.keep(given)
        with session.no_autoflush:
            for row in rows.values():
                freshen(row)
            for (key, name), value in decision.unflushed.items():
                set_column(rows[key].instance, name, value)
            _collections(session, given, memory)
    return instances


def _session_of(instances: list[Any]) -> Session:
    sessions = set()
    for instance in instances:
        state = private.state_of_anything(instance)
        if state is None:
            raise TypeError(f"{named(instance)} is not an instance of a mapped class")
        if state.key is None:
            what = "pending" if state.pending else "transient"
            raise ValueError(f"this {type(instance).__name__} is {what}: it has no row yet to be read")
        if not state.persistent or state.session is None:
            raise ValueError(f"this {type(instance).__name__} is in no Session: bring it back with attach()")
        sessions.add(state.session)
    if len(sessions) > 1:
        raise ValueError("the instances belong to different Sessions: rebase each Session's own")
    return sessions.pop()


def _collections(session: Session, instances: list[Any], memory: Memory) -> None:
    """Read loaded collections anew, and do again what was done to them."""
    places: dict[tuple[Shape, str], list[Any]] = defaultdict(list)
    for instance in instances:
        shape = shape_of(type(instance))
        state: InstanceState[Any] = inspect(instance)
        for relation in shape.relations.values():
            if relation.direction == "MANYTOONE" or relation.query or relation.key not in state.dict:
                continue
            if relation.kind != "one" or relation.key not in state.committed_state:
                places[shape, relation.key].append(instance)
    contents = Contents()
    for (shape, name), owners in places.items():
        edits = [_unflushed_elements(owner, name) for owner in owners]
        for chunk in chunks(owners, ROWS_PER_STATEMENT):
            found = select_elements(session, shape, name, chunk, contents)
            for owner, elements in zip(chunk, found, strict=True):
                memory.keep(elements)
                set_elements(owner, name, elements)
        freshen_positions(contents)
        for owner, (added, removed) in zip(owners, edits, strict=True):
            if added or removed:
                change_elements(owner, name, removed, added)


def _unflushed_elements(owner: Any, name: str) -> tuple[list[Any], list[Any]]:
    state: InstanceState[Any] = inspect(owner)
    if name not in state.committed_state:
        return [], []
    history = state.attrs[name].history
    return list(history.added or ()), list(history.deleted or ())
