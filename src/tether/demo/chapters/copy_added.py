"""A copy made by hand is transient, and add() makes an INSERT of it."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        copy = Customer(id=customer.id, name="Ada")
        copy.email = customer.email
        print("detached:", inspect(copy).detached)
        print("transient:", inspect(copy).transient)
        session.add(copy)
        session.commit()


def verdict(seen: Seen) -> Verdict:
    detached = "detached: True" in seen.printed
    saved = seen.now("customer", 1).get("name") == "Ada"
    if detached or saved:
        return right("add() saves it.") if detached and saved else half_right("Only part of it holds.")
    if not seen.raised or "transient: True" not in seen.printed:
        return wrong("It is not detached, and it is not saved.")
    return wrong(
        "It is transient, which means new: SQLAlchemy does not connect it with any row. "
        f"add() leads to an INSERT of a row that exists already, hence the {seen.raised}."
    )


CHAPTER = Chapter(
    order=90,
    title="A copy made by hand, added",
    saying="Customer(id=customer.id, ...) is a detached copy. Add it to a session and it is saved.",
    program=program,
    verdict=verdict,
)
