"""Engines on a database that each call gets a fresh copy of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool, StaticPool

from tests.lifecycle.world import fill


class Databases:
    """Copies of one database, in memory; one Engine for all of them, which compiles each statement once.

    Attributes:
        engine: An Engine on the newest copy.
        address: Of the newest copy, as sqlite3 takes it.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._template = sqlite3.connect(":memory:", check_same_thread=False)
        fill(create_engine("sqlite://", creator=lambda: self._template, poolclass=StaticPool))
        self.engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        self._kept = self._template
        self.fresh()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.address, uri=True, check_same_thread=False)

    def fresh(self) -> Engine:
        """Return the Engine, on a new copy."""
        if self._kept is not self._template:
            self._kept.close()
        self.address = f"file:lifecycle-{next(self._numbers)}?mode=memory&cache=shared"
        self._kept = self._connect()  # the copy lives as long as this connection
        self._template.backup(self._kept)
        return self.engine

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._kept.close()
        self._template.close()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """
    Copies of the database of the world.
    """
    databases = Databases()
    yield databases
    databases.close()
