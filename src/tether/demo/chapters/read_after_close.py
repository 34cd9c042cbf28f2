"""close() alone, then a read: no error, but an old value."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def somebody_else(engine: Engine) -> None:
    with Session(engine) as session:
        session.get(Customer, 1).name = "Ada"
        session.commit()


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
    somebody_else(engine)
    print(customer.name)


def verdict(seen: Seen) -> Verdict:
    saved = seen.now("customer", 1).get("name")
    if seen.raised:
        return right(f"It raises {seen.raised}.")
    if seen.printed == [saved]:
        return half_right("There is no error, and what is read is what the row says.")
    return wrong(
        f"There is no error. close() expires nothing, so the customer keeps what it had: "
        f"{', '.join(seen.printed)}. The row says {saved}."
    )


CHAPTER = Chapter(
    order=40,
    title="Read after close alone",
    saying="Once the session is closed, reading an object raises DetachedInstanceError.",
    program=program,
    verdict=verdict,
)
