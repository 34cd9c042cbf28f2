"""implicit-io-in-async: a plain read needs SQL in async code."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="implicit-io-in-async",
    severity="error",
    summary="A plain read needed SQL in async code, where a read cannot be awaited.",
    why=(
        "A relationship that is not loaded, a deferred or expired column, or a column with onupdate after "
        "a flush is fetched when it is read. On an AsyncSession that read raises MissingGreenlet, since "
        "no await stands there."
    ),
    instead=(
        "Load it with the query, for example .options(selectinload(User.orders)), await "
        'session.refresh(user, ["orders"]) before the read, or use AsyncAttrs: await '
        "user.awaitable_attrs.orders."
    ),
    example="""\
async def main() -> None:
    async with AsyncSession(engine) as session:
        user = await session.get(User, 1)
        print(user.orders)


asyncio.run(main())
""",
    better="""\
async def main() -> None:
    async with AsyncSession(engine) as session:
        user = await session.get(User, 1, options=[selectinload(User.orders)])
        print(user.orders)


asyncio.run(main())
""",
)
