"""Rows and Sessions on their way to another thread, process, queue or background task."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any, ClassVar

from sqlalchemy.orm import InstanceState, Session

from tether.orm import private
from tether.orm.inspect import expired
from tether.watch.events import HandedOver
from tether.watch.probes.base import Probe

_DEPTH = 3
_WIDTH = 100  # elements looked at in one container


class HandingProbe(Probe):
    """Base of the probes that look at what a method is given.

    Attributes:
        target: Class and method in ``module``.
        receiver: How a message names it.
    """

    events = (HandedOver,)
    target: ClassVar[tuple[str, str]]
    receiver: ClassVar[str]

    def start(self) -> None:
        """Wrap the method, wherever the program uses it."""
        self.on = True
        class_name, method = self.target
        self.owner = getattr(sys.modules[self.module], class_name)
        original = self.original = vars(self.owner)[method]
        probe = self

        def wrapper(self: Any, *arguments: Any, **options: Any) -> Any:
            if probe.on:
                try:
                    probe.look(probe.given(self, arguments, options))
                except Exception as error:
                    probe.broke(error)
            return original(self, *arguments, **options)

        for fact in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(wrapper, fact, getattr(original, fact))
        wrapper.__wrapped__ = original  # type: ignore[attr-defined]
        self.new = wrapper
        setattr(self.owner, method, wrapper)

    def stop(self) -> None:
        """Put the method back."""
        self.on = False
        if vars(self.owner).get(self.target[1]) is self.new:
            setattr(self.owner, self.target[1], self.original)

    def given(self, receiver: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
        """Return what is handed over; by default every argument."""
        return [*arguments, *options.values()]

    def look(self, things: list[Any]) -> None:
        """Report rows that still depend on a Session here, and Sessions in use."""
        seen: set[int] = set()
        for thing in _reachable(things, seen, _DEPTH):
            if isinstance(thing, Session):
                self._session(thing)
            else:
                self._instance(thing)

    def _session(self, session: Session) -> None:
        if session.in_transaction():
            recorder = self.recorder
            event = HandedOver("Session", "", None, self.receiver, "in use", recorder.capture())
            recorder.publish(event)

    def _instance(self, state: InstanceState[Any]) -> None:
        session = state.session
        if state.key is None:
            return
        if session is not None:
            reason = "attached" if private.current_transaction(session) is not None or expired(state) else ""
        else:
            reason = "expired" if not state.dict.keys() & state.mapper.column_attrs.keys() else ""
        if reason:
            recorder = self.recorder
            facts = recorder.instance(state)
            event = HandedOver(
                facts.class_name, facts.class_path, facts, self.receiver, reason, recorder.capture()
            )
            recorder.publish(event, facts.class_path)


def _reachable(things: Any, seen: set[int], depth: int) -> Iterator[Any]:
    """Yield Sessions and states in *things*, in containers, partials, bound methods and closures among them."""
    for thing in list(things)[:_WIDTH]:
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        state = private.state_of_anything(thing)
        if isinstance(thing, Session):
            yield thing
        elif state is not None:
            yield state
        elif depth:
            yield from _reachable(_inside(thing), seen, depth - 1)


def _inside(thing: Any) -> list[Any]:
    if isinstance(thing, (list, tuple, set, frozenset)):
        return list(thing)
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, MethodType):
        return [thing.__self__]
    if isinstance(thing, FunctionType):
        return [cell.cell_contents for cell in thing.__closure__ or () if _is_full(cell)]
    wrapped = getattr(thing, "func", None)  # functools.partial
    if wrapped is not None and hasattr(thing, "args"):
        return [wrapped, *thing.args, *thing.keywords.values()]
    sync = getattr(thing, "sync_session", None)  # AsyncSession
    return [sync] if isinstance(sync, Session) else []


def _is_full(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


class Threads(HandingProbe):
    """``threading.Thread(target=..., args=...)``, at its start."""

    module = "threading"
    target = ("Thread", "start")
    receiver = "threading.Thread"

    def given(self, receiver: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
        """Return target and arguments of the thread."""
        if type(receiver).start is not self.new and type(receiver) is not threading.Thread:
            return []
        facts = vars(receiver)
        return [facts.get("_target"), *(facts.get("_args") or ()), *(facts.get("_kwargs") or {}).values()]


class ThreadPools(HandingProbe):
    """``ThreadPoolExecutor.submit()``; not ``loop.run_in_executor()``, which is awaited at once."""

    module = "concurrent.futures.thread"
    target = ("ThreadPoolExecutor", "submit")
    receiver = "ThreadPoolExecutor.submit"

    def look(self, things: list[Any]) -> None:
        """Look, unless an event loop waits for the answer."""
        frame = sys._getframe(2)
        if frame.f_code.co_name != "run_in_executor":
            super().look(things)


class ProcessPools(HandingProbe):
    """``ProcessPoolExecutor.submit()``: the row is pickled and arrives detached."""

    module = "concurrent.futures.process"
    target = ("ProcessPoolExecutor", "submit")
    receiver = "ProcessPoolExecutor.submit"


class Processes(HandingProbe):
    """``multiprocessing.Process(target=..., args=...)``, at its start."""

    module = "multiprocessing.process"
    target = ("BaseProcess", "start")
    receiver = "multiprocessing.Process"

    def given(self, receiver: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
        """Return target and arguments of the process."""
        facts = vars(receiver)
        return [facts.get("_target"), *(facts.get("_args") or ()), *(facts.get("_kwargs") or {}).values()]


class Queues(HandingProbe):
    """``multiprocessing.Queue.put()``: the row is pickled later, in another thread."""

    module = "multiprocessing.queues"
    target = ("Queue", "put")
    receiver = "multiprocessing.Queue.put"


class CeleryTasks(HandingProbe):
    """Celery's ``delay()`` and ``apply_async()``."""

    module = "celery.app.task"
    target = ("Task", "apply_async")
    receiver = "Celery task"


class BackgroundTasks(HandingProbe):
    """Starlette's and FastAPI's background tasks, which run after the response was sent."""

    module = "starlette.background"
    target = ("BackgroundTask", "__init__")
    receiver = "background task"
