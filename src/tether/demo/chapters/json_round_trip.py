"""A row goes through JSON and comes back as a new, transient instance."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

import json

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Customer


def program(engine: Engine) -> None:
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        values = {
            "id": customer.id,
            "name": customer.name,
            "email": customer.email,
        }
        print("orders:", len(customer.orders))
    text = json.dumps(values)
    back = Customer(**json.loads(text))
    print("orders:", len(back.orders))
    with Session(engine) as session:
        session.add(back)
        session.commit()


def verdict(seen: Seen) -> Verdict:
    same = len(set(seen.printed)) == 1
    if same and not seen.raised:
        return right("It has the same orders, and the Session takes it.")
    if same:
        return half_right(f"It has the same orders, but add() leads to {seen.raised}.")
    if not seen.raised:
        return half_right(f"The Session takes it, but not with what it had: {', then '.join(seen.printed)}.")
    return wrong(
        "JSON carries values, and nothing of what SQLAlchemy knew about them. What comes back is new: it "
        f"answers {seen.printed[-1]!r}, and add() leads to an INSERT, hence the {seen.raised}."
    )


CHAPTER = Chapter(
    order=130,
    title="A customer goes through JSON",
    saying="Make the object again from its JSON, add it to a session, and go on as before.",
    program=program,
    verdict=verdict,
)
