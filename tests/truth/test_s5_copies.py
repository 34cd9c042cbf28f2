"""S5: an instance made by hand with an existing key is transient, not a detached copy; and what copy does."""

from __future__ import annotations

import copy

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import IntegrityError, SAWarning
from sqlalchemy.orm import Session, make_transient_to_detached

from tests.truth.models import User, in_database, state_of

NICK = "SELECT nick FROM user WHERE id = 1"
LINKED = "SELECT count(*) FROM post WHERE user_id = 1"


def test_s5_1(session: Session, user: User) -> None:
    """
    S5.1: User(id=...) is transient: it has no identity, and what was not set reads as empty.
    """
    made = User(id=user.id, name=user.name)

    assert ("transient", None) == (state_of(made), inspect(made).key)
    assert (False, False) == (made in session, made == user)
    assert ([], None) == (made.posts, made.nick)


def test_s5_2(engine: Engine, session: Session) -> None:
    """
    S5.2: What is written to it is not saved.
    """
    made = User(id=1, name="ann")
    made.name = "copy"
    session.commit()

    assert "ann" == in_database(engine)


def test_s5_3(session: Session, user: User) -> None:
    """
    S5.3: Added while the original is persistent, it makes the flush warn and fail.
    """
    session.add(User(id=user.id, name="copy"))

    with pytest.warns(SAWarning, match="with identity key"), pytest.raises(IntegrityError):
        session.flush()


def test_s5_4(session: Session) -> None:
    """
    S5.4: Added to a fresh Session, it makes the commit fail.
    """
    session.add(User(id=1, name="copy"))

    with pytest.raises(IntegrityError):
        session.commit()


def test_s5_5(engine: Engine, session: Session, user: User) -> None:
    """
    S5.5, S5.5b: merge() copies it onto the original; what was not set keeps its value.
    """
    made = User(id=1, name="copy")
    merged = session.merge(made)

    assert (True, "copy", "transient", "a") == (merged is user, user.name, state_of(made), user.nick)

    session.commit()

    assert ("copy", "a") == (in_database(engine), in_database(engine, NICK))


def test_s5_6(engine: Engine, session: Session) -> None:
    """
    S5.6: In a fresh Session merge() does the same, and the argument stays transient.
    """
    made = User(id=1, name="copy")
    merged = session.merge(made)
    session.commit()

    assert ("copy", "a") == (in_database(engine), in_database(engine, NICK))
    assert (False, "transient") == (merged is made, state_of(made))


def test_s5_7(engine: Engine, session: Session) -> None:
    """
    S5.7: To read an attribute that was not set does not make merge() write it.
    """
    made = User(id=1, name="copy")
    assert made.nick is None
    session.merge(made)
    session.commit()

    assert ("copy", "a") == (in_database(engine), in_database(engine, NICK))


def test_s5_8(engine: Engine, session: Session) -> None:
    """
    S5.8: None and [] that were set are merged: the value goes, and the children are unlinked.
    """
    session.merge(User(id=1, name="copy", nick=None, posts=[]))
    session.commit()

    assert (None, 0) == (in_database(engine, NICK), in_database(engine, LINKED))


def test_s5_9(engine: Engine, session: Session) -> None:
    """
    S5.9: A collection that was only read, and was empty, unlinks nothing.
    """
    made = User(id=1, name="copy")
    assert [] == made.posts
    session.merge(made)
    session.commit()

    assert 2 == in_database(engine, LINKED)


def test_s5_10(engine: Engine, session: Session) -> None:
    """
    S5.10: merge() of an unknown key inserts a row, from a copy of the argument.
    """
    made = User(id=99, name="copy")
    merged = session.merge(made)
    session.commit()

    assert (2, False) == (in_database(engine, "SELECT count(*) FROM user"), merged is made)


def test_s5_11(engine: Engine, session: Session) -> None:
    """
    S5.11: make_transient_to_detached() keeps set values to read, but a commit does not save them.
    """
    made = User(id=1, name="copy")
    make_transient_to_detached(made)
    session.add(made)
    name = made.name
    session.commit()

    assert ("copy", "ann") == (name, in_database(engine))


def test_s5_12(engine: Engine, session: Session, user: User) -> None:
    """
    S5.12, S5.12b: copy.copy() shares the state: a write marks the original, and the commit saves neither.
    """
    shallow = copy.copy(user)
    shallow.name = "copy"

    assert inspect(shallow) is inspect(user)
    assert ("copy", "ann", True) == (shallow.name, user.name, user in session.dirty)

    session.commit()

    assert ("ann", "ann", "copy") == (in_database(engine), user.name, shallow.name)


def test_s5_13(user: User) -> None:
    """
    S5.13: copy.deepcopy() gives a detached instance with a state of its own.
    """
    deep = copy.deepcopy(user)

    assert ("detached", False) == (state_of(deep), inspect(deep) is inspect(user))


def test_s5_14(engine: Engine, session: Session, user: User) -> None:
    """
    S5.14: What is written to the argument after merge() is not saved.
    """
    session.close()
    user.name = "before"
    merged = session.merge(user)
    session.commit()
    user.name = "after"
    session.commit()

    assert ("before", "detached", "persistent") == (in_database(engine), state_of(user), state_of(merged))
