"""commit() and close(), then a read: DetachedInstanceError."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        print(customer.name)
        session.commit()
    print(customer.name)


def verdict(seen: Seen) -> Verdict:
    if not seen.raised:
        return right(f"Both lines print: {', '.join(seen.printed)}.")
    if seen.raised != "DetachedInstanceError":
        return wrong(f"It raises {seen.raised}.")
    return wrong(
        "commit() expires what is attached: the next read fetches the row again. "
        "The end of the block has detached the customer, so there is no Session to fetch it with."
    )


CHAPTER = Chapter(
    order=30,
    title="Read after commit and close",
    saying="The name has been loaded, even printed. It can be read again at any time.",
    program=program,
    verdict=verdict,
)
