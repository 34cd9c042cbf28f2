"""Rows of frameworks: where each is from, that what it names is there, and some of them run."""

from __future__ import annotations

import asyncio
import importlib
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from pydantic import BaseModel, ConfigDict
from sqlalchemy import inspect
from sqlalchemy.orm import Mapped, mapped_column, scoped_session
from sqlmodel import Field, Session, SQLModel, create_engine, select

from tests.lifecycle.test_table import exists
from tether.lifecycle import table
from tether.lifecycle.rows import Row

# Made in __init__, or by a metaclass.
OF_INSTANCES = ("flask_sqlalchemy.SQLAlchemy.session", "flask_sqlalchemy.SQLAlchemy.Model.query")


def others() -> list[tuple[str, Row]]:
    """Return the rows that are not SQLAlchemy's, by name."""
    return [
        (name, row)
        for name, rows in table().rows.items()
        for row in rows
        if not name.startswith("sqlalchemy.")
    ]


def test_each_row_says_where_it_is_from() -> None:
    """
    A row that no generated test executes names the file or the page its knowledge is from.
    """
    assert [] == [name for name, row in others() if not row.fact]


def is_installed(name: str) -> bool:
    """Return whether the package that the dotted *name* begins with can be imported here."""
    try:
        importlib.import_module(name.partition(".")[0])
    except ImportError:
        return False
    return True


def test_what_a_row_names_is_there() -> None:
    """
    Each name whose package is installed here can be imported.
    """
    found = table()
    names = {*(name for name, _ in others()), *found.aliases, *found.bases}
    names |= {name for source in found.sources for name in source.annotations}
    here = sorted(name for name in names if not name.startswith("sqlalchemy.") and is_installed(name))

    assert [] == [name for name in here if name not in OF_INSTANCES and not exists(name)]


def test_only_the_packages_that_are_imported() -> None:
    """
    A program that imports Flask gets Flask's rows and those of Python, and none of Celery's.
    """
    names = table({"flask"}).rows

    assert ("flask.render_template" in names, "asyncio.gather" in names) == (True, True)
    assert [] == [name for name in names if name.startswith("celery.")]


@pytest.fixture
def database() -> SQLAlchemy:
    """
    Flask-SQLAlchemy on a SQLite database in memory.
    """
    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    database = SQLAlchemy()
    database.init_app(app)
    database.app = app
    return database


def test_flask_sqlalchemy(database: Any) -> None:
    """
    db.session is a scoped_session that expires on commit, and its Session ends with the application context.
    """

    class User(database.Model):
        id: Mapped[int] = mapped_column(primary_key=True)

    with database.app.app_context():
        database.create_all()
        user = User()
        database.session.add(user)
        database.session.commit()
        expired, kind = inspect(user).expired, type(database.session)
        again = database.get_or_404(User, 1)
        assert again.id

    (row,) = table({"flask", "flask_sqlalchemy"}).rows["flask.Flask.app_context"]

    assert (True, scoped_session, True) == (expired, kind, again is user)
    assert (["detach", "close", "end"], True) == ([one.verb for one in row.leaving], inspect(user).detached)


def rows_for(name: str) -> list[Row]:
    """Return the rows of *name* that hold for the version of its package that is installed."""
    found = table().rows[name]
    here = parts(version(found[0].package))
    return [
        row
        for row in found
        if (not row.since or parts(row.since) <= here) and not (row.until and parts(row.until) <= here)
    ]


def parts(text: str) -> tuple[int, ...]:
    """Return a version that can be compared."""
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


class Answer(BaseModel):
    """What the path operation answers."""

    model_config = ConfigDict(from_attributes=True)
    name: str


def test_fastapi() -> None:
    """
    FastAPI reads what a path operation returned, then runs background tasks, and ends dependencies, in the row's order.
    """
    log: list[str] = []

    class Thing:
        @property
        def name(self) -> str:
            log.append("read")
            return "thing"

    async def dependency() -> Any:
        yield "session"
        log.append("end")

    app, needed = FastAPI(), Depends(dependency)

    @app.get("/", response_model=Answer)
    async def answer(tasks: BackgroundTasks, _: Any = needed) -> Any:
        tasks.add_task(log.append, "task")
        return Thing()

    async def ask() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://shop"
        ) as client:
            await client.get("/")

    asyncio.run(ask())
    (task,), (route,) = rows_for("fastapi.BackgroundTasks.add_task"), rows_for("fastapi.FastAPI.get")

    assert ["read", "end"] == [effect.verb for effect in route.effects if effect.sure]
    assert (["read", "end", "task"] if task.effects[0].sure else ["read", "task", "end"]) == log


def test_sqlmodel() -> None:
    """
    exec(select(Model)) gives scalars; model_dump() of an expired instance is empty; model_validate() reads attributes.
    """

    class Hero(SQLModel, table=True):
        __tablename__ = "hero_of_lifecycle"
        id: int | None = Field(default=None, primary_key=True)
        name: str

    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Hero(name="ann"))
        session.commit()
        hero = session.exec(select(Hero)).one()
        copy = Hero.model_validate(hero)
        session.expire(hero)

        assert ({}, "ann", True) == (hero.model_dump(), copy.name, inspect(copy).transient)
    engine.dispose()
