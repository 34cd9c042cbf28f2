"""A plain function changes an attached instance: the change is saved."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def rename(customer: Customer, name: str) -> None:
    customer.name = name


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        rename(customer, "Ada")
        print("persistent:", inspect(customer).persistent)
        session.commit()


def verdict(seen: Seen) -> Verdict:
    saved = seen.now("customer", 1).get("name")
    if seen.raised:
        return half_right(f"The program ends with {seen.raised}, and the row says {saved!r}.")
    if saved != "Ada":
        return right(f"The row still says {saved!r}.")
    return wrong(
        "It is saved. The customer is attached to its Session, which notices each change, "
        "whichever function makes it."
    )


CHAPTER = Chapter(
    order=10,
    title="A plain function changes a customer",
    saying="The function knows no session. It works outside of the session, so its change is not saved.",
    program=program,
    verdict=verdict,
)
