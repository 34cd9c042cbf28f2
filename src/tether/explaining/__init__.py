"""``tether.explain``: what SQLAlchemy knows about an instance or a Session now, and what it would do next.

The room is not called ``explain``: importing a submodule of that name would put
the module in the place of the function ``tether.explain``.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tether.explaining.explanation import Explanation
from tether.explaining.instances import explain_instance
from tether.explaining.sessions import explain_session
from tether.explaining.values import mapped_state

__all__ = ["Explanation", "explain"]


def explain(subject: object) -> Explanation:
    """Return what SQLAlchemy knows about an instance or a Session now, as text and plain values.

    For an instance: its state, its Session, its identity key, each attribute
    (loaded, changed from what to what, expired, deferred, unloaded) with what
    reading it would do, and what commit, close and merge would do to it. For a
    Session: what waits to be saved, its transaction, and what commit, rollback
    and close would do. While a watch runs, also where the instance was loaded,
    changed, expired and detached.

    Nothing is loaded and nothing changes: no SQL, no flush, no transaction
    begun, no code of the class run except ``repr()`` of column values. Columns
    with ``info={"tether": "secret"}`` are shown as ``***``.

    Args:
        subject: A mapped instance, a ``Session``, ``AsyncSession`` or ``scoped_session``.

    Raises:
        TypeError: It is something else; the message says what to pass.
    """
    state = mapped_state(subject)
    if state is not None and not isinstance(subject, type):
        return explain_instance(subject, state)
    session = _session(subject)
    if isinstance(session, Session):
        return explain_session(session)
    raise TypeError(_what_to_pass(subject))


def _session(subject: Any) -> object:
    """Return the Session inside *subject*, without making one."""
    if isinstance(subject, scoped_session) or _is_async(subject, "async_scoped_session"):
        if not subject.registry.has():
            raise TypeError("this scoped session has no Session here yet: pass it after its first use")
        subject = subject.registry()
    return subject.sync_session if _is_async(subject, "AsyncSession") else subject


def _is_async(subject: object, name: str) -> bool:
    module = sys.modules.get("sqlalchemy.ext.asyncio")
    return module is not None and isinstance(subject, getattr(module, name))


def _what_to_pass(subject: object) -> str:
    if isinstance(subject, type):
        name = subject.__name__
        return f"explain() takes an instance or a Session, got the class {name}: pass an instance of {name}"
    name = "None" if subject is None else type(subject).__name__
    if isinstance(subject, sessionmaker) or _is_async(subject, "async_sessionmaker"):
        return f"explain() takes an instance or a Session, got {name}: pass a Session that it made"
    if isinstance(subject, (list, tuple, set, dict)):
        return f"explain() takes one instance or Session, got {name}: pass one of its elements"
    return f"explain() takes a mapped instance or a Session, got {name}: pass an instance of a mapped class"
