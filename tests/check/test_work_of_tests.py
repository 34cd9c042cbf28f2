"""Work that a test leaves uncommitted, and what a test reads once the program has rolled back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.engines import findings_in

SHOP = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)


engine = create_engine("sqlite://")


def use() -> None:
    with Session(engine) as session:
        session.add(User())
        session.flush()
"""


@pytest.mark.parametrize(
    ("file", "function", "severity"),
    [
        ("shop.py", "fill", "error"),
        ("shop.py", "test_users", "hint"),
        ("test_shop.py", "fill", "hint"),
        ("conftest.py", "fill", "hint"),
        ("tests/filling.py", "fill", "hint"),
        ("contests/filling.py", "fill", "error"),
    ],
)
def test_a_test_may_leave_nothing_behind(
    file: str, function: str, severity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Uncommitted work is an error in a program and a hint in its tests, which are often meant to undo it.
    """
    monkeypatch.chdir(tmp_path)
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(SHOP.replace("use", function), encoding="utf-8")
    (Path(file).parent / "__init__.py").touch()

    found = findings_in(file)

    assert [(finding.hazard, finding.severity) for finding in found] == [("never-committed", severity)]


PAGES = """
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase): ...


class Page(Base):
    __tablename__ = "page"
    id: Mapped[int] = mapped_column(primary_key=True)


async def add(session: AsyncSession) -> None:
    try:
        session.add(Page())
        await session.commit()
    except IntegrityError:
        await session.rollback()
"""
READS = """
from pages import Page, add
from sqlalchemy.ext.asyncio import AsyncSession


async def show(session: AsyncSession) -> None:
    page = await session.get_one(Page, 1)
    await add(session)
    print(page.id)
"""


@pytest.mark.parametrize(("file", "severity"), [("shop.py", "error"), ("test_shop.py", "hint")])
def test_a_test_that_passes_does_not_see_the_program_roll_back(
    file: str, severity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A row that a rollback in a handler of the program has expired is read: an error in a program, a hint in its tests.
    """
    monkeypatch.chdir(tmp_path)
    Path("pages.py").write_text(PAGES, encoding="utf-8")
    Path(file).write_text(READS, encoding="utf-8")

    found = findings_in(file, ["pages.py"])

    assert [("read-after-rollback", severity)] == [(finding.hazard, finding.severity) for finding in found]


CHANGES = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


engine = create_engine("sqlite://")


def rename() -> None:
    with Session(engine) as session:
        user = session.get_one(User, 1)
        user.name = "Ada"
"""


@pytest.mark.parametrize(("file", "severity"), [("shop.py", "error"), ("test_shop.py", "hint")])
def test_a_test_may_drop_a_change(
    file: str, severity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A change that the end of a Session drops is an error in a program, and a hint in a test.
    """
    monkeypatch.chdir(tmp_path)
    Path(file).write_text(CHANGES, encoding="utf-8")

    found = findings_in(file)

    assert [("change-discarded", severity)] == [(finding.hazard, finding.severity) for finding in found]
