"""The same function after the Session was closed: the change is lost."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def rename(customer: Customer, name: str) -> None:
    customer.name = name


def program(engine: Engine) -> None:
    session = Session(engine)
    customer = session.get(Customer, 1)
    session.close()
    rename(customer, "Ada")
    session.commit()
    print("the object says", customer.name)


def verdict(seen: Seen) -> Verdict:
    saved = seen.now("customer", 1).get("name")
    if saved == "Ada":
        return right("The row has the new name.")
    if seen.complaints:
        return wrong(f"The row still says {saved!r}, and {', '.join(seen.complaints)} tells so.")
    return wrong(
        f"The change is lost: the row says {saved!r}, and nothing complains. "
        "close() has detached the customer, and commit() saves what is attached."
    )


CHAPTER = Chapter(
    order=20,
    title="The same function, after close()",
    saying="The object has the new name and commit() did not complain, so it is saved.",
    program=program,
    verdict=verdict,
)
