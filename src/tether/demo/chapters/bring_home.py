"""An order leaves the shop as JSON, is changed in two other processes and by a colleague, and comes home."""

# What is shown has no docstrings, and the shop's rows are there: get() finds them.
# ruff: noqa: D103
# mypy: disable-error-code="union-attr, no-any-return"

from __future__ import annotations

import subprocess
import sys

from sqlalchemy import Engine
from sqlalchemy.orm import Session

import tether
from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen
from tether.demo.shop import Base, Item, Order


def packer() -> None:  # a process of its own, without the database
    order = tether.loads(sys.stdin.buffer.read(), Base)
    order.status = sys.argv[1]
    sys.stdout.buffer.write(tether.dumps(order))


def from_packer(data: bytes, status: str) -> Order:
    command = [sys.executable, __file__, status]
    data = subprocess.check_output(command, input=data)
    return tether.loads(data, Base)


def colleague(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Item(name="cushion", order_id=2))
        session.commit()


def program(engine: Engine) -> None:
    with Session(engine) as session:
        order = session.get(Order, 2)
        taken = tether.snapshot(order, include=[Order.items])
        draft = tether.edit(taken)
    data = tether.dumps(draft)
    colleague(engine)
    for status in ("packed", "wrapped"):
        bring_home(engine, from_packer(data, status))


def bring_home(engine: Engine, order: Order) -> None:
    with Session(engine) as session:
        print(tether.plan(session, order))
        try:
            tether.attach(session, order)
        except tether.ConflictError:
            tether.attach(session, order, on_conflict=both)
        session.commit()


def both(conflict: tether.Conflict) -> str:
    return f"{conflict.theirs}, {conflict.mine}"


def verdict(seen: Seen) -> Verdict:
    status = str(seen.now("order", 2).get("status"))
    if seen.raised:
        return half_right(f"Nothing is overwritten in silence, but it ends with {seen.raised}.")
    if all(row["name"] != "cushion" for row in seen.after["item"].values()):
        return right("The colleague's cushion is gone.")
    if not all(word in status for word in ("packed", "wrapped")):
        return half_right(
            f"The colleague's cushion is still there, but of two statuses one is left, {status!r}."
        )
    return wrong(
        "The JSON still knows what it began with, so attach() writes only what a packer changed: the colleague's "
        f"cushion stays. Where both packers changed the same, it asks; {status!r} is what both() answered."
    )


CHAPTER = Chapter(
    order=150,
    title="An order leaves as JSON and comes home",
    saying="What comes back from outside overwrites what others have saved meanwhile.",
    program=program,
    verdict=verdict,
)

if __name__ == "__main__":
    packer()
