"""Me and somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.models import Order, statements
from tether.carry.attach import attach


def taken(engine: Engine, class_: Any, key: Any, *options: Any) -> Any:
    """Return a detached instance, with what *options* load."""
    with Session(engine) as session:
        return session.get(class_, key, options=options)


def theirs(engine: Engine, class_: Any, key: Any, **values: Any) -> None:
    """Let somebody else change a row."""
    with Session(engine) as session, session.begin():
        row = session.get(class_, key)
        for name, value in values.items():
            setattr(row, name, value)


@contextmanager
def somebody(engine: Engine, class_: Any, key: Any) -> Iterator[Any]:
    """Let somebody else change an instance in a Session of their own."""
    with Session(engine) as session, session.begin():
        yield session.get(class_, key)


def row(engine: Engine, class_: Any, key: Any, *names: str) -> tuple[Any, ...]:
    """Return what the database holds."""
    with Session(engine) as session:
        found = session.get(class_, key)
        return tuple(getattr(found, name) for name in names)


def bring(engine: Engine, changed: Any, **options: Any) -> list[str]:
    """Attach, commit, and return the statements."""
    with Session(engine) as session, statements(engine) as seen:
        attach(session, changed, **options)
        session.commit()
    return seen


def order_with(engine: Engine, *relationships: Any) -> Order:
    """Return a detached order with loaded relationships."""
    return taken(engine, Order, 1, *map(selectinload, relationships))
