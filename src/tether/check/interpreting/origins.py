"""What a value in a register is made of."""

from __future__ import annotations

from tether.check.interpreting.flow import Activation
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions


def is_made_of(activation: Activation, register: int, name: str, depth: int = 4) -> bool:
    """Return whether a value is made of an attribute of this name: ``x.name = x.name.strip()`` may change nothing."""
    defined = definitions(activation.body).get(register)
    if depth and isinstance(defined, ops.GetAttribute):
        return defined.name == name or is_made_of(activation, defined.of, name, depth - 1)
    if depth and isinstance(defined, ops.Call):
        return any(
            is_made_of(activation, held, name, depth - 1) for held in (defined.function, *defined.positional)
        )
    return False
