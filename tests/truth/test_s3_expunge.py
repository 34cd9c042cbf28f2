"""S3: what expunge does and does not do."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import InvalidRequestError, SAWarning
from sqlalchemy.orm import Session

from tests.truth.models import LOST, Post, User, history_of, in_database, outcome, state_of


def test_s3_1(session: Session, user: User) -> None:
    """
    S3.1: expunge() detaches; loaded columns stay readable, the rest raises.
    """
    session.expunge(user)

    assert ("detached", "ann") == (state_of(user), user.name)
    assert (LOST, LOST) == (outcome(lambda: user.posts), outcome(lambda: user.bio))


def test_s3_2(engine: Engine, session: Session, user: User) -> None:
    """
    S3.2: A write after expunge is not committed; the instance remembers it.
    """
    session.expunge(user)
    user.name = "lost"
    session.commit()

    assert ("ann", True) == (in_database(engine), inspect(user).modified)
    assert (["lost"], ["ann"]) == history_of(user, "name")


def test_s3_3(engine: Engine, session: Session, user: User) -> None:
    """
    S3.3: add() takes the instance back with what was written meanwhile.
    """
    session.expunge(user)
    user.name = "carried"
    session.add(user)
    session.commit()

    assert ("carried", "persistent") == (in_database(engine), state_of(user))


def test_s3_4(engine: Engine, session: Session, user: User) -> None:
    """
    S3.4: A change made before expunge leaves with the instance.
    """
    user.name = "changed"
    session.expunge(user)
    session.commit()

    assert ("ann", "detached") == (in_database(engine), state_of(user))
    assert (["changed"], ["ann"]) == history_of(user, "name")


def test_s3_5(session: Session, user: User) -> None:
    """
    S3.5: Without the expunge cascade loaded children stay persistent.
    """
    posts = user.posts
    session.expunge(user)

    assert ("persistent", "p1") == (state_of(posts[0]), user.posts[0].title)


def test_s3_5b(session: Session, user: User) -> None:
    """
    S3.5b: Such a child finds another parent instance: the link is split.
    """
    posts = user.posts
    session.expunge(user)

    assert posts[0].user is not user


def test_s3_6(engine: Engine, session: Session, user: User) -> None:
    """
    S3.6: What is appended to the collection of an expunged parent is not saved.
    """
    assert 2 == len(user.posts)
    session.expunge(user)
    user.posts.append(Post(title="new"))
    session.commit()

    assert 2 == in_database(engine, "SELECT count(*) FROM post")


def test_s3_7(engine: Engine, session: Session) -> None:
    """
    S3.7: A pending instance that is expunged is transient again, and nothing is inserted.
    """
    user = User(id=9, name="pending")
    session.add(user)
    session.expunge(user)
    session.commit()

    assert ("transient", 1) == (state_of(user), in_database(engine, "SELECT count(*) FROM user"))


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("expunge", "is not present in this Session"),
        ("refresh", "is not persistent within this Session"),
        ("expire", "is not persistent within this Session"),
    ],
    ids=["S3.8 expunge", "S3.9 refresh", "S3.10 expire"],
)
def test_s3_8_to_10(session: Session, user: User, method: str, words: str) -> None:
    """
    S3.8 to S3.10: A second expunge, refresh and expire refuse an expunged instance.
    """
    session.expunge(user)

    with pytest.raises(InvalidRequestError, match=words):
        getattr(session, method)(user)


def test_s3_11(session: Session, user: User) -> None:
    """
    S3.11: delete() takes a detached instance back into the Session.
    """
    session.expunge(user)
    session.delete(user)

    assert "persistent" == state_of(user)


def test_s3_12(engine: Engine, session: Session, user: User) -> None:
    """
    S3.12: A flush of the parent does not bring an expunged child back.
    """
    post = user.posts[0]
    session.expunge(post)
    user.name = "changed"
    session.commit()

    assert ("changed", "detached") == (in_database(engine), state_of(post))


def test_s3_12_append(session: Session, user: User) -> None:
    """
    S3.12, more: a detached child that is appended comes back through the save-update cascade.
    """
    post = user.posts[0]
    session.expunge(post)
    user.posts.remove(post)
    user.posts.append(post)

    assert "persistent" == state_of(post)


def test_s3_13(engine: Engine, session: Session, user: User) -> None:
    """
    S3.13: Expunged and added to another Session, an instance is saved there.
    """
    session.expunge(user)
    with Session(engine) as other:
        other.add(user)
        user.name = "moved"
        other.commit()
        assert "persistent" == state_of(user)

    assert "moved" == in_database(engine)


def test_s3_14(engine: Engine, user: User) -> None:
    """
    S3.14: Without expunge another Session refuses it.
    """
    with Session(engine) as other, pytest.raises(InvalidRequestError, match="already attached to session"):
        other.add(user)


def test_a_flush_warns_about_a_child_outside_the_session(session: Session, user: User) -> None:
    """
    A new child of a pending link that is not in the Session is left out of the flush, with a warning.
    """
    post = Post(title="outside")
    user.posts.append(post)
    session.expunge(post)

    with pytest.warns(SAWarning, match="not in session"):
        session.flush()
