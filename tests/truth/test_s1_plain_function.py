"""S1: when a plain function's change to an instance is saved, and when it is lost."""

from __future__ import annotations

import gc
from threading import Thread

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.exc import LegacyAPIWarning
from sqlalchemy.orm import Session

from tests.truth.models import LOST, User, in_database, outcome, rename, state_of


def test_s1_0(session: Session) -> None:
    """
    S1.0: Query.get works and warns that it is legacy.
    """
    with pytest.warns(LegacyAPIWarning):
        user = session.query(User).get(1)

    assert user is not None
    assert "ann" == user.name


def test_s1_1(session: Session, user: User) -> None:
    """
    S1.1: The Session sees what a plain function set.
    """
    rename(user, "S1")

    assert (True, "persistent") == (user in session.dirty, state_of(user))


def test_s1_2(engine: Engine, session: Session, user: User) -> None:
    """
    S1.2: A commit saves it.
    """
    rename(user, "S1")
    session.commit()

    assert "S1" == in_database(engine)


def test_s1_3(engine: Engine, session: Session, user: User) -> None:
    """
    S1.3: It is saved also if another thread set it before the commit.
    """
    thread = Thread(target=rename, args=(user, "thread"))
    thread.start()
    thread.join()
    session.commit()

    assert "thread" == in_database(engine)


def test_s1_4(engine: Engine, session: Session, user: User) -> None:
    """
    S1.4: It is lost if the Session was closed before the function, whatever that Session commits afterwards.
    """
    session.close()
    rename(user, "lost")
    session.commit()

    assert ("ann", "detached") == (in_database(engine), state_of(user))


def test_s1_5(engine: Engine, session: Session, user: User) -> None:
    """
    S1.5: It is lost if the Session is closed without a commit; the instance keeps showing it.
    """
    rename(user, "lost")
    session.close()

    assert ("ann", "detached", "lost") == (in_database(engine), state_of(user), user.name)


def test_s1_6(engine: Engine) -> None:
    """
    S1.6: It is lost if the Session is garbage-collected, and the instance is detached.
    """
    session = Session(engine)
    user = session.get(User, 1)
    rename(user, "lost")
    del session
    gc.collect()

    assert ("ann", "detached", "lost") == (in_database(engine), state_of(user), user.name)
    assert outcome(lambda: user.posts) == LOST


def test_s1_7(engine: Engine, user: User) -> None:
    """
    S1.7: The commit of another Session does not save it.
    """
    rename(user, "lost")
    with Session(engine) as other:
        other.commit()

    assert "ann" == in_database(engine)


def test_s1_8(engine: Engine, session: Session, user: User) -> None:
    """
    S1.8: A write into __dict__ bypasses SQLAlchemy and is not saved.
    """
    user.__dict__["name"] = "direct"
    session.commit()

    assert "ann" == in_database(engine)


def test_s1_9(engine: Engine, session: Session, user: User) -> None:
    """
    S1.9: A change in place of a JSON column is saved if the column is a MutableDict.
    """
    assert user.data is not None
    user.data["k"] = 2
    session.commit()

    assert '{"k": 2}' == in_database(engine, "SELECT data FROM user")


def test_s1_10(engine: Engine, session: Session, user: User) -> None:
    """
    S1.10: A change that was autoflushed is taken back by a rollback, on the instance as well.
    """
    rename(user, "flushed")
    statement = update(User).where(User.id == 1).values(nick="z")
    session.execute(statement.execution_options(synchronize_session=False))
    session.rollback()

    assert ("ann", "ann") == (in_database(engine), user.name)
