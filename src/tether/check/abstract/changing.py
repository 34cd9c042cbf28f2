"""A changed copy of something immutable."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def replace(held: T, /, **changes: Any) -> T:
    """Return *held* with other fields.

    ``dataclasses.replace`` calls ``__init__``, which sets twenty fields one by one; a copy of ``__dict__`` is one step.
    """
    try:
        fields = held.__dict__
    except AttributeError:  # with slots
        return dataclasses.replace(held, **changes)  # type: ignore[type-var]
    made = object.__new__(type(held))
    mine = fields.copy()
    mine.update(changes)
    object.__setattr__(made, "__dict__", mine)
    return made
