"""Room for deep programs: modules that import each other in long chains, expressions nested by the hundred.

Python stops at a thousand calls in each other, and how many are left would depend on what is being imported.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

DEEPEST = 50_000  # calls in each other; one import takes about eleven
# Bytes, reserved and not used before they are needed. Python 3.11's parser takes a part of it for each call allowed.
STACK = 256 * 1024 * 1024
TURN = 0.2  # seconds: on Windows nothing interrupts a thread that waits for ever

_setting = threading.Lock()  # the size of stacks and the limit of calls are settings of the process
_limits: list[int] = []  # as they were found, one for each work under way: the first is the usual one
_here = threading.local()


class _Work(threading.Thread, Generic[T]):
    """Does something with a stack of its own, and keeps what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)  # who is interrupted does not wait for it
        self.work = work
        self.ready = threading.Event()
        self.given: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do it."""
        _here.deep = True
        self.ready.wait()
        try:
            self.given.append(self.work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the work was asked for
            self.error = error


def on_deep_stack(work: Callable[[], T]) -> T:
    """Return what *work* returns, or raise what it raises, with room for DEEPEST calls in each other.

    It runs in a thread of its own. Where there is no memory for such a stack it runs as it is.
    """
    if getattr(_here, "deep", False):
        return work()
    thread = _Work(work)
    if not _is_started(thread):
        return work()
    with _setting:
        _limits.append(sys.getrecursionlimit())
        sys.setrecursionlimit(max(_limits[0], DEEPEST))
    thread.ready.set()
    try:
        while thread.is_alive():
            thread.join(TURN)
    finally:
        _put_limit_back()
    if thread.error is not None:
        raise thread.error
    return thread.given[0]


def _put_limit_back() -> None:
    """Put the usual limit back, unless other work needs the higher one: an editor checks its folders side by side."""
    with _setting:
        usual = _limits[0]
        _limits.pop()
        if not _limits:
            sys.setrecursionlimit(usual)


def _is_started(thread: threading.Thread) -> bool:
    """Start a thread with a large stack; False if that cannot be."""
    with _setting:
        before = threading.stack_size()
        try:
            threading.stack_size(STACK)
            thread.start()
        except (RuntimeError, ValueError):
            return False
        finally:
            threading.stack_size(before)
    return True
