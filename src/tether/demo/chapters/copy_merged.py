"""A copy made by hand is merged: what it holds is written, and nothing else."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def program(engine: Engine) -> None:
    copy = Customer(id=1, name="Ada")
    with Session(engine) as session:
        session.merge(copy)
        session.commit()


def verdict(seen: Seen) -> Verdict:
    row = seen.now("customer", 1)
    if row.get("name") != "Ada":
        return half_right(f"The row is not even renamed; it says {row.get('name')!r}.")
    if row.get("email") is None:
        return right("The email is empty now.")
    return wrong(
        f"merge() writes what was set on the copy and leaves the rest: the email is still "
        f"{row.get('email')!r}. For this, a copy made by hand is good."
    )


CHAPTER = Chapter(
    order=100,
    title="A copy made by hand, merged",
    saying="merge() replaces the row by the copy, so the email that the copy lacks is wiped out.",
    program=program,
    verdict=verdict,
)
