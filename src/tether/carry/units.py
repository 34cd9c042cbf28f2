"""``unit_of_work()``: a Session for as long as a function runs, and nothing of it afterwards."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from tether.carry.leaving import leave
from tether.errors import SnapshotError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

# With blocks that are open, per thread and task: one unit may be used in several at once.
_open: ContextVar[tuple[tuple[UnitOfWork[Any], Any], ...]] = ContextVar("tether_units", default=())


class UnitOfWork(Generic[S]):
    """What ``unit_of_work()`` returns: a decorator, and a context manager (``with`` or ``async with``)."""

    def __init__(self, factory: Callable[[], S], include: Iterable[object] | None) -> None:
        self.factory = factory
        self.include = None if include is None else list(include)

    def __call__(self, function: Callable[Concatenate[S, P], R]) -> Callable[P, R]:
        """Return the function without its parameter for the Session."""
        call = Call(self, function)
        wrapper: Any
        if inspect.isasyncgenfunction(function):
            wrapper = call.async_generator
        elif inspect.iscoroutinefunction(function):
            wrapper = call.coroutine
        elif inspect.isgeneratorfunction(function):
            wrapper = call.generator
        else:
            wrapper = call.plain
        named: Callable[P, R] = call.named_like(wrapper)
        return named

    def __enter__(self) -> S:
        session: S = synchronous(self.factory())
        self.push(session)
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session = self.pop()
        try:
            session.commit() if kind is None else session.rollback()
        finally:
            session.close()

    async def __aenter__(self) -> S:
        session: S = self.factory()
        if not hasattr(session, "run_sync"):
            raise SnapshotError("this factory makes Sessions, not AsyncSessions: use with, without async")
        self.push(session)
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session = self.pop()
        try:
            await (session.commit() if kind is None else session.rollback())
        finally:
            await session.close()

    def push(self, session: Any) -> None:
        """Note the Session of a block that begins."""
        _open.set((*_open.get(), (self, session)))

    def pop(self) -> Any:
        """Return the Session of the innermost block of this unit, which ends."""
        blocks = list(_open.get())
        place = max(number for number, (unit, _) in enumerate(blocks) if unit is self)
        _, session = blocks.pop(place)
        _open.set(tuple(blocks))
        return session


class Call:
    """One decorated function, called in four ways."""

    def __init__(self, unit: UnitOfWork[Any], function: Callable[..., Any]) -> None:
        self.unit = unit
        self.function = function
        self.signature = inspect.signature(function)
        self.name = session_parameter(function, self.signature)
        rest = [p for p in self.signature.parameters.values() if p.name != self.name]
        self.outside = self.signature.replace(parameters=rest)

    def named_like(self, method: Callable[..., Any]) -> Any:
        """Return a function with the name, documentation and remaining parameters of the one that is wrapped."""
        wrapper: Any
        if inspect.isasyncgenfunction(method):
            wrapper = as_async_generator(method)
        elif inspect.iscoroutinefunction(method):
            wrapper = as_coroutine(method)
        else:
            wrapper = as_function(method)
        functools.update_wrapper(wrapper, self.function)
        wrapper.__signature__ = self.outside
        return wrapper

    def start(self, session: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call the function with its Session."""
        bound = self.outside.bind(*arguments, **named)
        full = self.signature.bind_partial()
        full.arguments = {
            name: session if name == self.name else bound.arguments[name]
            for name in self.signature.parameters
            if name == self.name or name in bound.arguments
        }
        return self.function(*full.args, **full.kwargs)

    def plain(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Run a function."""
        with opened(self.unit.factory) as session:
            return leave(session, self.start(session, arguments, named), self.unit.include)

    def generator(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Generator[Any, Any, Any]:
        """Run a generator: the Session is open until it ends; what is sent and thrown into it arrives there."""
        with opened(self.unit.factory) as session:
            inner = self.start(session, arguments, named)
            resume = functools.partial(inner.send, None)
            try:
                while True:
                    try:
                        value = resume()
                    except StopIteration as stop:
                        return leave(session, stop.value, self.unit.include)
                    snapshot = leave(session, value, self.unit.include)
                    try:
                        resume = functools.partial(inner.send, (yield snapshot))
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001  # whatever the caller throws is the function's
                        resume = functools.partial(inner.throw, error)
            finally:
                inner.close()

    async def coroutine(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Run a coroutine function, with an AsyncSession or a Session."""
        session: Any = self.unit.factory()
        try:
            result = await left(session, await self.start(session, arguments, named), self.unit.include)
            await awaited(session.commit())
        except BaseException:
            await awaited(session.rollback())
            raise
        else:
            return result
        finally:
            await awaited(session.close())

    async def async_generator(
        self, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> AsyncGenerator[Any, Any]:
        """Run an asynchronous generator: what is sent and thrown into it arrives there."""
        session: Any = self.unit.factory()
        inner = self.start(session, arguments, named)
        try:
            async with aclosing(inner):
                resume = inner.asend(None)
                while True:
                    try:
                        value = await resume
                    except StopAsyncIteration:
                        break
                    snapshot = await left(session, value, self.unit.include)
                    try:
                        resume = inner.asend((yield snapshot))
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001  # whatever the caller throws is the function's
                        resume = inner.athrow(error)
            await awaited(session.commit())
        except BaseException:
            await awaited(session.rollback())
            raise
        finally:
            await awaited(session.close())


def as_function(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that hands its arguments over as two objects."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        return method(arguments, named)

    return wrapper


def as_coroutine(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function that does: frameworks ask what a function is before they call it."""

    async def wrapper(*arguments: Any, **named: Any) -> Any:
        return await method(arguments, named)

    return wrapper


def as_async_generator(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return an asynchronous generator function that does."""

    async def wrapper(*arguments: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        async with aclosing(method(arguments, named)) as generator:
            resume = generator.asend(None)
            while True:
                try:
                    value = await resume
                except StopAsyncIteration:
                    return
                try:
                    resume = generator.asend((yield value))
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001  # whatever the caller throws is the function's
                    resume = generator.athrow(error)

    return wrapper


@contextmanager
def opened(factory: Callable[[], Any]) -> Iterator[Any]:
    """Open a Session; commit it or roll it back, and close it."""
    session = synchronous(factory())
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def synchronous(session: Any) -> Any:
    """Return a Session; refuse an AsyncSession where nothing can be awaited."""
    if hasattr(session, "run_sync"):
        raise SnapshotError("this factory makes AsyncSessions: use async with, or a coroutine function")
    return session


async def awaited(result: Any) -> Any:
    """Return what an AsyncSession's method gives, or a Session's."""
    return await result if inspect.isawaitable(result) else result


async def left(session: Any, value: Any, include: Iterable[object] | None) -> Any:
    """Return *value* with snapshots, whichever kind of Session it is."""
    if hasattr(session, "run_sync"):
        return await session.run_sync(leave, value, include)
    return leave(session, value, include)


def session_parameter(function: Callable[..., Any], signature: inspect.Signature) -> str:
    """Return the parameter the Session is passed in: ``session``, or else the first one after self.

    Raises:
        SnapshotError: There is none.
    """
    names = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    if "session" in names:
        return "session"
    for name in names:
        if name not in {"self", "cls"}:
            return name
    raise SnapshotError(f"{function.__qualname__}() has no parameter for the Session of its unit of work")


def unit_of_work(factory: Callable[[], S], *, include: Iterable[object] | None = None) -> UnitOfWork[S]:
    """Return a decorator, or context manager, that gives a Session for one piece of work.

    The Session is made by *factory*, passed in as the parameter ``session`` (or the first one), committed when the
    function returns, rolled back when it raises, and closed. Every mapped instance in what the function returns or
    yields leaves as a snapshot, taken before the commit: in lists, tuples, sets, dicts, result rows, dataclasses,
    attrs classes and pydantic models. So no caller holds a row whose Session is gone.

    Functions, generators, coroutines and asynchronous generators are decorated; a coroutine takes an AsyncSession
    or a Session, whichever the factory makes. A generator that is not read to its end rolls back. In a ``with`` or
    ``async with`` block nothing is taken out: what should leave is for ``snapshot()``.

    Args:
        factory: A ``sessionmaker``, an ``async_sessionmaker``, or any callable that returns a Session.
        include: What to load of the rows that leave, as in ``snapshot()``.

    Raises:
        SnapshotError: The function has no parameter for the Session; or it returns a result that was not read.
    """
    return UnitOfWork(factory, include)
