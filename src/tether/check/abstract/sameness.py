"""Whether two values surely are the same, as far as ``is``, ``==`` and ``is None`` ask."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.values import NONE, NONE_ATOM, Class, Constant, Function, Module, Value


def same(left: Value, right: Value) -> bool | None:
    """Return whether two values surely are, or surely are not, the same."""
    if len(left) == len(right) == 1:
        (one_side,), (other_side,) = left, right
        if isinstance(one_side, Constant) and isinstance(other_side, Constant):
            return None if ... in (one_side.value, other_side.value) else one_side == other_side
    for here, there in ((left, right), (right, left)):
        if there == NONE and NONE_ATOM not in here and not any(is_unsure(atom) for atom in here):
            return False
    return None


def is_unsure(atom: Any) -> bool:
    """Return whether an atom may be None after all."""
    return (
        not isinstance(atom, Constant)
        and getattr(atom, "id", None) is None
        and not isinstance(atom, (Function, Class, Module))
    )
