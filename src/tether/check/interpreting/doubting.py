"""Tests behind a rollback that may tell whether there was one: what is behind them may be another way.

``error = None``, a handler that rolls back and sets it, and ``if error is None`` are two ways, not four. Where a test
is not decided and asks about what a function was told or noted on its way, nothing is sure any more of what had been
expired.
"""

from __future__ import annotations

from collections import Counter

from tether.check.abstract.changing import replace
from tether.check.abstract.state import EXPIRED_ALL, State
from tether.check.abstract.things import EXPIRED, UNSURE, Frame, Instance
from tether.check.abstract.values import NOTHING, truth
from tether.check.interpreting.flow import Activation
from tether.check.lowering import ops

COMPARING = ("not", "is", "is not", "==", "!=")
DEEPEST = 4


def doubt(activation: Activation, op: ops.Assume, state: State) -> None:
    """Forget what a rollback expired if a test that is not decided may ask whether there was one."""
    decided = {truth(atom) for atom in state.read(op.test)}
    if EXPIRED_ALL not in state.path or (len(decided) == 1 and None not in decided):
        return
    tests = tests_of(activation.body)
    name = tests.names.get(op.test, "")
    if not name or (name in parameters_of(activation.body) and tests.times[name] < 2):
        return
    frame = state.get(activation.frame, Frame)
    value = frame.variables.get(name, NOTHING) if frame is not None else NOTHING
    if any(True for _ in state.of(value, Instance)):
        return  # whether there is a row, or what is in it
    for number, thing in list(state.things.items()):
        if isinstance(thing, Instance) and thing.columns == frozenset({EXPIRED}):
            state.things[number] = replace(
                thing, columns=thing.columns | {UNSURE}, flags=(thing.flags - {"all expired"}) | {"unsure"}
            )


def parameters_of(body: ops.Body) -> set[str]:
    """Return the names of the parameters."""
    return {parameter.name for parameter in body.parameters}


class Tests:
    """What the tests of one body ask about: by the register of a test, and how often each variable is asked about."""

    def __init__(self, body: ops.Body) -> None:
        kinds = (ops.Constant, ops.Operate, ops.Load, ops.Call, ops.GetAttribute, ops.GetItem, ops.Await)
        self.body = body
        self.written = {op.to: op for block in body.blocks for op in block.ops if isinstance(op, kinds)}
        tested = {op.test for block in body.blocks for op in block.ops if isinstance(op, ops.Assume)}
        self.names = {register: self.asked(register) for register in tested}
        self.times = Counter(self.names.values())

    def asked(self, register: int, depth: int = DEEPEST) -> str:
        """Return the local variable that a register is, or is a part of; "" if it is anything else."""
        if not depth:
            return ""
        match self.written.get(register):
            case ops.Load(name=name, scope="local"):
                return "" if name == "self" else name
            case ops.Operate(operator="==" | "!=", operands=(_, other)) if self.is_text(other):
                return ""  # which one of many, not whether
            case ops.Operate(operator=operator, operands=operands) if operator in COMPARING:
                return self.asked(operands[0], depth - 1)
            case ops.GetAttribute(of=inner) | ops.GetItem(of=inner) | ops.Await(source=inner):
                return self.asked(inner, depth - 1)
            case ops.Call(function=inner):
                return self.asked(inner, depth - 1)
            case _:
                return ""

    def is_text(self, register: int) -> bool:
        """Return whether a register is a literal string."""
        written = self.written.get(register)
        return isinstance(written, ops.Constant) and isinstance(written.value, str)


_tests: dict[int, Tests] = {}


def tests_of(body: ops.Body) -> Tests:
    """Return what the tests of a body ask about."""
    known = _tests.get(id(body))
    if known is None or known.body is not body:
        known = _tests[id(body)] = Tests(body)
    return known
