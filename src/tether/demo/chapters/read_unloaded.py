"""A relationship that was never loaded is read after close()."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Order


def program(engine: Engine) -> None:
    with Session(engine) as session:
        order = session.get(Order, 1)
    print(order.status)
    print(order.invoice)


def verdict(seen: Seen) -> Verdict:
    if not seen.raised:
        return right("Its status and its invoice can both be read.")
    if not seen.printed:
        return wrong(f"Nothing of it can be read: already the status raises {seen.raised}.")
    return half_right(
        "The status was loaded with the row. The invoice is another row, which would be fetched "
        "when it is read for the first time; by then there is no Session to fetch it with."
    )


CHAPTER = Chapter(
    order=50,
    title="Read a relationship after close",
    saying="close() leaves the object as it was, so everything about the order can be read.",
    program=program,
    verdict=verdict,
)
