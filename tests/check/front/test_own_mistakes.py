"""A mistake of the engine's own costs one function, not the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.check.front.projects import put
from tether.check.front.run import Options, run
from tether.check.interpreting.interpreter import STEPS
from tether.check.lowering import ops
from tether.check.syntax import make_analyser

pytestmark = pytest.mark.usefixtures("project")

SHOP = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine("sqlite://")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def first() -> str:
    with Session(engine) as session, session.begin():
        user = session.get_one(User, 1)
    return user.name


def second() -> str:
    with Session(engine) as session, session.begin():
        user = session.get_one(User, 2)
    return user.name
"""


@pytest.fixture
def _fails_in_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine cannot cope with a call in one of the functions."""
    works = STEPS[ops.Call]

    def fails(interpreter: Any, activation: Any, op: Any, state: Any) -> Any:
        if activation.body.name == "first":
            raise KeyError("no such thing")
        return works(interpreter, activation, op, state)

    monkeypatch.setitem(STEPS, ops.Call, fails)


@pytest.mark.usefixtures("_fails_in_first")
def test_the_rest_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The function is named with the error, in this run and in the next one; the others' findings are there.
    """
    put("shop.py", SHOP)

    for _ in range(2):
        assert 1 == run([], Options(), make_analyser)
        out, err = capsys.readouterr()
        assert "shop.py:26:12 expired-read-after-close" in out
        assert "1 finding: 1 error" in out
        assert err.startswith("tether: shop.py:17 first: KeyError: 'no such thing' (test_own_mistakes.py:")
        assert err.endswith("): a mistake of tether's own, please report it; the rest is checked\n")
