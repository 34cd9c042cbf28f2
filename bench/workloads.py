"""What is timed. Each workload is a function that makes everything ready and returns the part to be timed.

The first nine are those of the feasibility study that set the targets; the last three were added to it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.shop import THINGS, Shop, Thing, User

Workload = Callable[[Shop], Callable[[], None]]

SMALL_QUERIES = 1_000
_fresh = count()


def load1000(shop: Shop) -> Callable[[], None]:
    """Load 1000 rows and close."""

    def run() -> None:
        session = Session(shop.engine)
        session.scalars(select(User)).all()
        session.close()

    return run


def request(shop: Shop) -> Callable[[], None]:
    """Thirty times: open a Session, get one row, read five attributes, close."""

    def run() -> None:
        for _ in range(30):
            with Session(shop.engine) as session:
                user = session.get_one(User, 5)
                _ = user.id, user.name, user.nick, user.name, user.nick

    return run


def reads(shop: Shop) -> Callable[[], None]:
    """Read a loaded attribute of a persistent instance 30,000 times."""

    def run() -> None:
        user = shop.user
        for _ in range(30_000):
            user.name  # noqa: B018

    return run


def dreads(shop: Shop) -> Callable[[], None]:
    """Read a loaded attribute of a detached instance 20,000 times."""
    user = _detached(shop)

    def run() -> None:
        for _ in range(20_000):
            user.name  # noqa: B018

    return run


def dreads_commit(shop: Shop) -> Callable[[], None]:
    """The same, after another Session has committed: the value read may be outdated."""
    user = _detached(shop)
    with Session(shop.engine) as session:
        session.get_one(User, 7).nick = f"c{next(_fresh)}"
        session.commit()

    def run() -> None:
        for _ in range(20_000):
            user.name  # noqa: B018

    return run


def writes(shop: Shop) -> Callable[[], None]:
    """Set an attribute of 200 persistent instances ten times each, then roll back."""

    def run() -> None:
        with Session(shop.engine) as session:
            users = session.scalars(select(User).limit(200)).all()
            for number in range(10):
                for user in users:
                    user.name = str(number)
            session.rollback()

    return run


def flushw(shop: Shop) -> Callable[[], None]:
    """Change 100 rows and commit."""
    nick = f"f{next(_fresh)}"

    def run() -> None:
        with Session(shop.engine) as session:
            for user in session.scalars(select(User).limit(100)).all():
                user.nick = nick
            session.commit()

    return run


def commit_exp(shop: Shop) -> Callable[[], None]:
    """Commit a Session that holds 1000 instances: each is expired."""

    def run() -> None:
        with Session(shop.engine) as session:
            users = session.scalars(select(User)).all()
            session.commit()
            del users

    return run


def construct(shop: Shop) -> Callable[[], None]:
    """Make, add and flush 300 new instances, then roll back."""

    def run() -> None:
        with Session(shop.engine) as session:
            for _ in range(300):
                session.add(User(name="c", nick="d"))
            session.flush()
            session.rollback()

    return run


def lazy(shop: Shop) -> Callable[[], None]:
    """Load a collection lazily for each of 60 instances."""

    def run() -> None:
        with Session(shop.engine) as session:
            for user in session.scalars(select(User).limit(60)).all():
                user.posts  # noqa: B018

    return run


def big_query(shop: Shop) -> Callable[[], None]:
    """Load 50,000 rows with one query, read five attributes of each, close."""

    def run() -> None:
        with Session(shop.engine) as session:
            for thing in session.scalars(select(Thing)).all():
                _ = thing.id, thing.a, thing.b, thing.c, thing.e

    return run


def small_queries(shop: Shop) -> Callable[[], None]:
    """Load one row by primary key 1000 times in one Session, each a row not seen before."""

    def run() -> None:
        with Session(shop.engine) as session:
            for number in range(SMALL_QUERIES):
                session.scalars(select(Thing).where(Thing.id == 1 + number * 7 % THINGS)).one()

    return run


def _detached(shop: Shop) -> User:
    """Return a User with loaded columns that a close detached."""
    with Session(shop.engine) as session:
        return session.get_one(User, 4)


WORKLOADS: dict[str, Workload] = {
    workload.__name__: workload
    for workload in (
        *(load1000, request, reads, dreads, writes, flushw, commit_exp, construct, lazy),
        *(dreads_commit, big_query, small_queries),
    )
}
