"""Random programs over the calls of a Session, as source code.

A program is a function of a few steps on one or two Sessions and one or two rows. Each name that is written is
written once in a program, so that its fate can be followed. Every step is valid Python on bound variables; what
SQLAlchemy says to it, the run shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

READS = ("print({u}.name)", "print(len({u}.orders))", "print({u}.bio)", "name_of({u})", "count_of({u})")
WRITES = ('{u}.name = "{new}"', 'rename({u}, "{new}")')
ON_SESSION = ("commit", "rollback", "flush", "close", "expunge_all", "expire_all")
NOT_AWAITED = ("expunge_all", "expire_all", "expunge", "expire", "add")
ON_INSTANCE = ("expunge", "expire", "refresh", "add", "merge")
LOADS = (
    "{await}{s}.get(User, 1)",
    "{await}{s}.get(User, 1, options=[selectinload(User.orders)])",
    "({await}{s}.scalars(select(User))).one()",
)
HEAD = """\
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from shop import User, async_factory, async_keeping, factory, keeping


def name_of(user: User) -> str:
    return user.name


def count_of(user: User) -> int:
    return len(user.orders)


def rename(user: User, name: str) -> None:
    user.name = name


"""


class Writer:
    """Writes one program.

    Args:
        chance: Where every choice comes from.
        asynchronous: Whether it uses AsyncSession.
    """

    def __init__(self, chance: random.Random, *, asynchronous: bool) -> None:
        self.chance = chance
        self.asynchronous = asynchronous
        self.waiting = "await " if asynchronous else ""
        self.names = 0
        self.sessions: list[str] = []
        self.users: list[str] = []

    def program(self) -> str:
        """Return the source of a program whose function is called ``main``."""
        keyword = "async def" if self.asynchronous else "def"
        lines = [f"{keyword} main() -> None:"]
        for _ in range(self.chance.choice((1, 1, 2))):
            lines += [f"    {line}" for line in self.scope()]
        lines += [f"    {line}" for line in self.after()]
        return HEAD + "\n".join(lines) + "\n"

    def scope(self) -> Iterator[str]:
        """Yield a Session's work, in a block or closed by hand."""
        session = f"session{len(self.sessions) + 1}"
        self.sessions.append(session)
        maker = ("async_" if self.asynchronous else "") + self.chance.choice(("factory", "keeping"))
        if self.chance.random() < 0.7:
            yield f"{'async ' if self.asynchronous else ''}with {maker}() as {session}:"
            yield from (f"    {line}" for line in self.work(session))
        else:
            yield f"{session} = {maker}()"
            yield from self.work(session)
            yield f"{self.waiting}{session}.close()"

    def work(self, session: str) -> Iterator[str]:
        """Yield a load and what is done to the row while its Session is at hand."""
        loads = not self.users or self.chance.random() < 0.8
        if loads:
            yield self.load(session)
        for _ in range(self.chance.randint(0 if loads else 1, 4)):
            yield self.step(session)

    def load(self, session: str) -> str:
        """Return a statement that binds a row."""
        user = self.chance.choice(("user", "user", "other"))
        if user not in self.users:
            self.users.append(user)
        source = self.chance.choice(LOADS).replace("{await}", self.waiting).replace("{s}", session)
        return f"{user} = {source}"

    def step(self, session: str) -> str:
        """Return a statement on a Session, or on a row, or on both."""
        user, kind = self.chance.choice(self.users), self.chance.random()
        if kind < 0.35:
            name = self.chance.choice(ON_SESSION)
            return f"{'' if name in NOT_AWAITED else self.waiting}{session}.{name}()"
        if kind < 0.55:
            name = self.chance.choice(ON_INSTANCE)
            return f"{'' if name in NOT_AWAITED else self.waiting}{session}.{name}({user})"
        return self.use(user)

    def use(self, user: str) -> str:
        """Return a read or a write."""
        if self.chance.random() < 0.6:
            return self.chance.choice(READS).format(u=user)
        self.names += 1
        return self.chance.choice(WRITES).format(u=user, new=f"name {self.names}")

    def after(self) -> Iterator[str]:
        """Yield what is done to the rows after the Sessions."""
        for _ in range(self.chance.randint(0, 2)):
            yield self.use(self.chance.choice(self.users))


def programs(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield name and source of each program; every second one is asynchronous."""
    for number in range(count):
        chance = random.Random(f"{seed}.{number}")
        yield f"program_{number:04}", Writer(chance, asynchronous=number % 2 == 1).program()
