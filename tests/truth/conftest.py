"""An engine with the row of the truth table, and a Session on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from tests.truth.models import User, fill


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """
    An Engine on a file, so that two Sessions are two transactions.
    """
    engine = create_engine(f"sqlite:///{tmp_path / 'truth.db'}")
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """
    A Session as SQLAlchemy makes it by default.
    """
    with Session(engine) as session:
        yield session


@pytest.fixture
def user(session: Session) -> User:
    """
    The row, persistent in *session*.
    """
    return session.get(User, 1)
