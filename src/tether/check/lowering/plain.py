"""Bodies as plain tuples, which ``marshal`` writes and reads, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from tether.check.lowering.ops import Block, Body, Op, Parameter

_KINDS: tuple[Any, ...] = get_args(Op)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def to_plain(bodies: Sequence[Body]) -> tuple[Any, ...]:
    """Return *bodies* as tuples of strings, numbers and tuples; an op begins with the number of its kind."""
    return tuple([_plain_body(body) for body in bodies])


def from_plain(plain: tuple[Any, ...]) -> tuple[Body, ...]:
    """Return the bodies that *to_plain* was given."""
    return tuple([_body(fields) for fields in plain])


def _plain_body(body: Body) -> tuple[Any, ...]:
    blocks = [
        (tuple([(_NUMBERS[type(op)], *op) for op in block.ops]), block.then, block.handler)
        for block in body.blocks
    ]
    parameters = tuple([tuple(parameter) for parameter in body.parameters])
    return tuple(body._replace(blocks=tuple(blocks), parameters=parameters))  # type: ignore[arg-type]


def _body(fields: tuple[Any, ...]) -> Body:
    body = Body(*fields)
    blocks = tuple([
        Block(tuple([_KINDS[op[0]]._make(op[1:]) for op in ops]), then, handler)
        for ops, then, handler in body.blocks
    ])  # fmt: skip
    return body._replace(blocks=blocks, parameters=tuple([Parameter(*one) for one in body.parameters]))
