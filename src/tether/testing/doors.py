"""The same case on an Engine and on an AsyncEngine: only ``attach()`` and the commit differ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from tether import aio
from tether.carry import attach as attaching


class Door(Protocol):
    """A Session to attach in, of one of the two sorts.

    Attributes:
        session: The Session, or the one inside of the AsyncSession.
    """

    session: Session

    def attach(self, changed: Any) -> Any:
        """Bring something home."""

    def commit(self) -> None:
        """Flush and commit."""

    def close(self) -> None:
        """Close the Session."""


class SyncDoor:
    """A ``Session``."""

    def __init__(self, engine: Engine) -> None:
        self.session = Session(engine, expire_on_commit=False)

    def attach(self, changed: Any) -> Any:
        """Bring something home with ``tether.attach()``."""
        return attaching.attach(self.session, changed)

    def commit(self) -> None:
        """Flush and commit."""
        self.session.commit()

    def close(self) -> None:
        """Close the Session."""
        self.session.close()


class AsyncDoor:
    """An ``AsyncSession``, used where SQLAlchemy may await."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.awaited = AsyncSession(engine, expire_on_commit=False)
        self.session = self.awaited.sync_session

    def attach(self, changed: Any) -> Any:
        """Bring something home with ``tether.aio.attach()``."""
        return await_only(aio.attach(self.awaited, changed))

    def commit(self) -> None:
        """Flush and commit."""
        await_only(self.awaited.commit())

    def close(self) -> None:
        """Close the Session."""
        await_only(self.awaited.close())


class House:
    """An engine of either sort.

    Args:
        engine: An Engine or an AsyncEngine.
    """

    def __init__(self, engine: Engine | AsyncEngine) -> None:
        self.given = engine
        self.engine = engine.sync_engine if isinstance(engine, AsyncEngine) else engine

    def door(self) -> Door:
        """Return a new Session; call it within ``run()``."""
        return AsyncDoor(self.given) if isinstance(self.given, AsyncEngine) else SyncDoor(self.given)

    def run(self, work: Callable[[], None]) -> None:
        """Do some work; of an AsyncEngine in an event loop of its own, whose connections end with it.

        SQLAlchemy's own bridge makes ``engine`` usable there as if it were an Engine.
        """
        if isinstance(self.given, AsyncEngine):
            asyncio.run(self.in_loop(self.given, work))
        else:
            work()

    async def in_loop(self, engine: AsyncEngine, work: Callable[[], None]) -> None:
        """Do the work where SQLAlchemy may await."""
        try:
            async with AsyncSession(engine) as session:
                await session.run_sync(lambda _: work())
        finally:
            await engine.dispose()
