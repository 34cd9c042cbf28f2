"""The states of an instance and the causes that end one, in SQLAlchemy's words."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an instance stands towards a Session (SQLAlchemy, "Quickie Intro to Object States")."""

    TRANSIENT = "transient"  # no identity key, no Session
    PENDING = "pending"  # no identity key yet, in a Session
    PERSISTENT = "persistent"  # identity key, in a Session
    DELETED = "deleted"  # DELETE flushed, transaction still open
    DETACHED = "detached"  # identity key, no Session


class Cause(StrEnum):
    """What detached or expired an instance, or dropped its changes, by SQLAlchemy's name.

    ``GARBAGE_COLLECTION`` and ``EXIT`` are ours: SQLAlchemy announces neither.
    """

    CLOSE = "close"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    EXPUNGE = "expunge"
    EXPUNGE_ALL = "expunge_all"
    EXPIRE = "expire"
    EXPIRE_ALL = "expire_all"
    REFRESH = "refresh"
    DELETE = "delete"
    FLUSH = "flush"
    RESET = "reset"
    INVALIDATE = "invalidate"
    POPULATE_EXISTING = "populate_existing"
    GARBAGE_COLLECTION = "garbage collection"
    EXIT = "exit"
    UNPICKLE = "unpickle"
    UNKNOWN = ""
