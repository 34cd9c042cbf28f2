"""Empty databases for the matrix, of each kind and with each driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

FLAVOURS = {
    "sqlite": "sqlite",
    "aiosqlite": "sqlite+aiosqlite",
    "psycopg": "postgresql+psycopg",
    "psycopg async": "postgresql+psycopg_async",
    "asyncpg": "postgresql+asyncpg",
    "pymysql": "mysql+pymysql",
}
ASYNC = {"aiosqlite", "psycopg async", "asyncpg"}


def url_of(name: str, request: pytest.FixtureRequest) -> URL:
    """Return the address of an empty database."""
    if "sqlite" in name:
        folder: Path = request.getfixturevalue("tmp_path")
        url = make_url(f"sqlite:///{folder / 'matrix.sqlite'}")
    else:
        url = request.getfixturevalue("mariadb_url" if name == "pymysql" else "postgresql_url")
    return url.set(drivername=FLAVOURS[name])


@pytest.fixture(params=list(FLAVOURS))
def open_engine(request: pytest.FixtureRequest) -> Iterator[Callable[[], Engine | AsyncEngine]]:
    """
    A function that makes an Engine or AsyncEngine on an empty database, with each driver.
    """
    name: str = request.param
    url = url_of(name, request)
    engines: list[Engine] = []

    def connect() -> Engine | AsyncEngine:
        if name in ASYNC:
            return create_async_engine(url)
        engines.append(create_engine(url))
        return engines[-1]

    yield connect
    for engine in engines:
        engine.dispose()
