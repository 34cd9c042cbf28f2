"""What only the running program decides, a module's name or a setting, does not end what the analyser looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.engines import findings_in

SHOP = """
from importlib import import_module
from pydantic_settings import BaseSettings
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

class Settings(BaseSettings):
    payments: bool = False
    VERSION = ""

    def takes_payments(self) -> bool:
        return self.payments

settings = Settings()

async def find_user(db: AsyncSession) -> User:
    return await db.get_one(User, 1)

async def rename(db: AsyncSession):
"""
FAILING = """
    user = await {find}(db)
    await db.rollback()
    print(user.id)
"""


def hazards_in(source: str) -> list[str]:
    """Return the hazards that the analyser finds in a program that is not run."""
    Path("program.py").write_text(source, encoding="utf-8")
    found = findings_in("program.py")
    return [finding.hazard for finding in found]


@pytest.mark.parametrize("name", ["program", "nowhere"])
def test_a_module_that_is_imported_by_its_literal_name_is_known(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    ``import_module("shop.users")`` gives the module of the project; of one that is not there nothing is known.
    """
    monkeypatch.chdir(tmp_path)
    function = f"    module = import_module({name!r})\n" + FAILING.format(find="module.find_user")

    assert hazards_in(SHOP + function) == (["read-after-rollback"] if name == "program" else [])


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("settings.takes_payments()", ["read-after-rollback"]),
        ("settings.payments", ["read-after-rollback"]),
        ("settings.VERSION", []),
    ],
)
def test_a_declared_setting_may_be_another_than_its_default(
    test: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What is behind a switch that is off by default is looked at, as the environment or a file may turn it on.
    """
    monkeypatch.chdir(tmp_path)
    function = f"    if not {test}:\n        return\n" + FAILING.format(find="find_user")

    assert hazards_in(SHOP + function) == found
