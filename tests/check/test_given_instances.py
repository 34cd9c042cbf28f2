"""In which Session an instance is that a coroutine is given, and what is told of a function that is too large."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.engines import findings_in
from tether.core.finding import Finding

SHOP = """
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

make_session = async_sessionmaker(expire_on_commit=False)

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

async def get_db():
    async with make_session() as session:
        yield session

async def get_other_db():
    async with make_session() as session:
        yield session

async def current_user(db: AsyncSession = Depends(get_db)) -> User: ...

def admin(right: str):
    async def dependency(user: User = Depends(current_user)) -> User:
        return user
    return dependency

async def detached_user() -> User:
    async with make_session() as session:
        return await session.get(User, 1)
"""
ROUTE = """
async def route(user: User = Depends({user}), db: AsyncSession = Depends({db})):
    await db.rollback()
    print(user.id)
"""


def rollbacks_in(source: str) -> list[Finding]:
    """Return what the analyser finds in a program that is not run."""
    Path("program.py").write_text(source, encoding="utf-8")
    found = findings_in("program.py")
    return [finding for finding in found if finding.hazard == "read-after-rollback"]


@pytest.mark.parametrize(
    ("user", "db", "severities"),
    [
        ("current_user", "get_db", ["warning"]),
        ("admin('write')", "get_db", ["warning"]),
        ("current_user", "get_other_db", []),
        ("detached_user", "get_db", []),
        ("somebody.elses", "get_db", []),
    ],
)
def test_a_dependency_is_in_the_session_that_it_depends_on_itself(
    user: str, db: str, severities: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    One request opens one Session for each dependency that opens one, so an instance is in that of its own dependency.
    """
    monkeypatch.chdir(tmp_path)

    found = rollbacks_in(SHOP + ROUTE.format(user=user, db=db))

    assert [finding.severity for finding in found] == severities


def test_a_function_that_is_too_large_is_told_of_as_far_as_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is wrong in the beginning of a function is reported however long the rest of it is.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tether.check.interpreting.interpreter.MOST_OPS", 60)
    function = """
async def rename(user: User, db: AsyncSession, name: str):
    if not name:
        await db.rollback()
        print(user.id)
"""

    found = rollbacks_in(SHOP + function + "    print(name)\n" * 60)

    assert len(found) == 1


def test_a_rollback_behind_many_handlers_is_still_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    However many errors were caught before, the ways on which the Session was rolled back are looked at too.
    """
    monkeypatch.chdir(tmp_path)
    function = """
async def rename(user: User, db: AsyncSession, name: str):
"""
    handler = "    try:\n        name.ask()\n    except ValueError:\n        tell(name)\n"
    end = "    if name:\n        tell(name)\n    else:\n        await db.rollback()\n    print(user.id)\n"

    found = rollbacks_in(SHOP + function + handler * 6 + end)

    assert len(found) == 1
