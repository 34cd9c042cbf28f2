"""A shop that several writers change, each in a way of its own; and everything in it as single facts."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, selectinload

import tether
from tests.carry.back.models import Base, Customer, Item, Note, Order, Step, Tag
from tests.carry.storm.reference import Facts

LINKS = (Order.items, Order.tags, Order.notes, Order.steps, Order.customer)
COLUMNS = ("status", "note")
PATHS = ("draft", "document", "pickled draft", "detached", "pickled instance")
ORDERS = (1, 2)


def facts_of(orders: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield what orders say, attached, detached or as drafts."""
    for order in orders:
        for name in COLUMNS:
            yield (name, order.id), getattr(order, name)
        yield ("data", order.id), repr(dict(order.data)) if order.data is not None else None
        yield ("customer", order.id), order.customer.id if order.customer is not None else None
        yield from ((("item", order.id, item.label), item.count) for item in order.items)
        yield from ((("tag", order.id, tag.id), True) for tag in order.tags)
        yield from ((("topic", order.id, title), note.text) for title, note in order.notes.items())
        yield from ((("step", order.id, step.name), True) for step in order.steps)


def in_database(engine: Engine) -> Facts:
    """Return what the database holds."""
    with Session(engine) as session:
        facts = dict(facts_of(session.query(Order).all()))
        return facts | {("row", "customer", customer.id): True for customer in session.query(Customer)}


def positions(engine: Engine) -> list[list[int]]:
    """Return the positions of each order's steps."""
    with Session(engine) as session:
        return [[step.position for step in order.steps] for order in session.query(Order)]


def take(engine: Engine, path: str) -> list[Any]:
    """Return both orders (or what is left of them) with all they hold, out of their Session."""
    with Session(engine) as session:
        options = [selectinload(link) for link in LINKS]
        orders: list[Any] = session.query(Order).options(*options).order_by(Order.id).all()
        if path in {"detached", "pickled instance"}:
            return orders
        drafts = [snap.edit() for snap in [tether.snapshot(order, include=LINKS) for order in orders]]
    return [sent(draft, path) for draft in drafts]


def sent(row: Any, path: str) -> Any:
    """Return a row as it is after it has been sent somewhere."""
    if path == "document":
        return tether.loads(tether.dumps(row, format="msgpack"), Base)
    return pickle.loads(pickle.dumps(row)) if path.startswith("pickled") else row


def row_of(engine: Engine, path: str, class_: Any, key: int) -> Any:
    """Return a row that can be linked to a copy; None if it is gone."""
    with Session(engine) as session:
        row = session.get(class_, key)
        if row is None or path in {"detached", "pickled instance"}:
            return row
        return tether.snapshot(row)


class Writer:
    """One who holds copies of both orders and changes them.

    Attributes:
        base: The facts when the copies were taken.
    """

    def __init__(self, engine: Engine, name: str, path: str) -> None:
        self.engine, self.name, self.path = engine, name, path
        self.count = 0
        self.take()

    def take(self) -> None:
        """Begin anew, with what the database holds."""
        self.orders = take(self.engine, self.path)
        self.base = in_database(self.engine)

    @property
    def mine(self) -> Facts:
        """What the copies say; customers are rows of their own."""
        rows = {fact: value for fact, value in self.base.items() if fact[0] == "row"}
        return dict(facts_of(self.orders)) | rows

    def brought(self) -> list[Any]:
        """Return the copies as they come home."""
        return [sent(order, self.path) for order in self.orders]

    def new(self, order: Any, class_: Any, **values: Any) -> Any:
        """Return a new row."""
        return class_(**values) if isinstance(order, Order) else order.new(class_, **values)

    def linked(self, order: Any, class_: Any, key: int) -> Any:
        """Return a row to put into a relationship."""
        held = next((row for row in (*order.tags, order.customer) if is_row(row, class_, key)), None)
        return held if held is not None else row_of(self.engine, self.path, class_, key)

    def change(self, number: int, what: str, which: int, value: Any) -> None:
        """Change something about one of the orders, if it is there."""
        order = next((order for order in self.orders if order.id == number), None)
        if order is None:
            return
        self.count += 1
        unique = f"{self.name}{self.count}"
        if what in COLUMNS:
            setattr(order, what, value)
        elif what == "data":
            order.data = {"k": value}
        elif what == "customer":
            customer = None if which == 0 else self.linked(order, Customer, which)
            if which == 0 or customer is not None:
                order.customer = customer
        elif what == "tag":
            toggle(order.tags, which or 1, lambda: self.linked(order, Tag, which or 1))
        else:
            self.change_child(order, what, which, value, unique)

    def change_child(self, order: Any, what: str, which: int, value: str, unique: str) -> None:
        """Add, change or remove an item, a note or a step."""
        items = list(order.items)
        match what:
            case "add item":
                order.items.append(self.new(order, Item, label=unique, count=1))
            case "count" if items:
                items[which % len(items)].count = len(value) + self.count
            case "remove item" if items:
                order.items.remove(items[which % len(items)])
            case "add step":
                order.steps.append(self.new(order, Step, name=unique))
            case "remove step" if order.steps:
                order.steps.remove(order.steps[which % len(order.steps)])
            case "topic" if value in order.notes:
                order.notes[value].text = unique
            case "topic" if value != "x":
                order.notes[value] = self.new(order, Note, title=value, text="new")
            case "remove topic" if "x" in order.notes:
                del order.notes["x"]


class Colleague(Writer):
    """One who changes the rows in a Session, without tether."""

    def __init__(self, session: Session, name: str) -> None:
        self.session, self.name, self.count, self.path = session, name, 0, "attached"
        self.orders = session.query(Order).order_by(Order.id).all()

    def linked(self, order: Any, class_: Any, key: int) -> Any:
        """Return a row of the Session."""
        return self.session.get(class_, key)


def is_row(row: Any, class_: type, key: int) -> bool:
    """Return whether a linked row is this one."""
    return (
        row is not None
        and row.id == key
        and (isinstance(row, class_) or type(row).__name__ == class_.__name__)
    )


def toggle(tags: Any, which: int, row: Any) -> None:
    """Put a tag in, or take it out."""
    held = next((tag for tag in tags if tag.id == which), None)
    if held is not None:
        tags.remove(held)
    else:
        tags.append(row())
