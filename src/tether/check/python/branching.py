"""What a branch says of what was tested: on this way it is true, or it is not."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.emptiness import without_changes
from tether.check.abstract.sameness import is_unsure
from tether.check.abstract.state import MAIN, State
from tether.check.abstract.things import Frame
from tether.check.abstract.values import NONE, literal, truth
from tether.check.interpreting.defaults import is_given_after_all
from tether.check.interpreting.doubting import doubt
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions
from tether.check.python.binding import frame_of
from tether.check.python.truths import truth_in


@step(ops.Assume)
def run_assume(interpreter: Interpreter, activation: Activation, op: ops.Assume, state: State) -> list[State]:
    """A branch: values that cannot be in it are taken out; without any left the branch is not taken."""
    tested = definitions(activation.body).get(op.test)
    if op.truth and is_main_guard(activation, tested, state):
        state.path |= {MAIN}
    if op.truth and is_given_after_all(interpreter, activation, tested, state):
        return []
    value = state.read(op.test)
    if value and all(truth_in(interpreter, state, atom) is (not op.truth) for atom in value):
        return []
    doubt(activation, op, state)
    if not op.truth:
        without_changes(state, value)
    if isinstance(tested, ops.Operate) and tested.operator in ("is", "is not", "==", "!=", "not"):
        positive = op.truth == (tested.operator in ("is", "=="))
        if tested.operator == "not":
            negated = tested.operands[0]
            narrow(interpreter, activation, negated, state, keep_none=op.truth, only_truth=not op.truth)
            if op.truth:
                without_changes(state, state.read(negated))
        elif state.read(tested.operands[1]) == NONE:
            narrow(interpreter, activation, tested.operands[0], state, keep_none=positive, only_truth=None)
    else:
        narrow(interpreter, activation, op.test, state, keep_none=not op.truth, only_truth=op.truth)
    return [state]


def is_main_guard(activation: Activation, tested: Any, state: State) -> bool:
    """Return whether a test is ``__name__ == "__main__"``."""
    return isinstance(tested, ops.Operate) and any(
        literal(state.read(operand)) == "__main__" for operand in tested.operands
    )


def narrow(
    interpreter: Interpreter, activation: Activation, register: int, state: State,
    *, keep_none: bool, only_truth: bool | None,
) -> None:  # fmt: skip
    """Keep of a register, and of the variable it was read from, what passes the test."""
    value = state.read(register)
    if only_truth is None:
        kept = value & NONE if keep_none else value - NONE
        if keep_none and not kept:
            kept = NONE if any(is_unsure(atom) for atom in value) else value
    else:
        kept = frozenset(atom for atom in value if truth(atom) in (None, only_truth))
        if only_truth:
            kept -= NONE
    if kept == value or not kept:
        return
    state.registers[register] = kept
    defined = definitions(activation.body).get(register)
    if isinstance(defined, ops.Load):
        number = frame_of(interpreter, activation, defined.name, defined.scope, state)
        frame = state.get(number, Frame) if number else None
        if frame is not None and frame.variables.get(defined.name) == value:
            state.things[number] = replace(frame, variables={**frame.variables, defined.name: kept})
