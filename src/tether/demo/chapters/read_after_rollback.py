"""expire_on_commit=False helps against commit(), not against rollback()."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def program(engine: Engine) -> None:
    make_session = sessionmaker(engine, expire_on_commit=False)
    with make_session() as session:
        customer = session.get(Customer, 1)
        session.commit()
    print(customer.name)

    with make_session() as session:
        customer = session.get(Customer, 1)
        session.rollback()
    print(customer.name)


def verdict(seen: Seen) -> Verdict:
    if not seen.raised:
        return right("It can be read after a commit and after a rollback.")
    if not seen.printed:
        return wrong(f"Already after the commit, reading raises {seen.raised}.")
    return half_right(
        "It holds after a commit. A rollback expires everything, whatever expire_on_commit says, "
        "and the same read that worked above raises."
    )


CHAPTER = Chapter(
    order=60,
    title="Read after rollback, expire_on_commit=False",
    saying="With expire_on_commit=False, objects can be read after their session is gone.",
    program=program,
    verdict=verdict,
)
