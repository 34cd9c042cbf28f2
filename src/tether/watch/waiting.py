"""Instances that were changed while detached, or detached while changed: lost, unless they come back.

Nothing here keeps an instance alive: a weak reference waits for its end, and what changed is
kept as names. The instance's ``__dict__`` must not be kept either, because a relationship and its
back reference lead from there to the instance again.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

from tether.orm.inspect import net_changes
from tether.watch.events import InstanceGone, InstanceReturned
from tether.watch.recorder import Recorder, token_of


class Candidate:
    """One instance whose change may be lost.

    Attributes:
        net: Attribute name -> whether its value differs from what was loaded.
        deltas: Collection name -> token of an element -> times added less times removed.
    """

    __slots__ = ("class_path", "deltas", "key", "net", "reference", "token")

    def __init__(self, token: int, key: Any, class_path: str, net: dict[str, bool]) -> None:
        self.token = token
        self.key = key
        self.class_path = class_path
        self.net = net
        self.deltas: dict[str, dict[int, int]] = {}
        self.reference: Any = None

    def attributes(self) -> tuple[str, ...]:
        """Return the names of what really differs."""
        return tuple(sorted(name for name, differs in self.net.items() if differs))


class Waiting:
    """All candidates of one watch."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.candidates: dict[int, Candidate] = {}

    def hold(self, state: Any) -> Candidate | None:
        """Start to wait for the end of an instance; None if it is already gone."""
        token = token_of(state)
        candidate = self.candidates.get(token)
        instance = state.obj()
        if candidate is not None or instance is None:
            return candidate
        net = dict.fromkeys(net_changes(state), True)
        path = f"{state.class_.__module__}.{state.class_.__qualname__}"
        candidate = self.candidates[token] = Candidate(token, state.key, path, net)
        late = self.recorder.late
        candidate.reference = weakref.ref(instance, lambda _: late.append(lambda: self.gone(token)))
        return candidate

    def returned(self, state: Any) -> None:
        """The instance came back: stop waiting."""
        token = getattr(state, "_tether_token", None)
        if token is not None and self.candidates.pop(token, None) is not None:
            self.recorder.publish(InstanceReturned(token))

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


def note_write(
    candidate: Candidate, state: Any, dict_: dict[str, Any], attribute: Any, previous: Any
) -> None:
    """Work out whether the write that is being made right now is a net change.

    SQLAlchemy announces a change before it makes it, so the new value is read from the frame that
    makes it: ``AttributeImpl.set`` and ``fire_append_event``/``fire_remove_event`` call it ``value``
    (2.0 and 2.1). A Mutable has changed already; it counts as a net change.
    """
    key = attribute.key
    frame = sys._getframe(3)
    caller, values = frame.f_code.co_name, frame.f_locals
    if (
        caller in ("fire_append_event", "fire_append_wo_mutation_event", "fire_remove_event")
        and "value" in values
    ):
        delta = candidate.deltas.setdefault(key, {})
        element = id(values["value"])
        delta[element] = delta.get(element, 0) + (-1 if caller == "fire_remove_event" else 1)
        candidate.net[key] = any(delta.values())
    elif caller == "set" and "value" in values and not getattr(attribute, "collection", False):
        base = state.committed_state.get(key, previous)
        candidate.net[key] = not _equal(attribute, base, values["value"])
    else:
        candidate.net[key] = True


def _equal(attribute: Any, base: Any, value: Any) -> bool:
    if base is value:
        return True
    compare = getattr(attribute, "is_equal", None)
    return bool(compare(base, value)) if compare is not None else False
