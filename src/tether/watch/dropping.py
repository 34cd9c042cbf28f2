"""Unflushed changes that are about to be forgotten: found before they are, reported by attribute name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tether.core.states import Cause
from tether.orm import private
from tether.watch.changes import lost_changes
from tether.watch.events import ChangesDropped
from tether.watch.inflight import exception_in_flight
from tether.watch.recorder import Recorder
from tether.watch.site import Site
from tether.watch.waiting import Waiting

# These leave the change on the instance: it is saved after all if the instance is added or merged later.
_KEEPING = (
    Cause.CLOSE,
    Cause.RESET,
    Cause.INVALIDATE,
    Cause.EXPUNGE,
    Cause.EXPUNGE_ALL,
    Cause.GARBAGE_COLLECTION,
    Cause.UNKNOWN,
)


# These expire one side of a relationship; what was appended keeps its own reference to the parent.
_SPARING_CHILDREN = (Cause.REFRESH, Cause.EXPIRE, Cause.EXPIRE_ALL, Cause.POPULATE_EXISTING)


def _is_carried_by_children(mapper: Any, name: str) -> bool:
    """Return True if a collection has a back reference, and no cascade expires its elements as well."""
    relationship = mapper.relationships.get(name)
    if relationship is None or not relationship.uselist or relationship.cascade.refresh_expire:
        return False
    return private.has_back_reference(relationship)


def report_dropped(
    recorder: Recorder,
    waiting: Waiting,
    states: Iterable[Any],
    cause: Cause,
    site: Site | None,
    *,
    names: Iterable[str] | None = None,
) -> None:
    """Publish the net changes of *states*, of all attributes or only of *names*.

    Quiet if an exception is in flight, and for rows about to be deleted or already gone.
    """
    if not recorder.takes(ChangesDropped) or exception_in_flight():
        return
    wanted = None if names is None else set(names)
    alike: dict[Any, tuple[Any, int]] = {}
    for state in states:
        if state.key is None or private.is_deleted(state):
            continue
        changed = [name for name in lost_changes(state) if wanted is None or name in wanted]
        if cause in _SPARING_CHILDREN:
            changed = [name for name in changed if not _is_carried_by_children(state.mapper, name)]
        if not changed:
            continue
        if cause in _KEEPING and state._tether_escaped:
            continue
        if cause in _KEEPING and waiting.hold(state) is not None:
            _publish(recorder, state, tuple(sorted(changed)), cause, site, can_return=True)
        else:
            # A rollback may drop thousands of alike changes: say it once, with a count.
            key = (state.class_, tuple(sorted(changed)), getattr(state, "_tether_wrote", None))
            alike[key] = (state, alike.get(key, (state, 0))[1] + 1)
    for (_, changed_names, _), (state, count) in alike.items():
        _publish(recorder, state, changed_names, cause, site, count=count)


def _publish(
    recorder: Recorder,
    state: Any,
    changed: tuple[str, ...],
    cause: Cause,
    site: Site | None,
    *,
    can_return: bool = False,
    count: int = 1,
) -> None:
    instance = recorder.instance(state)
    recorder.publish(ChangesDropped(instance, changed, cause, site, can_return, count), instance.class_path)


def drop_collected(recorder: Recorder, waiting: Waiting, session: Any) -> None:
    """Report what goes with a garbage-collected Session; runs in a finalizer, so publishing is put off."""
    if not recorder.takes(ChangesDropped):
        return
    for state in private.modified_states(session):
        instance = private.strong_instance(state)
        if state.key is None or private.is_being_deleted(session, state) or instance is None:
            continue
        changed = tuple(sorted(lost_changes(state, vars(instance))))
        if changed:
            can_return = state.obj() is not None and waiting.hold(state) is not None
            facts = recorder.instance(state)
            event = ChangesDropped(facts, changed, Cause.GARBAGE_COLLECTION, None, can_return)
            recorder.later(event, facts.class_path)
