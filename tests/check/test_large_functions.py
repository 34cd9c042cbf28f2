"""What a call costs at most, so that what comes behind it is looked at as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tether.check.analysis import read_file
from tether.check.syntax import make_analyser
from tether.core.config import Config

MODELS = """
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


async def describe(session: AsyncSession, user: User, place: str) -> str:
    text = place
{steps}
    return text


async def greet(session: AsyncSession) -> None:
    user = await session.get(User, 1)
{calls}
    await session.rollback()
    print(user.name)
"""


@pytest.mark.parametrize("steps", [10, 150], ids=["short", "long"])
def test_what_comes_behind_a_call_is_looked_at_however_long_it_is(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A function that is called is not followed for so long that nothing is left for what comes behind it.
    """
    monkeypatch.chdir(tmp_path)
    step = "    text += user.name if text == place else place\n"
    call = "    try:\n        print(await describe(session, user, {0}))\n    except Exception:\n        print({0})\n"
    calls = "".join(call.format(number) for number in range(10))
    source = MODELS.format(steps=step * steps, calls=calls)
    Path("app.py").write_text(source, encoding="utf-8")
    findings = make_analyser(["app.py"], str(tmp_path), Config(), read_file).analyse("app.py").findings

    assert [(source.splitlines().index("    print(user.name)") + 1, "read-after-rollback")] == [
        (found.line, found.hazard) for found in findings
    ]
