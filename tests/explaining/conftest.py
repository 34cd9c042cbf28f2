"""A database for each test, and a way to put every row back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, close_all_sessions

from tests.explaining.models import Base, rows


def fill(engine: Engine) -> None:
    """Create the tables anew, with the rows of the models."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(rows())
        session.commit()


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    fill(engine)
    yield engine
    close_all_sessions()
    engine.dispose()


@pytest.fixture
def statements(engine: Engine) -> list[str]:
    """The statements sent since the list was last cleared."""
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2].strip()))
    return seen


@pytest.fixture
def run_async() -> Callable[..., Any]:
    """Run a coroutine function to its end in an event loop of its own."""
    return lambda function, *arguments: asyncio.run(function(*arguments))
