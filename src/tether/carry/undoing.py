"""If bringing back fails, the Session is as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState, LoaderCallableStatus, Session
from sqlalchemy.orm.attributes import set_attribute, set_committed_value
from sqlalchemy.util import IdentitySet

from tether.carry.shape import shape_of
from tether.orm import private, private_states


@contextmanager
def as_it_was(session: Session) -> Iterator[Memory]:
    """Put the Session back if the block raises: what was added and loaded leaves it, what was set is unset.

    The transaction stays open, with the locks that were taken in it.
    """
    memory = Memory(session)
    try:
        yield memory
    except BaseException:
        memory.restore()
        raise


@contextmanager
def forget_what_was_read(session: Session) -> Iterator[None]:
    """Let everything that the block loads leave the Session again, whether it raises or not."""
    memory = Memory(session)
    try:
        yield
    finally:
        memory.put_out_what_was_read()


class Memory:
    """What a Session held."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.keys = set(session.identity_map.keys())
        self.new = IdentitySet(session.new)
        self.changed = {state: _changes(state) for state in private.modified_states(session)}
        self.kept: dict[InstanceState[Any], private_states.Remembered] = {}

    def keep(self, instances: Iterable[Any]) -> None:
        """Remember exactly what instances hold that were in the Session before; call it before they change."""
        for instance in instances:
            state: InstanceState[Any] = inspect(instance)
            if state not in self.kept and (state.key in self.keys or instance in self.new):
                self.kept[state] = private_states.remember(state)

    def restore(self) -> None:
        """Give it back what it held."""
        with self.session.no_autoflush:
            for instance in list(self.session.new):
                if instance not in self.new:
                    self.put_out(instance)
            for state in private.modified_states(self.session):
                if state not in self.kept:
                    revert(state)
                    private_states.forget_change(self.session, state)
            self.put_out_what_was_read()
            for state, changes in self.changed.items():
                if state not in self.kept:
                    _change_again(state, changes)
            for state, was in self.kept.items():
                private_states.give_back(self.session, state, was)

    def put_out_what_was_read(self) -> None:
        """Expunge what was not there before."""
        for instance in self.session.identity_map.values():
            if inspect(instance).key not in self.keys:
                self.put_out(instance)

    def put_out(self, instance: Any) -> None:
        """Expunge one instance alone: ``expunge()`` would take along what its loaded relationships hold."""
        state = inspect(instance)
        for name in shape_of(state.class_).relations:
            state.dict.pop(name, None)
        self.session.expunge(instance)


def _changes(state: InstanceState[Any]) -> dict[str, Any]:
    """Return the current values of a state's unflushed changes; collections as lists."""
    shape = shape_of(state.class_)
    found = {}
    for name in state.committed_state:
        if name in state.dict:
            relation = shape.relations.get(name)
            many = relation is not None and relation.kind != "one"
            found[name] = private.elements(state.dict[name]) if many else state.dict[name]
    return found


def revert(state: InstanceState[Any]) -> None:
    """Take back every unflushed change of a persistent instance; no SQL, no events."""
    instance, session = state.obj(), state.session
    for name, old in list(state.committed_state.items()):
        if isinstance(old, LoaderCallableStatus):
            if session is not None:
                session.expire(instance, [name])
        else:
            relation = shape_of(state.class_).relations.get(name)
            many = relation is not None and relation.kind != "one"
            set_committed_value(instance, name, private.elements(old) if many else old)


def _change_again(state: InstanceState[Any], changes: dict[str, Any]) -> None:
    """Make the changes anew that the program had made, and not flushed, before."""
    instance = state.obj()
    for name, value in changes.items():
        relation = shape_of(state.class_).relations.get(name)
        if relation is not None and relation.kind == "dict":
            value = {key_of(instance, name, element): element for element in value}
        if relation is not None and relation.kind == "set":
            value = set(value)
        set_attribute(instance, name, value)


def key_of(instance: Any, name: str, element: Any) -> Any:
    """Return the key under which a dictionary of elements holds one of them."""
    return getattr(instance, name).keyfunc(element)
