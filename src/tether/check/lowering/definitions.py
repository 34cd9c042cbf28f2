"""Which op writes a register."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tether.check.lowering import ops

_live: dict[int, tuple[ops.Body, tuple[tuple[int, ...], ...]]] = {}


def live(body: ops.Body) -> tuple[tuple[int, ...], ...]:
    """Return for each block the registers that were written before it and are read in it or behind it."""
    known = _live.get(id(body))
    if known is None or known[0] is not body:
        known = _live[id(body)] = (body, tuple(tuple(sorted(found)) for found in _live_at_blocks(body)))
    return known[1]


def _live_at_blocks(body: ops.Body) -> list[set[int]]:
    """Return the same: blocks are in order, so that only what is carried around loops has to be found again."""
    if len(body.blocks) == 1:
        return [set()]
    writes: list[set[int]] = []
    reads: list[set[int]] = []
    tested = definitions(body)
    for block in body.blocks:
        written: set[int] = set()
        read: set[int] = set()
        for op in block.ops:
            read.update(register for register in _read_by(op, tested) if register not in written)
            to = getattr(op, "to", ())
            written.update(to if isinstance(to, tuple) else (to,))
        writes.append(written)
        reads.append(read)
    found = [read.copy() for read in reads]
    changed = any(reads)
    while changed:
        changed = False
        for number in reversed(range(len(body.blocks))):
            block, here = body.blocks[number], found[number]
            before = len(here)
            for following in block.then:
                here |= found[following] - writes[number]
            if block.handler >= 0:  # an exception may leave before anything is written
                here |= found[block.handler]
            changed = changed or len(here) > before
    return found


def _read_by(op: Any, tested: dict[int, Any]) -> Iterator[int]:
    """Yield every register an op reads: a branch also narrows what its test is made of."""
    yield from registers_read(op)
    if isinstance(op, ops.Assume) and isinstance(test := tested.get(op.test), ops.Operate):
        yield from test.operands


def registers_read(op: Any) -> Iterator[int]:
    """Yield every register an op mentions but the one it writes."""
    for position in _positions_of_registers(op.__class__):
        value = op[position]
        for held in value if type(value) is tuple else (value,):
            if type(held) is int:
                yield held
            elif type(held) is tuple:
                yield from (part for part in held if type(part) is int)


@cache
def _positions_of_registers(kind: Any) -> tuple[int, ...]:
    """Return the fields of a kind of op that may hold registers it reads."""
    return tuple(position for position, name in enumerate(kind._fields) if name not in NO_REGISTERS)


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
