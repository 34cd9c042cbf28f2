"""refresh() does not detach; it drops unflushed changes."""

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
        session.refresh(customer)
        print("detached:", inspect(customer).detached)
        customer.email = "ann@work.example"
        session.commit()


def verdict(seen: Seen) -> Verdict:
    row = seen.now("customer", 1)
    if "detached: True" in seen.printed:
        return right("The customer is detached.")
    if row.get("email") != "ann@work.example":
        return half_right("It is still attached, and yet the email that was set afterwards is not saved.")
    if row.get("name") == "Ada":
        return wrong("It stays attached, and both changes are saved.")
    return wrong(
        "It stays attached: the email set afterwards is saved. The harm is another one. The name set "
        f"before is gone: refresh() has put the row's {row.get('name')!r} over it, "
        f"{'and ' + ', '.join(seen.complaints) + ' tells so' if seen.complaints else 'and nothing tells so'}."
    )


CHAPTER = Chapter(
    order=80,
    title="refresh of a changed customer",
    saying="refresh() effectively detaches the object: later changes are not saved.",
    program=program,
    verdict=verdict,
)
