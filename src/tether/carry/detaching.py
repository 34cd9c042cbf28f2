"""``detach()``: mapped instances leave their Session on purpose, loaded, and with what belongs to them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, overload

from sqlalchemy.orm import PassiveFlag, object_session
from sqlalchemy.orm.attributes import get_history

from tether.carry.loading import load
from tether.carry.shape import shape_of
from tether.carry.taking import is_twin, state_of
from tether.errors import SnapshotError

T = TypeVar("T")


@overload
def detach(obj: list[T], include: Iterable[object] | None = None) -> list[T]: ...
@overload
def detach(obj: T, include: Iterable[object] | None = None) -> T: ...
def detach(obj: Any, include: Iterable[object] | None = None) -> Any:
    """Return the same instance, or list of instances, detached together with the loaded graph.

    What *include* names is loaded first, and what was expired is refreshed; nothing is flushed. Unflushed edits stay
    unflushed edits of the detached instances, their history too: ``tether.attach()`` brings them back. Every row
    that is reached by loaded relationships leaves along, also what was removed from a collection and not flushed.

    Args:
        obj: A persistent instance, or a list of them. One that is detached already is only checked.
        include: As in ``snapshot()``.

    Raises:
        SnapshotError: As ``snapshot()``; also a new row that was not flushed. Nothing is detached then.
    """
    rows = list(obj) if isinstance(obj, list | tuple) else [obj]
    if any(map(is_twin, rows)):
        raise SnapshotError(
            "detach() takes instances of mapped classes; a snapshot or draft has no Session to leave"
        )
    load(rows, include or (), "detach")
    graph = list(reached(rows))
    refresh(graph)
    for instance in graph:
        session = object_session(instance)
        if session is not None:  # expunge cascades, so some have left already
            session.expunge(instance)
    return obj


def refresh(instances: list[Any]) -> None:
    """Load the columns that are expired, in one SELECT for each class."""
    by_class: dict[type, list[Any]] = defaultdict(list)
    for instance in instances:
        state = state_of(instance, "detach")
        columns = shape_of(state.class_).columns
        if state.expired_attributes.intersection(columns).difference(state.dict):
            by_class[state.class_].append(instance)
    for of_class in by_class.values():
        load(of_class, (), "detach")


def reached(rows: Iterable[Any]) -> Iterator[Any]:
    """Yield the rows and what their loaded relationships hold, and held before the last flush."""
    seen: set[int] = set()
    waiting = deque(rows)
    kept: list[Any] = []  # so that no id() is used twice
    while waiting:
        instance = waiting.popleft()
        if id(instance) in seen:
            continue
        seen.add(id(instance))
        kept.append(instance)
        state = state_of(instance, "detach")
        for name, relation in shape_of(state.class_).relations.items():
            if name in state.dict and not relation.query:
                history = get_history(instance, name, PassiveFlag.PASSIVE_NO_INITIALIZE)
                waiting += [held for held in (*history.sum(),) if held is not None]
        yield instance
