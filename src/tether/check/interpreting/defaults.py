"""``if parameter is None``: where the caller has given something, this is not the way the program goes."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Frame
from tether.check.abstract.values import NONE, NONE_ATOM
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions


def is_given_after_all(interpreter: Interpreter, activation: Activation, tested: Any, state: State) -> bool:
    """Return whether a test is ``parameter is None`` and the caller gave it: nobody gives what is the default.

    What was given may be None all the same, but a finding behind the test would rest on that.
    """
    if not (activation.depth and isinstance(tested, ops.Operate) and tested.operator == "is"):
        return False
    defined = definitions(activation.body).get(tested.operands[0])
    if not isinstance(defined, ops.Load) or NONE_ATOM in state.read(tested.operands[0]):
        return False
    if state.read(tested.operands[1]) != NONE or is_bound_before(activation.body, defined):
        return False
    frame = state.get(activation.frame, Frame)
    number = interpreter.derived(
        "defaults", activation.module, activation.index, frame.parent if frame else -1
    )
    defaults = state.get(number, Frame)
    return defaults is not None and defaults.variables.get(defined.name) == NONE


def is_bound_before(body: ops.Body, load: ops.Load) -> bool:
    """Return whether a variable is bound above a line that reads it."""
    return any(
        isinstance(op, ops.Store) and op.name == load.name and op.span[0] <= load.span[0]
        for block in body.blocks
        for op in block.ops
    )
