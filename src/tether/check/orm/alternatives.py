"""A row or a new one, as ``get_or_create()`` gives it: on which ways it is a row nothing has asked since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tether.check.abstract.things import TRANSIENT, Instance, Where, surely
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions


def is_either(interpreter: Interpreter, where: Where, found: Sequence[Instance]) -> bool:
    """Return whether a call is given what one function gave, a row or a new instance, and nothing asks which.

    That depends on what the database has, so that each is what happens on some way.
    """
    made = [instance.loaded for instance in found]
    bodies = {(line.module, line.body) if line is not None else None for line in made}
    new = [surely(instance.states, TRANSIENT) and "created" in instance.flags for instance in found]
    if not any(new) or all(new) or len(bodies) != 1 or None in bodies or where[:2] in bodies:
        return False
    return is_not_asked(interpreter.project.module(where.module).bodies[where.body], where)


def is_not_asked(body: ops.Body, where: Where) -> bool:
    """Return whether the first argument of the call at *where* is the result of another call, with no test between."""
    call, at = next(
        (
            (op, number)
            for number, block in enumerate(body.blocks)
            for op in block.ops
            if isinstance(op, ops.Call) and op.span == where[2:6] and op.positional
        ),
        (None, -1),
    )
    read = definitions(body).get(call.positional[0]) if call is not None else None
    if not isinstance(read, ops.Load) or read.scope != "local":
        return False
    stores = [
        (number, op)
        for number, block in enumerate(body.blocks)
        for op in block.ops
        if isinstance(op, ops.Store) and op.name == read.name
    ]
    if len(stores) != 1 or not is_result(body, stores[0][1].source):
        return False
    begin = stores[0][0]
    if begin == at:
        return True
    between = reached(begin, [block.then for block in body.blocks])
    if at not in between:
        return False
    before: list[list[int]] = [[] for _ in body.blocks]
    for number, block in enumerate(body.blocks):
        for following in block.then:
            before[following].append(number)
    between &= reached(at, before) | {at}
    return not any(
        isinstance(op, ops.Assume) for number in between - {begin} for op in body.blocks[number].ops
    )


def is_result(body: ops.Body, register: int) -> bool:
    """Return whether a register holds what a call gave, awaited or not."""
    for block in body.blocks:
        for op in block.ops:
            if isinstance(op, ops.Await) and op.to == register:
                register = op.source
                break
    return isinstance(definitions(body).get(register), ops.Call)


def reached(first: int, following: list[Any]) -> set[int]:
    """Return the blocks that are reached from one, by *following*, in one step or more."""
    found: set[int] = set()
    waiting = [first]
    while waiting:
        for number in following[waiting.pop()]:
            if number not in found:
                found.add(number)
                waiting.append(number)
    return found
