"""Which op writes a register."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.lowering import ops

_crossing: dict[int, tuple[ops.Body, frozenset[int]]] = {}


def crossing(body: ops.Body) -> frozenset[int]:
    """Return the registers that are read in another block than the one that writes them."""
    known = _crossing.get(id(body))
    if known is None or known[0] is not body:
        found: set[int] = set(operands_of_tests(body))
        for block in body.blocks:
            written: set[int] = set()
            for op in block.ops:
                found |= set(registers_read(op)) - written
                to = getattr(op, "to", ())
                written |= set(to) if isinstance(to, tuple) else {to}
        known = _crossing[id(body)] = (body, frozenset(found))
    return known[1]


def operands_of_tests(body: ops.Body) -> Iterator[int]:
    """Yield what the tests of branches are made of: a branch narrows it."""
    written = definitions(body)
    for op in (op for block in body.blocks for op in block.ops[:1] if isinstance(op, ops.Assume)):
        test = written.get(op.test)
        if isinstance(test, ops.Operate):
            yield from test.operands


def registers_read(op: Any) -> Iterator[int]:
    """Yield every register an op mentions but the one it writes."""
    for name, value in zip(op._fields, op, strict=True):
        if name in NO_REGISTERS:
            continue
        for held in value if isinstance(value, tuple) else (value,):
            if isinstance(held, tuple):
                yield from (part for part in held if type(part) is int)
            elif type(held) is int:
                yield held


NO_REGISTERS = frozenset(
    {"to", "span", "star_at", "body", "name", "scope", "annotation", "value", "truth", "starred"}
)
_definitions: dict[int, tuple[ops.Body, dict[int, Any]]] = {}


def definitions(body: ops.Body) -> dict[int, Any]:
    """Return the op that writes each register that a test may be about."""
    known = _definitions.get(id(body))
    if known is None or known[0] is not body:
        kinds = (ops.Operate, ops.Load, ops.Call, ops.GetAttribute)
        found = {op.to: op for block in body.blocks for op in block.ops if isinstance(op, kinds)}
        known = _definitions[id(body)] = (body, found)
    return known[1]


def is_connection(defined: dict[int, Any], register: int) -> bool:
    """Return whether a register is a connection by its name, or what ``get_bind()`` of a migration gives."""
    match defined.get(register):
        case ops.Load(name=name) | ops.GetAttribute(name=name):
            return "conn" in name or name == "bind"
        case ops.Call(function=function):
            called = defined.get(function)
            return isinstance(called, ops.GetAttribute) and called.name == "get_bind"
        case _:
            return False


_called: dict[int, tuple[ops.Body, frozenset[int]]] = {}


def called(body: ops.Body) -> frozenset[int]:
    """Return the registers that hold what a call calls."""
    known = _called.get(id(body))
    if known is None or known[0] is not body:
        found = frozenset(
            op.function for block in body.blocks for op in block.ops if isinstance(op, ops.Call)
        )
        known = _called[id(body)] = (body, found)
    return known[1]
