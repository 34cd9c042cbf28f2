"""tether.aio: the same on an AsyncSession."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import tether
from tests.carry.back.models import Order, Versioned
from tests.carry.back.people import row, taken, theirs
from tether.carry.attach import attach
from tether.carry.plan import Plan


def run(engine: Engine, work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    """Run *work* with an AsyncSession on the same file, and commit."""

    async def main() -> None:
        other = create_async_engine(engine.url.set(drivername="sqlite+aiosqlite"))
        async with AsyncSession(other) as session:
            await work(session)
            await session.commit()
        await other.dispose()

    asyncio.run(main())


def test_attach(shop: Engine) -> None:
    """
    attach() is awaited, and merges as it does on a Session.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"
    theirs(shop, Order, 1, note="theirs")

    async def work(session: AsyncSession) -> None:
        persistent = await tether.aio.attach(session, order)
        assert ("paid", "theirs") == (persistent.status, persistent.note)
        assert [persistent] == await tether.aio.attach(session, [taken(shop, Order, 1)])

    run(shop, work)

    assert ("paid", "theirs") == row(shop, Order, 1, "status", "note")


def test_conflict(shop: Engine) -> None:
    """
    A conflict is raised where it is awaited.
    """
    order = taken(shop, Order, 1)
    order.status = "mine"
    theirs(shop, Order, 1, status="theirs")

    async def work(session: AsyncSession) -> None:
        with pytest.raises(tether.ConflictError):
            await tether.aio.attach(session, order)

    run(shop, work)


def test_plan(shop: Engine) -> None:
    """
    A plan is awaited, read, and its apply() is awaited.
    """
    order = taken(shop, Order, 1)
    order.status = "paid"

    async def work(session: AsyncSession) -> None:
        plan = await tether.aio.plan(session, order)
        assert "UPDATE Order 1\n-   status: 'new'\n+   status: 'paid'" == str(plan)
        assert (True, [], 1) == (bool(plan), plan.conflicts, len(plan.steps))
        assert "<AsyncPlan: 1 to write, 0 in conflict>" == repr(plan)
        assert "paid" == (await plan.apply()).status

    run(shop, work)

    assert ("paid",) == row(shop, Order, 1, "status")


def test_rebase(shop: Engine) -> None:
    """
    rebase() finds the AsyncSession of its instance.
    """

    async def work(session: AsyncSession) -> None:
        thing = await session.get(Versioned, 1)
        thing.name = "mine"
        theirs(shop, Versioned, 1, email="theirs")
        assert thing is await tether.aio.rebase(thing)
        assert ("mine", "theirs") == (thing.name, thing.email)

    run(shop, work)

    assert ("mine", "theirs") == row(shop, Versioned, 1, "name", "email")


def test_snapshot_loads_what_is_named(shop: Engine) -> None:
    """
    snapshot() may load what it is told to include; a draft of it comes home.
    """

    async def work(session: AsyncSession) -> None:
        order = await session.get(Order, 1)
        snap = await tether.aio.snapshot(order, include=[Order.items])
        assert ["a", "b"] == [item.label for item in snap.items]

    run(shop, work)


def test_detach(shop: Engine) -> None:
    """
    detach() loads what is named, and takes the graph out of the AsyncSession.
    """

    async def work(session: AsyncSession) -> None:
        order = await tether.aio.detach(await session.get(Order, 1), include=[Order.items])
        assert ["a", "b"] == [item.label for item in order.items]
        assert order not in session

    run(shop, work)


def test_nothing_to_load(shop: Engine) -> None:
    """
    An instance without an AsyncSession is handled at once, errors included.
    """

    async def work(session: AsyncSession) -> None:
        with pytest.raises(ValueError, match="in no Session"):
            await tether.aio.rebase(taken(shop, Order, 1))

    run(shop, work)


@pytest.mark.parametrize("function", [attach, Plan.apply])
def test_same_parameters(function: Callable[..., object]) -> None:
    """
    Both doors take the same parameters.
    """
    twin = tether.aio.attach if function is attach else tether.aio.AsyncPlan.apply

    assert list(inspect.signature(function).parameters) == list(inspect.signature(twin).parameters)
