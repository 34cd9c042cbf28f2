"""merge() of an order nobody changed deletes somebody's new item."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, arg-type"

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Item, Order


def somebody_else(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Item(name="cushion", order_id=2))
        session.commit()


def program(engine: Engine) -> None:
    with Session(engine) as session:
        order = session.get(Order, 2)
        print("items:", len(order.items))
    somebody_else(engine)
    with Session(engine) as session:
        session.merge(order)
        session.commit()


def verdict(seen: Seen) -> Verdict:
    if any(row["name"] == "cushion" for row in seen.after["item"].values()):
        return right("The database has what somebody else saved, and nothing was taken away.")
    if len(seen.commits) < 2:
        return half_right("Nothing was taken away, but the cushion was never there.")
    return wrong(
        "Somebody's cushion is deleted. The order's list of items was loaded before the cushion came; "
        "merge() makes the database like that list, and items without an order are deleted."
    )


CHAPTER = Chapter(
    order=140,
    title="merge of an order nobody changed",
    saying="Nothing was changed on this order, so merging it back cannot do any harm.",
    program=program,
    verdict=verdict,
)
