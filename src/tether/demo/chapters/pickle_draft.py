"""A changed instance goes through pickle and is merged over a newer row."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

import pickle

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def somebody_else(engine: Engine) -> None:
    with Session(engine) as session:
        session.get(Customer, 1).email = "ann@work.example"
        session.commit()


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
    customer.name = "Ada"
    data = pickle.dumps(customer)
    somebody_else(engine)
    draft = pickle.loads(data)
    with Session(engine) as session:
        session.merge(draft)
        session.commit()


def verdict(seen: Seen) -> Verdict:
    row = seen.now("customer", 1)
    if row.get("name") != "Ada":
        return wrong(f"The change does not survive the pickle: the row says {row.get('name')!r}.")
    if row.get("email") == "ann@work.example":
        return right("The new name is saved, and so is the email that somebody else had set meanwhile.")
    return half_right(
        f"The change survives the pickle and is saved. But merge() writes every attribute that was "
        f"loaded, so it also puts back the old email, {row.get('email')!r}, over the newer one."
    )


CHAPTER = Chapter(
    order=110,
    title="A draft goes through pickle",
    saying="Pickle the changed object, unpickle it when it is to be saved, merge it: the change is saved.",
    program=program,
    verdict=verdict,
)
