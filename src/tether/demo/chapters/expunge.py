"""expunge() detaches, and takes an unflushed change along."""

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
        customer.name = "Ada"
        session.expunge(customer)
        print("detached:", inspect(customer).detached)
        session.commit()
    print("the object says", customer.name)


def verdict(seen: Seen) -> Verdict:
    saved = seen.now("customer", 1).get("name")
    if "detached: True" not in seen.printed:
        return wrong("The customer is not detached.")
    if saved == "Ada":
        return right("It is detached, and the change made before is saved.")
    return half_right(
        "It is detached. But the change had not been sent to the database yet, and it left the Session "
        f"together with the customer: the row says {saved!r}."
    )


CHAPTER = Chapter(
    order=70,
    title="expunge",
    saying="expunge() detaches the object. What was changed before is saved by the next commit().",
    program=program,
    verdict=verdict,
)
