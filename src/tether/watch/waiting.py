"""Instances that were changed while detached, or detached while changed: lost, unless they come back.

Nothing here keeps an instance alive: a weak reference waits for its end, and what changed is
kept as names. The instance's ``__dict__`` must not be kept either, because a relationship and its
back reference lead from there to the instance again.
"""

from __future__ import annotations

import sys
import weakref
from collections import Counter
from typing import Any

from sqlalchemy.orm import LoaderCallableStatus

from tether.orm import private
from tether.orm.inspect import refers_already
from tether.watch.changes import entrusted_value, lost_changes
from tether.watch.events import InstanceGone, InstanceReturned
from tether.watch.recorder import Recorder, token_of


class Candidate:
    """One instance whose change may be lost.

    Attributes:
        net: Attribute name -> whether its value differs from what was loaded.
        after_merge: True if only what is changed from now on can be lost; ``merge()`` saved the rest.
        bases: Column name -> its value at the merge.
        elements: Collection name -> what was saved in it, and how often it holds each row now.
    """

    __slots__ = ("after_merge", "bases", "class_path", "elements", "key", "net", "reference", "token")

    def __init__(self, token: int, key: Any, class_path: str, net: dict[str, bool]) -> None:
        self.token = token
        self.key = key
        self.class_path = class_path
        self.net = net
        self.after_merge = False
        self.bases: dict[str, Any] = {}
        self.elements: dict[str, tuple[set[Any], Counter[Any]]] = {}
        self.reference: Any = None

    def attributes(self) -> tuple[str, ...]:
        """Return the names of what really differs."""
        return tuple(sorted(name for name, differs in self.net.items() if differs))


class Waiting:
    """All candidates of one watch."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.candidates: dict[int, Candidate] = {}

    def hold(self, state: Any, *, after_merge: bool = False) -> Candidate | None:
        """Start to wait for the end of an instance; None if it is already gone."""
        token = token_of(state)
        candidate = self.candidates.get(token)
        instance = state.obj()
        if candidate is not None or instance is None:
            return candidate
        net = {} if after_merge else dict.fromkeys(lost_changes(state), True)
        path = f"{state.class_.__module__}.{state.class_.__qualname__}"
        candidate = self.candidates[token] = Candidate(token, state.key, path, net)
        candidate.after_merge = after_merge
        late = self.recorder.late
        candidate.reference = weakref.ref(instance, lambda _: late.append(lambda: self.gone(token)))
        return candidate

    def returned(self, state: Any) -> None:
        """The instance came back: stop waiting."""
        token = getattr(state, "_tether_token", None)
        if token is not None and self.candidates.pop(token, None) is not None:
            self.recorder.publish(InstanceReturned(token))

    def columns_saved(self, state: Any) -> None:
        """The columns were written, as bulk methods do: wait on only for changes of relationships."""
        candidate = self.candidates.get(getattr(state, "_tether_token", None) or 0)
        if candidate is not None:
            for name in candidate.net:
                candidate.net[name] = candidate.net[name] and name in state.mapper.relationships
            if not candidate.attributes():
                self.returned(state)

    def row_saved(self, key: Any) -> None:
        """The row was written by other means: stop waiting for every instance of it."""
        for candidate in [candidate for candidate in self.candidates.values() if candidate.key == key]:
            del self.candidates[candidate.token]
            self.recorder.publish(InstanceReturned(candidate.token))

    def gone(self, token: int) -> None:
        """The instance is gone for good: say what was lost with it."""
        candidate = self.candidates.pop(token, None)
        if candidate is not None:
            self.recorder.publish(InstanceGone(token, candidate.attributes()), candidate.class_path)

    def end(self) -> None:
        """The watch ends: whatever has not come back by now is taken for lost."""
        for token in list(self.candidates):
            self.gone(token)


def note_write(candidate: Candidate, state: Any, attribute: Any, previous: Any) -> bool:
    """Work out whether the write that is being made right now is a net change; False if it changes nothing.

    SQLAlchemy announces a change before it makes it, so the new value is read from the frame that
    makes it: ``AttributeImpl.set`` and ``fire_append_event``/``fire_remove_event`` call it ``value``
    (2.0 and 2.1). A Mutable has changed already; it counts as a net change.
    """
    key = attribute.key
    caller, value = _writer()
    if caller == "flush":
        return False  # the flush of a parent fills in or clears a foreign key; nobody has to save that
    if caller == "set" and not getattr(attribute, "collection", False):
        if key in state.dict and _equal(state, attribute, state.dict[key], value):
            return False
        candidate.net[key] = not _equal(state, attribute, _base(candidate, state, attribute, previous), value)
        return True
    if not getattr(attribute, "collection", False):
        candidate.net[key] = True
        return True
    # A pop() is announced twice: as "pre-remove", also where there is nothing to pop, then as a removal.
    saved, held = candidate.elements.get(key) or _elements(candidate, state, key)
    candidate.elements[key] = saved, held
    if caller in _STEPS:
        held.update({_token(value): _STEPS[caller]})
        candidate.net[key] = saved != {token for token, times in held.items() if times > 0}
    return True


def _elements(candidate: Candidate, state: Any, key: str) -> tuple[set[Any], Counter[Any]]:
    now = _tokens(state.dict.get(key))
    before = now if candidate.after_merge else _tokens(state.committed_state.get(key, state.dict.get(key)))
    return set(before), Counter(now)


def _tokens(collection: Any) -> list[Any]:
    if collection is None or isinstance(collection, LoaderCallableStatus):
        return []
    return [_token(element) for element in private.elements(collection)]


def _token(element: Any) -> Any:
    state = private.state_of_anything(element)
    if state is None:
        return id(element)
    return state.key or token_of(state)  # a second instance of a row is no second row


_STEPS = {"fire_append_event": 1, "fire_append_wo_mutation_event": 1, "fire_remove_event": -1}
_BY_FLUSH = "_set_state_attr_by_column"  # of Mapper: copies a foreign key from parent to child
_REACH = 8


def _writer() -> tuple[str, Any]:
    """Return SQLAlchemy's function that makes the change, and the new value; "" if it is another one."""
    frame = sys._getframe(2)
    for _ in range(_REACH):
        name = frame.f_code.co_name
        if (name == "set" or name in _STEPS) and "value" in frame.f_code.co_varnames:
            by_flush = frame.f_back is not None and frame.f_back.f_code.co_name == _BY_FLUSH
            return "flush" if by_flush else name, frame.f_locals.get("value")
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "", None


def _base(candidate: Candidate, state: Any, attribute: Any, previous: Any) -> Any:
    """Return the value that is saved: at the merge, or when the instance was loaded."""
    key = attribute.key
    if not candidate.after_merge:
        return entrusted_value(state, key, state.committed_state.get(key, previous))
    if key not in state.mapper.column_attrs:
        return _NOTHING  # a related instance must not be kept alive
    return candidate.bases.setdefault(key, previous)


_NOTHING = object()


def _equal(state: Any, attribute: Any, base: Any, value: Any) -> bool:
    if base is value:
        return True
    if base is LoaderCallableStatus.PASSIVE_NO_RESULT and attribute.uses_objects:
        return refers_already(state, attribute.key, value)
    compare = getattr(attribute, "is_equal", None)
    return bool(compare(base, value)) if compare is not None and base is not _NOTHING else False
