"""SQLAlchemy's own errors about instances, explained at the moment they are made.

The constructor of the exception is the one place all raise sites share. What it is about is read from
the frames that raise it: SQLAlchemy calls the state ``state`` and the attribute ``self`` there.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from sqlalchemy import exc, inspect
from sqlalchemy.orm import Session
from sqlalchemy.orm import exc as orm_exc
from sqlalchemy.orm.state import InstanceState

from tether.core.finding import Finding, Place
from tether.core.states import Cause
from tether.orm import private
from tether.watch.events import (
    AwaitRefused,
    Event,
    LoadRefused,
    SessionRefused,
    UsedAfterFailure,
)
from tether.watch.inflight import exception_in_flight
from tether.watch.loaders import kind_of, loader_option
from tether.watch.notes import add_story
from tether.watch.probes.base import Probe

_REACH = 40  # frames; an autoflush and a dialect lie between the read and MissingGreenlet


class ErrorProbe(Probe):
    """Base of the probes that look over the shoulder of an exception class."""

    error: type[Exception] = Exception

    def start(self) -> None:
        """Let the exception call us when it is made."""
        self.on = True
        self.had = "__init__" in vars(self.error)
        original = self.original = self.error.__init__
        probe = self

        def __init__(self: Any, *arguments: Any, **options: Any) -> None:
            original(self, *arguments, **options)
            if probe.on and type(self) in probe.exact():
                try:
                    probe.explain(self, sys._getframe(1))
                except Exception as error:
                    probe.broke(error)

        __init__.__doc__ = original.__doc__
        __init__.__wrapped__ = original  # type: ignore[attr-defined]
        self.new = __init__
        self.error.__init__ = __init__  # type: ignore[method-assign]

    def stop(self) -> None:
        """Take it back."""
        self.on = False
        if vars(self.error).get("__init__") is not self.new:
            return
        if self.had:
            self.error.__init__ = self.original  # type: ignore[method-assign]
        else:
            del self.error.__init__

    def exact(self) -> tuple[type[Exception], ...]:
        """Return the classes that are explained; subclasses that are raised for other reasons are not."""
        return (self.error,)

    def explain(self, error: Any, frame: FrameType) -> None:
        """Publish what happened and tell the story on the exception."""
        raise NotImplementedError

    def tell(self, error: Exception, event: Event, class_path: str) -> None:
        """Publish the event, and let the exception carry the story."""
        add_story(error, self.recorder.publish(event, class_path))
        self.recorder.ledger.forget_pending()  # the exception itself is raised already

    def tell_gone(self, error: Exception, what: str, *places: Place | None) -> None:
        """Let the exception say that the row is gone, which is no hazard of ours."""
        where = self.recorder.place(self.recorder.capture(), "used")
        known = tuple(place for place in (*places, where) if place is not None)
        message = f"{what}, and its row is not in the database any more"
        add_story(error, [Finding("row-is-gone", "error", message, where, known)])


class DetachedErrors(ErrorProbe):
    """DetachedInstanceError: an attribute needed SQL and there is no Session."""

    events = (LoadRefused,)
    error = orm_exc.DetachedInstanceError

    def explain(self, error: Any, frame: FrameType) -> None:
        """Say which attribute, where the instance was loaded, and where it was detached."""
        state, name = reading(frame)
        if state is None:
            return
        facts = self.recorder.instance(state)
        kind = kind_of(state.mapper, name, name in state.expired_attributes or state.expired)
        option = loader_option(state.mapper, name, self.recorder.query_of(state)[1])
        self.tell(error, LoadRefused(facts, name, kind, option, self.recorder.capture()), facts.class_path)


class MissingGreenlets(ErrorProbe):
    """MissingGreenlet: an attribute needed SQL where nothing can be awaited."""

    events = (AwaitRefused,)
    error = exc.MissingGreenlet

    def explain(self, error: Any, frame: FrameType) -> None:
        """Say which attribute, and what made it unloaded."""
        state, name = reading(frame)
        if state is None:
            return
        recorder = self.recorder
        facts = recorder.instance(state)
        expired = (
            name in state.mapper.column_attrs and not state.dict.keys() & state.mapper.column_attrs.keys()
        )
        kind = kind_of(state.mapper, name, expired or name in state.expired_attributes)
        expiry = recorder.expiry(state)
        cause = expiry.cause if expiry is not None and kind == "expired" else Cause.UNKNOWN
        if kind == "expired" and not expired:
            kind, cause = "server", Cause.FLUSH
        option = loader_option(state.mapper, name, self.recorder.query_of(state)[1])
        event = AwaitRefused(facts, name, kind, option, cause, recorder.capture())
        self.tell(error, event, facts.class_path)


class WrappedMissingGreenlets(ErrorProbe):
    """StatementError around a MissingGreenlet: SQLAlchemy 2.1 wraps it, depending on the dialect."""

    events = (AwaitRefused,)
    error = exc.StatementError

    def explain(self, error: Any, frame: FrameType) -> None:
        """Carry the notes of the wrapped error on; the line in its message is part of ours already."""
        if isinstance(error.orig, exc.MissingGreenlet):
            for note in getattr(error.orig, "__notes__", ()):
                error.add_note(note)


class DeletedErrors(ErrorProbe):
    """ObjectDeletedError: the row behind an expired instance is gone. No hazard of ours, but a story."""

    always = True
    error = orm_exc.ObjectDeletedError

    def explain(self, error: Any, frame: FrameType) -> None:
        """Say where the instance was loaded and what made it look again."""
        state, name = reading(frame)
        if state is None:
            return
        facts = self.recorder.instance(state)
        self.tell_gone(error, f"`{facts.class_name}.{name}` is read again", facts.loaded, facts.expired)


class Refusals(ErrorProbe):
    """InvalidRequestError about an instance of another Session, or of none."""

    events = (SessionRefused,)
    error = exc.InvalidRequestError
    methods: dict[str, str] = {  # noqa: RUF012
        "_before_attach": "add",
        "_expire_state": "expire",
        "_validate_persistent": "refresh",
        "expunge": "expunge",
        "_delete_impl": "delete",
        "delete": "delete",
        "add": "add",  # of the identity map, which has another instance of the row
    }

    def explain(self, error: Any, frame: FrameType) -> None:
        """Say which Session has the instance, and since where."""
        function = frame.f_code.co_name
        state = frame.f_locals.get("state")
        if function == "refresh" and isinstance(state, InstanceState):
            facts = self.recorder.instance(state)
            self.tell_gone(error, f"`{facts.class_name}` is refreshed", facts.loaded)
            return
        if function not in self.methods or not isinstance(state, InstanceState) or private.is_deleted(state):
            return
        recorder = self.recorder
        site = recorder.capture()
        called = site.api if site is not None else ""
        method = (
            called
            if called in ("refresh", "expire", "expunge", "delete", "add", "merge")
            else self.methods[function]
        )
        session: Any = frame.f_locals.get("self")
        other = frame.f_locals.get("existing_state") if function == "add" else None
        if function == "add":
            session = _session_around(frame)
            if session is None or other is None:
                return
        if recorder.record(session) is None or (state.key is None and function != "_before_attach"):
            return
        elsewhere = state.session is not None and state.session is not session
        attached = getattr(state, "_tether_joined", None)
        joined = (
            attached.site if attached is not None and attached.generation == recorder.generation else None
        )
        facts = recorder.instance(state)
        original = recorder.loaded(other) if other is not None else None
        event = SessionRefused(facts, method, joined, elsewhere, site, original)
        self.tell(error, event, facts.class_path)


def _session_around(frame: FrameType | None) -> Any:
    """Return the Session that asks its identity map to take an instance."""
    while frame is not None:
        if isinstance(frame.f_locals.get("self"), Session):
            return frame.f_locals["self"]
        frame = frame.f_back
    return None


class PendingRollbacks(ErrorProbe):
    """PendingRollbackError: the Session is used after a failed flush."""

    events = (UsedAfterFailure,)
    error = exc.PendingRollbackError

    def explain(self, error: Any, frame: FrameType) -> None:
        """Say where the flush failed, unless the failure itself is still on its way."""
        session = getattr(frame.f_locals.get("self"), "session", None)
        if session is None or exception_in_flight():
            return
        record = self.recorder.record(session)
        if record is None or record.failure is None:
            return
        failed, name = record.failure
        event = UsedAfterFailure(record.created, record.before_watch, failed, name, self.recorder.capture())
        self.tell(error, event, "")


def reading(frame: FrameType | None) -> tuple[Any, str]:
    """Return state and attribute of the read that is running, from the raising frame outwards."""
    state: Any = None
    for _ in range(_REACH):
        if frame is None:
            break
        names = frame.f_locals
        function = frame.f_code.co_name
        held = names.get("state")
        if isinstance(held, InstanceState):
            state = held
        elif state is None and function == "_generate" and hasattr(names.get("self"), "instance"):
            state = inspect(names["self"].instance, raiseerr=False)  # a dynamic relationship knows its parent
        if function == "__get__" and frame.f_globals.get("__name__") == "sqlalchemy.orm.attributes":
            name = getattr(names.get("self"), "key", "")
            instance = names.get("instance")
            own = inspect(instance, raiseerr=False) if instance is not None else None
            return own or state, name
        frame = frame.f_back
    return (state, _only_unloaded(state)) if state is not None else (None, "")


def _only_unloaded(state: Any) -> str:
    """Return the attribute that was read if only one can have been, else ""."""
    names = [name for name in state.unloaded if name in state.mapper.attrs]
    return names[0] if len(names) == 1 else ""
