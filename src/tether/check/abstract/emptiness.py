"""A collection that turned out to be empty: nothing was done to its elements, for there are none.

``for user in users: user.name = ""`` and then ``if users: session.commit()``: on the way past the commit the loop had
no turn.
"""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection, Instance
from tether.check.abstract.values import Value


def without_changes(state: State, value: Value) -> None:
    """Forget what was changed in the elements of a collection that is empty here."""
    found = state.only(value, Collection)
    if found is None or found[1].kind in ("iterator", "tuple") or found[1].items:
        return
    for number, element in list(state.of(found[1].element, Instance)):
        for held, instance in [(number, element), *state.family(number)]:
            if instance.changed or instance.touched or instance.written:
                state.things[held] = replace(instance, changed={}, touched=None, written={})
