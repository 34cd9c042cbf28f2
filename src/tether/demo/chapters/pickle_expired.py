"""An instance is pickled after the commit: the pickle is empty."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

import pickle

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        customer.name = "Ada"
        session.commit()
        data = pickle.dumps(customer)
    copy = pickle.loads(data)
    print("without a value:", sorted(inspect(copy).unloaded))


def verdict(seen: Seen) -> Verdict:
    if seen.raised:
        return wrong(f"It raises {seen.raised}.")
    missing = [name for name in ("email", "id", "name") if any(repr(name) in line for line in seen.printed)]
    if not missing:
        return right("Id, name and email are all in it.")
    if len(missing) < 3:
        return half_right(f"It lacks {', '.join(missing)}.")
    return wrong(
        "It holds no values at all. commit() has expired the customer, and pickle takes only what is loaded."
    )


CHAPTER = Chapter(
    order=120,
    title="Pickled after the commit",
    saying="Pickle it right after commit(), then the pickle holds exactly what was saved.",
    program=program,
    verdict=verdict,
)
