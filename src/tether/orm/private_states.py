"""Private names of SQLAlchemy that put instances into a Session, and put them back as they were.

The second file of private names, beside ``private``. Each was run on SQLAlchemy 2.0.20, 2.0.58 and 2.1.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Mapper, Query, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.state import InstanceState

from tether.orm.private import elements, is_collection


def without_eager_loads(statement: Any) -> Any:
    """Return a ``select()`` that loads no relationship, as ``Query.enable_eagerloads(False)`` does.

    A Query itself would fire ``before_compile``, where programs add filters of their own. All loader options are
    ignored with it, ``undefer()`` too (2.0.20 to 2.1).
    """
    statement = statement._clone()
    statement._compile_options = Query._compile_options + {"_enable_eagerloads": False}
    return statement


@dataclass(slots=True)
class Remembered:
    """What a state held, exactly."""

    dict_: dict[str, Any]
    committed: dict[str, Any]
    expired: set[str]
    is_modified: bool
    collections: dict[str, list[Any]]


def remember(state: InstanceState[Any]) -> Remembered:
    """Return what a persistent state holds; no SQL, no events."""
    dict_ = state.dict
    return Remembered(
        dict(dict_),
        dict(state.committed_state),
        set(state.expired_attributes),
        bool(state.modified),
        {name: elements(value) for name, value in dict_.items() if is_collection(value)},
    )


def give_back(session: Session, state: InstanceState[Any], was: Remembered) -> None:
    """Let a state hold again what it held: the same values, collections and unflushed changes; no SQL, no events."""
    dict_ = state.dict
    kept = {}
    for name, held in was.collections.items():
        adapter = getattr(was.dict_[name], "_sa_adapter", None)
        if adapter is None:  # SQLAlchemy gave it up when another one was set in its place
            set_committed_value(state.obj(), name, held)
            kept[name] = dict_[name]
        elif elements(was.dict_[name]) != held:
            adapter.clear_without_event()
            adapter.append_multiple_without_event(held)
    dict_.clear()
    dict_.update(was.dict_)
    dict_.update(kept)
    if not was.is_modified:
        state._commit_all(dict_, session.identity_map)
    state.committed_state.clear()
    state.committed_state.update(was.committed)
    state.expired_attributes.clear()
    state.expired_attributes.update(was.expired)


def forget_change(session: Session, state: InstanceState[Any]) -> None:
    """Take a state without any change left out of ``Session.dirty``."""
    if state.modified and not state.committed_state:
        state._commit_all(state.dict, session.identity_map)


def has_execute_listeners(session: Session) -> bool:
    """Return True if a ``do_orm_execute`` listener may change the Session's statements."""
    return bool(session.dispatch.do_orm_execute)


def can_be_built(session: Session, mapper: Mapper[Any]) -> bool:
    """Return True if an instance loaded by a query is no more than its values: no events and no subclasses.

    The ``load`` event is how composites and ``Mutable`` come to an instance, too.
    """
    if session.dispatch.loaded_as_persistent or mapper.class_manager.dispatch.load:
        return False
    if mapper.always_refresh or len(list(mapper.self_and_descendants)) > 1:
        return False
    return not any(prop.key.startswith("_sa_") for prop in mapper.column_attrs)


def builder(
    session: Session, mapper: Mapper[Any]
) -> Callable[[tuple[Any, ...], Iterable[tuple[str, Any]]], Any]:
    """Return a function that puts a persistent instance into the Session, as ``loading.instances()`` does.

    It takes an identity key that the identity map does not hold, and values of columns, and emits no SQL. Ask
    ``can_be_built()`` first.
    """
    new_instance = mapper.class_manager.new_instance
    add, number = session.identity_map._add_unpresent, session.hash_key

    def build(key: tuple[Any, ...], values: Iterable[tuple[str, Any]]) -> Any:
        instance: Any = new_instance()
        state = instance._sa_instance_state
        state.key, state.identity_token, state.session_id = key, key[2], number
        instance.__dict__.update(values)
        add(state, key)
        return instance

    return build
