"""session-shared: one Session at work in two threads, or one AsyncSession in two tasks, at the same time."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="session-shared",
    severity="error",
    summary="One Session was used by two threads, or one AsyncSession by two tasks, at the same time.",
    why=(
        "A Session works in one transaction, on one connection, and has no lock. Where two users overlap, "
        "one flushes, expires or commits what the other is working on. SQLAlchemy notices some overlaps "
        "and lets others pass without an error."
    ),
    instead="Give each thread and each task a Session of its own, and pass primary keys between them.",
    example="""\
async def count(session: AsyncSession, model: type[Base]) -> int:
    return await session.scalar(select(func.count()).select_from(model))


async def main() -> None:
    async with AsyncSession(engine) as session:
        await session.connection()
        await asyncio.gather(count(session, User), count(session, Order))


asyncio.run(main())
""",
    better="""\
async def count(session: AsyncSession, model: type[Base]) -> int:
    return await session.scalar(select(func.count()).select_from(model))


async def main() -> None:
    async with AsyncSession(engine) as one, AsyncSession(engine) as two:
        await asyncio.gather(count(one, User), count(two, Order))


asyncio.run(main())
""",
)
