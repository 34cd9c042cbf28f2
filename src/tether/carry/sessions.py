"""The Session that something is to be brought home to."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, scoped_session

from tether.carry.near import named


def session_of(session: Any) -> Session:
    """Return the Session itself; a ``scoped_session``, such as Flask-SQLAlchemy's, stands for one.

    Raises:
        TypeError: It is none.
    """
    if isinstance(session, scoped_session):
        session = session()
    if isinstance(session, Session):
        return session
    if isinstance(getattr(session, "sync_session", None), Session):
        name = type(session).__name__
        raise TypeError(
            f"this takes a Session; got {name}: await the function of the same name in tether.aio"
        )
    raise TypeError(f"this takes a Session; got {named(session)}")
