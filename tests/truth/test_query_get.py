"""What is said of `Query.get()`: it is legacy, and `Session.get()` does the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import LegacyAPIWarning
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from tests.truth.models import User

Get = Callable[[Session, object], User | None]


def by_query(session: Session, key: object) -> User | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyAPIWarning)
        return session.query(User).get(key)


def by_session(session: Session, key: object) -> User | None:
    return session.get(User, key)


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """
    Every statement that is sent, with its parameters.
    """
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        sent.append(f"{statement} {parameters}")

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_it_is_legacy(session: Session) -> None:
    """
    Query.get() warns with LegacyAPIWarning, which is a DeprecationWarning; Session.get() does not warn.
    """
    with pytest.warns(LegacyAPIWarning, match="legacy"):
        session.query(User).get(1)

    assert session.get(User, 1) is not None
    assert issubclass(LegacyAPIWarning, DeprecationWarning)


@pytest.mark.parametrize("key", [1, (1,), {"id": 1}, 99, "1"])
def test_both_send_the_same_and_give_the_same(
    key: object, session: Session, engine: Engine, statements: list[str]
) -> None:
    """
    For a key of any form, found or not, both send the same SQL and give the same row.
    """
    first = by_query(session, key)
    sent, statements[:] = list(statements), []
    session.expunge_all()
    second = by_session(session, key)

    assert sent == statements
    assert (first and first.id) == (second and second.id)


@pytest.mark.parametrize("get", [by_query, by_session])
def test_both_answer_from_the_identity_map(get: Get, session: Session, statements: list[str]) -> None:
    """
    A row that the Session holds is given without SQL.
    """
    user = session.get(User, 1)
    statements.clear()

    assert (True, []) == (get(session, 1) is user, statements)


def test_an_async_session_has_no_query() -> None:
    """
    AsyncSession has get() and no query().
    """
    assert (False, True) == (hasattr(AsyncSession, "query"), hasattr(AsyncSession, "get"))
