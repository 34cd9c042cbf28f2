"""FastAPI: dependencies, sync and async endpoints, response models and background tasks, through its test client."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pydantic
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import told

with warnings.catch_warnings(action="ignore"):  # Starlette would rather have another HTTP client than httpx
    from fastapi.testclient import TestClient

# A refused statement leaves a coroutine of aiosqlite behind (SQLAlchemy 2.1).
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Connection.cursor' was never awaited")

LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"


class UserOut(pydantic.BaseModel):
    """What goes out of a user."""

    model_config = pydantic.ConfigDict(from_attributes=True)
    id: int
    name: str


makers: dict[str, Any] = {}


def session() -> Iterator[Session]:
    """Open a Session for one request."""
    with makers["sync"]() as session:  # <end>
        yield session


async def async_session() -> AsyncIterator[AsyncSession]:
    """Open an AsyncSession for one request."""
    async with makers["async"]() as session:  # <async end>
        yield session


Sync = Annotated[Session, Depends(session)]
Async = Annotated[AsyncSession, Depends(async_session)]


@pytest.fixture
def app(engine: Engine) -> Iterator[FastAPI]:
    """
    An application whose dependencies open Sessions on the database.
    """
    asynchronous = create_async_engine(engine.url.set(drivername="sqlite+aiosqlite"), poolclass=NullPool)
    makers["sync"] = sessionmaker(engine)
    makers["async"] = async_sessionmaker(asynchronous)
    yield FastAPI()
    makers.clear()


def test_sync_endpoint_runs_in_a_thread(app: FastAPI) -> None:
    """
    A row that a sync endpoint leaves behind tells the endpoint's line and the dependency's block.
    """
    kept: list[User] = []

    @app.get("/")
    def endpoint(session: Sync) -> None:
        kept.append(session.get(User, 1))  # <load>

    with tether.watching() as report:
        with TestClient(app) as client:
            client.get("/").raise_for_status()
        with pytest.raises(DetachedInstanceError):
            _ = kept[0].orders  # <use>

    assert [LAZY] == told(report.findings)


def test_async_endpoint_with_an_async_session(app: FastAPI) -> None:
    """
    An async dependency closes its Session at its ``async with``, in whichever task.
    """
    kept: list[User] = []

    @app.get("/")
    async def endpoint(session: Async) -> None:
        kept.append(await session.get(User, 1))  # <load>

    with tether.watching() as report:
        with TestClient(app) as client:
            client.get("/").raise_for_status()
        with pytest.raises(DetachedInstanceError):
            _ = kept[0].orders  # <use>

    assert [LAZY.replace("<end>", "<async end>")] == told(report.findings)


def test_read_without_await_in_an_endpoint(app: FastAPI) -> None:
    """
    A lazy load in an async endpoint names the endpoint's own two lines.
    """

    @app.get("/")
    async def endpoint(session: Async) -> None:
        user = await session.get(User, 1)  # <load>
        with pytest.raises((MissingGreenlet, StatementError)):
            _ = user.orders  # <use>

    with tether.watching() as report, TestClient(app) as client:
        client.get("/").raise_for_status()

    assert ["implicit-io-in-async: loaded <load>, used <use>"] == told(report.findings)


def test_endpoint_that_forgets_to_commit(app: FastAPI) -> None:
    """
    Rows that a request leaves uncommitted are told at the dependency's block, with the endpoint's lines.
    """

    @app.get("/sync")
    def sync_endpoint(session: Sync) -> None:
        session.add(User(id=7, name="new"))  # <make>
        session.flush()  # <flush>

    @app.get("/async")
    async def async_endpoint(session: Async) -> None:
        session.add(User(id=8, name="new"))  # <async make>
        await session.flush()  # <async flush>

    with tether.watching(only=["never-committed"]) as report, TestClient(app) as client:
        client.get("/sync").raise_for_status()
        client.get("/async").raise_for_status()

    story = "never-committed: opened <{0}end>, created <{0}make>, flushed <{0}flush>, closed <{0}end> (close)"
    assert [story.format("async "), story.format("")] == told(report.findings)


def test_endpoint_that_fails_loses_nothing(app: FastAPI) -> None:
    """
    An exception of the endpoint passes through the ``yield`` of its dependency and explains what is dropped.
    """

    @app.get("/sync")
    def sync_endpoint(session: Sync) -> None:
        session.add(User(id=7, name="new"))
        session.get(User, 1).name = "changed"
        raise LookupError

    @app.get("/async")
    async def async_endpoint(session: Async) -> None:
        session.add(User(id=8, name="new"))
        (await session.get(User, 1)).name = "changed"
        raise LookupError

    with tether.watching() as report, TestClient(app, raise_server_exceptions=False) as client:
        answers = [client.get(path).status_code for path in ("/sync", "/async")]

    assert [500, 500] == answers
    assert [] == told(report.findings)


def test_response_model_is_read_while_the_session_is_open(app: FastAPI) -> None:
    """
    FastAPI reads the response model before it ends the dependency, so returning a row is right.
    """

    @app.get("/sync", response_model=UserOut)
    def sync_endpoint(session: Sync) -> User:
        user = session.get(User, 1)
        user.name = "changed"
        session.commit()
        return user

    @app.get("/async", response_model=UserOut)
    async def async_endpoint(session: Async) -> User:
        return await session.get(User, 1)

    with tether.watching() as report, TestClient(app) as client:
        answers = [client.get(path).json() for path in ("/sync", "/async")]

    assert [{"id": 1, "name": "changed"}] * 2 == answers
    assert [] == told(report.findings)


def test_row_given_to_a_background_task(app: FastAPI) -> None:
    """
    FastAPI ends the dependency after its background tasks, and the task still has a row of that Session.
    """
    read: list[str] = []

    def notify(user: User) -> None:
        read.append(user.name)

    @app.get("/")
    def endpoint(session: Sync, tasks: BackgroundTasks) -> None:
        user = session.get(User, 1)  # <load>
        tasks.add_task(notify, user)  # <hand over>

    with tether.watching() as report, TestClient(app) as client:
        client.get("/").raise_for_status()

    assert ["user 1"] == read
    assert ["instance-handed-over: loaded <load>, used <hand over>"] == told(report.findings)


def test_primary_key_given_to_a_background_task_is_right(app: FastAPI) -> None:
    """
    A background task that opens a Session of its own is right.
    """
    names: list[str] = []

    def notify(number: int) -> None:
        with makers["sync"]() as session:
            names.append(session.get(User, number).name)

    @app.get("/")
    def endpoint(session: Sync, tasks: BackgroundTasks) -> None:
        tasks.add_task(notify, session.get(User, 1).id)

    with tether.watching() as report, TestClient(app) as client:
        client.get("/").raise_for_status()

    assert ["user 1"] == names
    assert [] == told(report.findings)
