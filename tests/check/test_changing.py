"""Changed copies of immutable things."""

from __future__ import annotations

import dataclasses

from tether.check.abstract.changing import replace
from tether.check.abstract.things import Frame, Session
from tether.check.abstract.values import Class


def test_a_changed_copy_is_what_the_dataclass_would_have_made() -> None:
    """A changed copy equals the one that dataclasses.replace makes, and the original stays as it was."""
    session = Session(owner="ambient")
    same = (replace(session, escaped=True), session)

    assert (dataclasses.replace(session, escaped=True), Session(owner="ambient")) == same


def test_what_has_slots_is_copied_too() -> None:
    """A value with slots has a changed copy as well."""
    changed = replace(Class("shop", "User"), qualname="Order")

    assert Class("shop", "Order") == changed


def test_things_of_two_kinds_are_different() -> None:
    """Things are equal only if they are of one kind and all fields are equal."""
    frame = Frame(variables={"a": frozenset()})

    assert [True, False, False] == [
        Frame(variables={"a": frozenset()}) == frame,
        Frame(variables={}) == frame,
        Session() == frame,
    ]
