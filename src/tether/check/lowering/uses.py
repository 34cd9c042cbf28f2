"""What else a function does with a value that it writes to an attribute."""

from __future__ import annotations

from collections.abc import Iterator

from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions
from tether.check.lowering.logs import only_logs


def is_given_too(body: ops.Body, span: ops.Span) -> bool:
    """Return whether what is written at *span* is a variable that a later call is given too, a log's left out.

    ``user.email = email`` is for who reads the instance then, where ``save(user.id, {"email": email})`` follows, or
    ``update(User).values(email=email)`` stands before it.
    """
    defined = definitions(body)
    written = next((op for op in each(body) if isinstance(op, ops.SetAttribute) and op.span == span), None)
    value = defined.get(written.source) if written is not None else None
    if written is None or not isinstance(value, ops.Load):
        return False
    held = {op.to for op in each(body) if isinstance(op, ops.Load) and op.name == value.name}
    for op in each(body):
        if isinstance(op, ops.Build) and not held.isdisjoint(op.elements):
            held.add(op.to)
    return any(
        isinstance(op, ops.Call)
        and not held.isdisjoint(
            (*op.positional, *(register for _, register in op.named))
            if op.span[:2] > span[:2]
            else [register for name, register in op.named if name == written.name]
        )
        and not only_logs(body, op)
        for op in each(body)
    )


def each(body: ops.Body) -> Iterator[ops.Op]:
    """Yield every op of a body."""
    for block in body.blocks:
        yield from block.ops
