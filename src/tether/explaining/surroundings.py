"""What stands around an instance: its Session, and what would stop that Session from emitting SQL now."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import InstanceState, Mapper, Session
from sqlalchemy.orm.attributes import instance_state

from tether.orm.inspect import has_net_changes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a read would meet.

    Attributes:
        session: The owning Session, None if there is none.
        obstacle: The exception that any SQL would raise now, "" if none is known.
        flushes: An autoflush before the SELECT would write something.
    """

    session: Session | None = None
    obstacle: str = ""
    flushes: bool = False


NOWHERE = Surroundings()  # as a detached instance has it


def around(state: InstanceState[Any]) -> Surroundings:
    """Return the surroundings of an instance as they are now."""
    session = state.session
    if session is None:
        return NOWHERE
    flushes = session.autoflush and would_flush(session)
    return Surroundings(session, obstacle(session, state.mapper), flushes)


def would_flush(session: Session) -> bool:
    """Return True if a flush would have something to write."""
    return bool(session.new or session.deleted) or bool(changed_in(session))


def changed_in(session: Session) -> list[InstanceState[Any]]:
    """Return the persistent instances with a net change, ordered by class and primary key."""
    # Session.dirty is wider: it also has those where an equal value was set.
    states = [instance_state(instance) for instance in session.dirty]
    return sorted((state for state in states if has_net_changes(state)), key=in_order)


def in_order(state: InstanceState[Any]) -> tuple[str, str]:
    """Order instances by class and primary key; those without a key keep their order."""
    identity = state.identity
    key = " ".join(f"{part:020}" if type(part) is int else str(part) for part in identity) if identity else ""
    return state.class_.__name__, key


def obstacle(session: Session, mapper: Mapper[Any] | None = None) -> str:
    """Return the name of the exception that any statement would raise now, "" if none is known.

    Not known: what a Session class with its own ``get_bind()`` would choose, a
    Session closed for good (``close_resets_only=False``), and errors of the database.
    """
    if not session.is_active:
        return "PendingRollbackError"
    bind = bind_of(session, mapper)
    if bind is None and plain_get_bind(session):
        return "UnboundExecutionError"
    if not session.autobegin and not session.in_transaction():
        return "InvalidRequestError"
    return "MissingGreenlet" if needs_await(session, bind) else ""


def bind_of(session: Session, mapper: Mapper[Any] | None = None) -> Engine | Connection | None:
    """Return what the Session would use for *mapper*, None if it has nothing or decides by its own code."""
    if not plain_get_bind(session):
        return session.bind
    try:
        return session.get_bind(mapper)
    except UnboundExecutionError:
        return session.bind


def plain_get_bind(session: Session) -> bool:
    """Return True if asking for the bind runs SQLAlchemy's own code only."""
    return type(session).get_bind is Session.get_bind


def async_owner(session: Session) -> Any:
    """Return the AsyncSession around a Session, None if there is none."""
    asyncio: Any = sys.modules.get("sqlalchemy.ext.asyncio")
    return asyncio.async_session(session) if asyncio is not None else None


def needs_await(session: Session, bind: Engine | Connection | None) -> bool:
    """Return True if SQL needs an await, and the caller is not where SQLAlchemy can make one."""
    if not (bind.dialect.is_async if bind is not None else async_owner(session)):
        return False
    greenlet: Any = sys.modules.get("greenlet")
    # Inside AsyncSession.run_sync() the code runs in a child greenlet, elsewhere in the root one.
    return greenlet is None or greenlet.getcurrent().parent is None
