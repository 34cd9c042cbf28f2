"""read-after-rollback: async: an attribute is read that a rollback expired."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="read-after-rollback",
    severity="error",
    summary="An attribute was read after a rollback had expired it, where no await is possible.",
    why=(
        "rollback() expires every instance of the Session, the primary key included, and "
        "expire_on_commit=False does not change that. The next read needs SQL; on an AsyncSession a plain "
        "read cannot await it and raises MissingGreenlet."
    ),
    instead="Read what the error path needs before the rollback, or await session.refresh(user) after it.",
    example="""\
async def main() -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        user = await session.get(User, 1)
        await session.rollback()
        print(user.name)


asyncio.run(main())
""",
    better="""\
async def main() -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        user = await session.get(User, 1)
        await session.rollback()
        await session.refresh(user)
        print(user.name)


asyncio.run(main())
""",
)
