"""S4: refresh and expire detach nothing; they drop what was not flushed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from tests.truth.models import Post, User, in_database, state_of

POPULATE = select(User).execution_options(populate_existing=True)


def test_s4_1(session: Session, user: User) -> None:
    """
    S4.1: refresh() drops the change, autoflush or not, and the instance stays persistent.
    """
    user.name = "pending"
    session.refresh(user)

    assert ("persistent", "ann") == (state_of(user), user.name)
    assert (True, False) == (user in session, user in session.dirty)


def test_s4_2(engine: Engine, session: Session, user: User) -> None:
    """
    S4.2: A commit afterwards saves nothing.
    """
    user.name = "pending"
    session.refresh(user)
    session.commit()

    assert "ann" == in_database(engine)


def test_s4_3(engine: Engine, session: Session, user: User) -> None:
    """
    S4.3: A change made after the refresh is saved: the instance was never detached.
    """
    session.refresh(user)
    user.name = "after"
    session.commit()

    assert "after" == in_database(engine)


def test_s4_4(engine: Engine, session: Session, user: User) -> None:
    """
    S4.4: A change that was flushed survives refresh().
    """
    user.name = "flushed"
    session.flush()
    session.refresh(user)
    session.commit()

    assert ("flushed", "flushed") == (user.name, in_database(engine))


def test_s4_5(engine: Engine, session: Session, user: User) -> None:
    """
    S4.5: refresh() of other attributes leaves the change alone.
    """
    user.name = "pending"
    session.refresh(user, ["nick"])
    session.commit()

    assert "pending" == in_database(engine)


@pytest.mark.parametrize(
    "drop",
    [lambda session, user: session.expire(user), lambda session, user: session.expire_all()],
    ids=["S4.6 expire", "S4.7 expire_all"],
)
def test_s4_6_and_7(
    engine: Engine, session: Session, user: User, drop: Callable[[Session, User], None]
) -> None:
    """
    S4.6, S4.7: expire() and expire_all() drop the change; the instance stays persistent.
    """
    user.name = "pending"
    drop(session, user)
    session.commit()

    assert ("persistent", "ann") == (state_of(user), in_database(engine))


def test_s4_8(engine: Engine, session: Session, user: User) -> None:
    """
    S4.8: A query with populate_existing flushes first, so the change survives.
    """
    user.name = "pending"
    session.scalars(POPULATE).all()
    session.commit()

    assert "pending" == in_database(engine)


def test_s4_9(engine: Engine) -> None:
    """
    S4.9: Without autoflush that query drops the change.
    """
    with Session(engine, autoflush=False) as session:
        user = session.get(User, 1)
        user.name = "pending"
        session.scalars(POPULATE).all()
        name = user.name
        session.commit()

    assert ("ann", "ann") == (name, in_database(engine))


def test_s4_10(session: Session, user: User) -> None:
    """
    S4.10: refresh() refuses a detached instance.
    """
    session.close()

    with pytest.raises(InvalidRequestError, match="is not persistent within this Session"):
        session.refresh(user)


def test_s4_11(engine: Engine, session: Session, user: User) -> None:
    """
    S4.11: A new child survives the refresh of its parent where the cascade does not refresh.
    """
    user.posts.append(Post(title="new"))
    session.refresh(user)
    session.commit()

    assert (3, 3) == (in_database(engine, "SELECT count(*) FROM post"), len(user.posts))


def test_s4_12(session: Session) -> None:
    """
    S4.12: refresh() refuses a pending instance.
    """
    user = User(id=7, name="pending")
    session.add(user)

    with pytest.raises(InvalidRequestError, match="is not persistent within this Session"):
        session.refresh(user)


def test_s4_13(session: Session, user: User) -> None:
    """
    S4.13: refresh() with a lock leaves the instance persistent.
    """
    session.refresh(user, with_for_update=True)

    assert "persistent" == state_of(user)
