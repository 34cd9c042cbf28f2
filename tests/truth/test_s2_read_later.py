"""S2: what reading an instance gives later: the value, the newest value, or an error."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, event, inspect
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from tests.truth.models import LOST, User, delete_elsewhere, outcome, rename_elsewhere, state_of

GONE = "ObjectDeletedError"


class Seen(NamedTuple):
    """What an instance shows: its state, then what reading it gives.

    Attributes:
        held: ``name`` as it lies in ``__dict__``; None if it was expired.
        name: ``user.name``.
        statements: How many statements that read sent.
        posts: The number of posts.
        bio: The deferred column.
    """

    state: str
    held: str | None
    name: str
    statements: int
    posts: Any
    bio: str


def look(engine: Engine, user: User) -> Seen:
    """Read everything, in the order of the table."""
    state, held, statements = state_of(user), user.__dict__.get("name"), []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    name = outcome(lambda: user.name)
    sent = len(statements)
    return Seen(state, held, name, sent, outcome(lambda: len(user.posts)), outcome(lambda: user.bio))


def nothing(engine: Engine, session: Session, user: User) -> None:
    """Leave the Session open."""


def commit(engine: Engine, session: Session, user: User) -> None:
    """Commit, and leave the Session open."""
    session.commit()


def commit_and_close(engine: Engine, session: Session, user: User) -> None:
    """Commit and close."""
    session.commit()
    session.close()


def close(engine: Engine, session: Session, user: User) -> None:
    """Close without commit."""
    session.close()


def rollback(engine: Engine, session: Session, user: User) -> None:
    """Roll back, and leave the Session open."""
    session.rollback()


def rollback_and_close(engine: Engine, session: Session, user: User) -> None:
    """Roll back and close."""
    session.rollback()
    session.close()


def changed_elsewhere(engine: Engine, session: Session, user: User) -> None:
    """Leave the transaction open while another Session changes the row."""
    rename_elsewhere(engine, "new")


def commit_and_changed_elsewhere(engine: Engine, session: Session, user: User) -> None:
    """Commit; then another Session changes the row."""
    session.commit()
    rename_elsewhere(engine, "new")


def close_and_changed_elsewhere(engine: Engine, session: Session, user: User) -> None:
    """Close; then another Session changes the row."""
    session.close()
    rename_elsewhere(engine, "new")


def commit_and_deleted_elsewhere(engine: Engine, session: Session, user: User) -> None:
    """Commit; then another Session deletes the row."""
    session.commit()
    delete_elsewhere(engine)


def close_and_deleted_elsewhere(engine: Engine, session: Session, user: User) -> None:
    """Close; then another Session deletes the row."""
    session.close()
    delete_elsewhere(engine)


def savepoint_rolled_back(engine: Engine, session: Session, user: User) -> None:
    """Roll a savepoint back in which the instance was not changed."""
    session.begin_nested().rollback()


def deleted_here(engine: Engine, session: Session, user: User) -> None:
    """Delete the row and its posts, and commit."""
    for post in user.posts:
        session.delete(post)
    session.delete(user)
    session.commit()


FRESH = Seen("persistent", "ann", "ann", 0, 2, "B")
FETCHED = Seen("persistent", None, "ann", 1, 2, "B")
OUT_EXPIRED = Seen("detached", None, LOST, 0, LOST, LOST)
OUT_LOADED = Seen("detached", "ann", "ann", 0, LOST, LOST)

ROWS: dict[str, tuple[Callable[[Engine, Session, User], None], bool, Seen]] = {
    "S2.1 an open Session": (nothing, True, FRESH),
    "S2.2 a commit expires, the next read fetches": (commit, True, FETCHED),
    "S2.3 commit and close: not even a column can be read": (commit_and_close, True, OUT_EXPIRED),
    "S2.4 close alone expires nothing": (close, True, OUT_LOADED),
    "S2.5 a rollback expires, the next read fetches": (rollback, True, FETCHED),
    "S2.6 rollback and close: not even a column can be read": (rollback_and_close, True, OUT_EXPIRED),
    "S2.7 expire_on_commit=False: a commit expires nothing": (commit, False, FRESH),
    "S2.8 expire_on_commit=False: commit and close keep the columns": (commit_and_close, False, OUT_LOADED),
    "S2.9 expire_on_commit=False does not help against rollback": (rollback_and_close, False, OUT_EXPIRED),
    "S2.10 changed elsewhere: the open transaction shows the old value": (changed_elsewhere, True, FRESH),
    "S2.11 changed elsewhere after a commit: the new value is fetched": (
        commit_and_changed_elsewhere,
        True,
        FETCHED._replace(name="new"),
    ),
    "S2.12 changed elsewhere after close: the old value": (close_and_changed_elsewhere, True, OUT_LOADED),
    "S2.13 expire_on_commit=False, changed elsewhere: the old value": (
        commit_and_changed_elsewhere,
        False,
        FRESH,
    ),
    "S2.14 deleted elsewhere after a commit: every read raises": (
        commit_and_deleted_elsewhere,
        True,
        Seen("persistent", None, GONE, 1, GONE, GONE),
    ),
    "S2.15 deleted elsewhere after close: nobody notices": (close_and_deleted_elsewhere, True, OUT_LOADED),
    "S2.16 a savepoint rolled back leaves what it did not change": (savepoint_rolled_back, True, FRESH),
    "S2.17 deleted and committed: detached, what was loaded stays readable": (
        deleted_here,
        True,
        Seen("detached", "ann", "ann", 0, 2, LOST),
    ),
}


@pytest.mark.parametrize(("prepare", "expire_on_commit", "expected"), ROWS.values(), ids=ROWS)
def test_s2(
    engine: Engine,
    prepare: Callable[[Engine, Session, User], None],
    expire_on_commit: bool,
    expected: Seen,
) -> None:
    """
    S2.1 to S2.17: what can be read depends on what expired the instance and on whether its Session is open.
    """
    with Session(engine, expire_on_commit=expire_on_commit) as session:
        user = session.get(User, 1)
        prepare(engine, session, user)

        assert expected == look(engine, user)


def test_s2_18(engine: Engine) -> None:
    """
    S2.18: An instance whose Session nobody kept is detached once the collector ran; its columns stay readable.
    """
    user = Session(engine).get(User, 1)
    gc.collect()

    assert ("detached", "ann", LOST) == (state_of(user), user.name, outcome(lambda: user.posts))


def test_s2_19(engine: Engine) -> None:
    """
    S2.19: After a commit and the garbage collection of the Session no column can be read.
    """
    session = Session(engine)
    user = session.get(User, 1)
    session.commit()
    del session
    gc.collect()

    assert ("detached", LOST) == (state_of(user), outcome(lambda: user.name))
    assert inspect(user).session_id is not None  # nobody told the instance


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_until_the_collector_runs_a_session_with_a_transaction_is_there(engine: Engine) -> None:
    """
    A Session that nobody kept keeps its instances while a transaction is begun: the two refer to each other.
    """
    user = Session(engine).get(User, 1)
    state, posts = state_of(user), outcome(lambda: len(user.posts))

    assert ("persistent", 2) == (state, posts)
    with Session(engine) as other, pytest.raises(InvalidRequestError, match="already attached"):
        other.add(user)


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("end", [Session.commit, Session.rollback, Session.close])
def test_a_session_without_a_transaction_goes_at_once(engine: Engine, end: Callable[[Session], None]) -> None:
    """
    A Session that nobody kept detaches its instances at once, without the collector, if it has no transaction.
    """
    session = Session(engine)
    user = session.get(User, 1)
    end(session)
    del session

    assert "detached" == state_of(user)


def test_s2_20(session: Session, user: User) -> None:
    """
    S2.20: A Session that is used again after close gives a new instance; the old one stays detached.
    """
    session.close()

    assert (False, "detached") == (session.get(User, 1) is user, state_of(user))


@pytest.mark.parametrize("method", ["reset", "invalidate"], ids=["S2.21", "S2.22"])
def test_s2_21_and_22(session: Session, user: User, method: str) -> None:
    """
    S2.21, S2.22: reset() and invalidate() detach, and expire nothing.
    """
    if method == "reset" and not hasattr(session, "reset"):
        pytest.skip("Session.reset() came with SQLAlchemy 2.0.22")
    getattr(session, method)()

    assert ("detached", "ann") == (state_of(user), user.name)
