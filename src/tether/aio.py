"""The verbs of ``carry`` on an ``AsyncSession``: the same functions, run where they may await the database.

Each takes what its namesake takes, with an ``AsyncSession`` in place of the Session, and returns an awaitable
of what that returns. ``plan()`` gives an ``AsyncPlan``, whose ``apply()`` is awaited too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from sqlalchemy.ext.asyncio import AsyncSession, async_object_session
from sqlalchemy.orm import Session

from tether.carry import attach as _attach
from tether.carry import detaching as _detaching
from tether.carry import plan as _plan
from tether.carry import rebase as _rebase
from tether.carry import snapshots as _snapshots
from tether.carry.conflicts import Conflict, OnConflict
from tether.carry.plan import Plan, Step
from tether.orm import private

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@overload
async def attach(
    session: AsyncSession, changed: list[T] | tuple[T, ...], *, on_conflict: OnConflict = "raise"
) -> list[T]: ...
@overload
async def attach(session: AsyncSession, changed: T, *, on_conflict: OnConflict = "raise") -> T: ...
async def attach(session: AsyncSession, changed: Any, *, on_conflict: OnConflict = "raise") -> Any:
    """Return the persistent instances of rows that were changed elsewhere: ``tether.attach()``, awaited."""
    return await session.run_sync(_attach.attach, changed, on_conflict=on_conflict)


class AsyncPlan(Generic[T]):
    """A ``Plan`` whose ``apply()`` is awaited; everything else is the same."""

    def __init__(self, plan: Plan[T], session: AsyncSession) -> None:
        self._plan, self._session = plan, session

    @property
    def steps(self) -> list[Step]:
        """What would be written."""
        return self._plan.steps

    @property
    def conflicts(self) -> list[Conflict]:
        """What no policy decided."""
        return self._plan.conflicts

    def __str__(self) -> str:
        return str(self._plan)

    def __repr__(self) -> str:
        return f"<Async{repr(self._plan)[1:]}"

    def __bool__(self) -> bool:
        return bool(self._plan)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return self._plan.to_dict()

    async def apply(self) -> T:
        """Do what the plan says, and return the persistent instances."""
        return await self._session.run_sync(lambda _: self._plan.apply())


async def plan(session: AsyncSession, changed: T, *, on_conflict: OnConflict = "raise") -> AsyncPlan[T]:
    """Return what ``attach()`` would write: ``tether.plan()``, awaited."""
    return AsyncPlan(await session.run_sync(_plan.plan, changed, on_conflict=on_conflict), session)


def _where_the_instances_are(
    function: Callable[Concatenate[T, P], R],
) -> Callable[Concatenate[T, P], Awaitable[R]]:
    """Return *function* run in the AsyncSession of its first argument; at once, where it belongs to none."""

    @wraps(function)
    async def awaited(instances: T, /, *args: P.args, **options: P.kwargs) -> R:
        def run(_: Session | None) -> R:
            return function(instances, *args, **options)

        for instance in instances if isinstance(instances, list | tuple) else [instances]:
            state = private.state_of_anything(instance)
            session = None if state is None else async_object_session(instance)
            if session is not None:
                return await session.run_sync(run)
        return run(None)

    return awaited


rebase = _where_the_instances_are(_rebase.rebase)
snapshot = _where_the_instances_are(_snapshots.snapshot)
detach = _where_the_instances_are(_detaching.detach)
