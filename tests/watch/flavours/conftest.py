"""A filled database, and an end to what a test leaves behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.watch.flavours.people import fill


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """
    An Engine on a file that holds two users with two orders each.
    """
    fill(sqlite_engine)
    return sqlite_engine


@pytest.fixture(autouse=True)
def _leftovers_are_collected() -> Iterator[None]:
    """Collect what a test leaves behind while it is still the test to blame."""
    yield
    gc.collect()
