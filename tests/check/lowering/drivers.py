"""Drivers for bodies that run as op graphs: a function, a generator, a coroutine, an asynchronous generator."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

# What a running body asks its driver for: to await a value, to yield one, to yield from one.
Run = Generator[tuple[str, Any], Any, Any]


class UncaughtError(Exception):
    """Carries an exception out of a body: a StopIteration could not leave the generator that runs it."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__(raised)
        self.raised = raised


def drive(run: Run) -> Any:
    """Run a body that neither yields nor awaits."""
    try:
        asked = next(run)
    except StopIteration as end:
        return end.value
    except UncaughtError as error:
        raise error.raised from error.raised.__cause__
    raise AssertionError(f"asked for {asked}")


class _Driver:
    """Asks a running body for its next wish."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.answer: Any = None
        self.failed: BaseException | None = None
        self.result: Any = None

    def wish(self) -> tuple[str, Any] | None:
        """Return what the body asks for; None when it is over."""
        failed, self.failed = self.failed, None
        try:
            return self.run.throw(failed) if failed is not None else self.run.send(self.answer)
        except StopIteration as end:
            self.result = end.value
            return None
        except UncaughtError as error:
            raise error.raised from error.raised.__cause__


def drive_generator(run: Run) -> Generator[Any, Any, Any]:
    """Run the body of a generator."""
    driver = _Driver(run)
    while wish := driver.wish():
        try:
            driver.answer = (yield from wish[1]) if wish[0] == "from" else (yield wish[1])
        except BaseException as raised:
            driver.failed = raised
    return driver.result


async def drive_coroutine(run: Run) -> Any:
    """Run the body of an ``async def``."""
    driver = _Driver(run)
    while wish := driver.wish():
        try:
            driver.answer = await wish[1]
        except BaseException as raised:
            driver.failed = raised
    return driver.result


async def drive_async_generator(run: Run) -> Any:
    """Run the body of an ``async def`` that yields."""
    driver = _Driver(run)
    while wish := driver.wish():
        try:
            driver.answer = (await wish[1]) if wish[0] == "await" else (yield wish[1])
        except BaseException as raised:
            driver.failed = raised
