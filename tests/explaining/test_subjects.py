"""What may be passed to explain(), and what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import tether
from tests.explaining.models import Base, Person
from tether.explaining import explain

WRONG: dict[str, tuple[object, str]] = {
    "class": (
        Person,
        "explain() takes an instance or a Session, got the class Person: pass an instance of Person",
    ),
    "session class": (
        Session,
        "explain() takes an instance or a Session, got the class Session: pass an instance of Session",
    ),
    "number": (
        3,
        "explain() takes a mapped instance or a Session, got int: pass an instance of a mapped class",
    ),
    "None": (
        None,
        "explain() takes a mapped instance or a Session, got None: pass an instance of a mapped class",
    ),
    "list": ([Person()], "explain() takes one instance or Session, got list: pass one of its elements"),
    "sessionmaker": (
        sessionmaker(),
        "explain() takes an instance or a Session, got sessionmaker: pass a Session that it made",
    ),
    "async_sessionmaker": (
        async_sessionmaker(),
        "explain() takes an instance or a Session, got async_sessionmaker: pass a Session that it made",
    ),
    "engine": (
        create_engine("sqlite://"),
        "explain() takes a mapped instance or a Session, got Engine: pass an instance of a mapped class",
    ),
}


@pytest.mark.parametrize("subject, sentence", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_explained(subject: object, sentence: str) -> None:
    """
    Anything else is a TypeError of one sentence that says what to pass.
    """
    with pytest.raises(TypeError) as caught:
        explain(subject)

    assert sentence == str(caught.value)


def test_explain_is_a_function_of_the_package() -> None:
    """
    tether.explain is the function, also after its room was imported.
    """
    assert explain is tether.explain


def test_scoped_session(engine: Engine) -> None:
    """
    A scoped_session is explained as the Session it stands for.
    """
    scoped = scoped_session(sessionmaker(engine))
    scoped.add(Person())

    assert "Session on sqlite://: in a transaction; 1 new" in explain(scoped).short


SCOPES: dict[str, Callable[[], object]] = {
    "scoped_session": lambda: scoped_session(sessionmaker()),
    "async_scoped_session": lambda: async_scoped_session(async_sessionmaker(), scopefunc=lambda: 1),
}


@pytest.mark.parametrize("make", SCOPES.values(), ids=SCOPES.keys())
def test_scoped_session_that_was_never_used(make: Callable[[], object]) -> None:
    """
    A scoped session without a Session is a TypeError; none is made for the sake of the explanation.
    """
    scoped = make()
    with pytest.raises(TypeError, match="has no Session here yet: pass it after its first use"):
        explain(scoped)

    assert not scoped.registry.has()


async def async_person(session: AsyncSession) -> Person:
    connection = await session.connection()
    await connection.run_sync(Base.metadata.create_all)
    session.add(Person(id=1, name="ann"))
    await session.commit()
    person = await session.get(Person, 1)
    assert person is not None
    return person


def test_async_session(run_async: Callable[..., object]) -> None:
    """
    An AsyncSession, and an instance in one, are explained under the name of the AsyncSession.
    """

    async def texts() -> tuple[str, str]:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with AsyncSession(engine) as session:
            person = await async_person(session)
            result = explain(session).short, explain(person).long
        await engine.dispose()
        return result

    of_session, of_instance = run_async(texts)

    assert of_session.startswith("AsyncSession on sqlite+aiosqlite://: in a transaction; 0 new, 0 changed")
    assert "session: AsyncSession on sqlite+aiosqlite://, in a transaction" in of_instance


def test_password_of_the_database_is_hidden() -> None:
    """
    Neither the password nor the query of the database URL is shown.
    """
    url = "mysql+pymysql://joe:pa55@db.example/shop?password=pa66"
    engine = create_engine(url, module=SimpleNamespace(__name__="pymysql", paramstyle="format"))
    text = explain(Session(engine)).long

    assert "Session on mysql+pymysql://joe:***@db.example/shop: not in a transaction" in text
    assert "pa55" not in text
    assert "pa66" not in text
