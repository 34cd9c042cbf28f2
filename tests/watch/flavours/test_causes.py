"""Where and why an instance was detached or expired: the line of the program, and the word of SQLAlchemy."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import Order, User
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> ({}), used <use>"
EXPIRED = "expired-read-after-close: loaded <load>, expired {} ({}), detached <end> (close), used <use>"


def close(session: Session, user: User) -> None:
    """End by close."""
    session.close()  # <end>


def expunge(session: Session, user: User) -> None:
    """End by expunge."""
    session.expunge(user)  # <end>


def expunge_all(session: Session, user: User) -> None:
    """End by expunge_all."""
    session.expunge_all()  # <end>


def reset(session: Session, user: User) -> None:
    """End by reset."""
    session.reset()  # <end>


def invalidate(session: Session, user: User) -> None:
    """End by invalidate."""
    session.invalidate()  # <end>


ENDS = (close, expunge, expunge_all, reset, invalidate)


# reset() came with SQLAlchemy 2.0.22
@pytest.mark.parametrize("end", [end for end in ENDS if hasattr(Session, end.__name__)])
def test_detached_names_the_line_and_sqlalchemys_word(
    engine: Engine, end: Callable[[Session, User], None]
) -> None:
    """
    Whatever detaches an instance is told by the line that did it and by SQLAlchemy's name for it.
    """
    with tether.watching() as report:
        session = Session(engine)
        user = session.get(User, 1)  # <load>
        end(session, user)
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>
        session.close()

    assert [LAZY.format(end.__name__)] == told(report.findings)


def test_session_that_was_collected_is_the_cause(engine: Engine) -> None:
    """
    An instance whose Session was garbage-collected says so, and names no line: there is none.
    """
    with tether.watching(only=["lazy-load-after-close"]) as report:
        session = Session(engine)
        user = session.get(User, 1)  # <load>
        del session
        gc.collect()
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    (story,) = told(report.findings)
    assert "lazy-load-after-close: loaded <load>, detached [" == story[:48]
    assert story.endswith("(garbage collection), used <use>")


def test_deleted_row_is_detached_by_its_delete(engine: Engine) -> None:
    """
    The commit of a delete detaches the instance, and the word for it is delete.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            order = session.get(Order, 1)  # <load>
            session.delete(order)
            session.commit()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = order.user  # <use>

    assert [LAZY.format("delete")] == told(report.findings)


def commit(session: Session, user: User) -> None:
    """Expire by commit."""
    session.commit()  # <expire>


def rollback(session: Session, user: User) -> None:
    """Expire by rollback."""
    session.rollback()  # <expire>


def expire(session: Session, user: User) -> None:
    """Expire one instance."""
    session.expire(user)  # <expire>


def expire_all(session: Session, user: User) -> None:
    """Expire all instances."""
    session.expire_all()  # <expire>


@pytest.mark.parametrize("how", [commit, rollback, expire, expire_all])
def test_expired_names_the_line_and_sqlalchemys_word(
    engine: Engine, how: Callable[[Session, User], None]
) -> None:
    """
    Whatever expires an instance before it is detached is told by line and word, between load and end.
    """
    with tether.watching() as report:
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>
            how(session, user)
        with pytest.raises(DetachedInstanceError):
            _ = user.name  # <use>

    assert [EXPIRED.format("<expire>", how.__name__)] == told(report.findings)


def test_refresh_that_drops_a_change_is_the_line(engine: Engine) -> None:
    """
    refresh() of a changed instance is told at the refresh, with the line that made the change.
    """
    with tether.watching() as report, Session(engine) as session:
        user = session.get(User, 1)  # <load>
        user.name = "changed"  # <change>
        session.refresh(user)  # <drop>

    assert ["change-discarded: loaded <load>, changed <change>, expired <drop> (refresh)"] == told(
        report.findings
    )


def test_collected_session_is_told_at_the_change(engine: Engine) -> None:
    """
    A change that goes with its garbage-collected Session is told at the line that made it.
    """
    with tether.watching(only=["change-discarded"]) as report:
        session = Session(engine)
        session.get(User, 1).name = "changed"  # <change>
        del session
        gc.collect()

    assert ["change-discarded: loaded <change>, changed <change> (garbage collection)"] == told(
        report.findings
    )
