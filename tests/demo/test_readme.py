"""What the README shows of carry is what it does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

import tether
from tether.demo.shop import Base, Order, fill_shop, open_shop

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks() -> list[str]:
    """Return the code blocks of the section."""
    section = README.read_text().partition("\n## Take data out and bring it home\n")[2].partition("\n## ")[0]
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path) -> Engine:
    """
    The shop of the story.
    """
    fill_shop(tmp_path / "shop.sqlite")
    return open_shop(tmp_path / "shop.sqlite")


def test_example_prints_the_diff(shop: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The example runs as it stands, and prints the diff that stands below it.
    """
    code, diff, _conflict = blocks()

    exec(code, {"tether": tether, "Session": Session, "engine": shop, "Order": Order, "Base": Base})

    assert diff == capsys.readouterr().out
    with Session(shop) as session:
        assert "wrapped" == session.get(Order, 2).status
    shop.dispose()


def test_example_with_a_colleague(shop: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """
    With a colleague who comes first it prints the conflict, and raises it.
    """
    code, _diff, conflict = blocks()
    namespace = {"tether": tether, "Session": Session, "engine": shop, "Order": Order, "Base": Base}
    out, home = code.split("with Session(engine) as session:\n    print")
    exec(out, namespace)
    with Session(shop) as session, session.begin():
        session.execute(update(Order).where(Order.id == 2).values(status="packed"))

    with pytest.raises(tether.ConflictError):
        exec("with Session(engine) as session:\n    print" + home, namespace)

    assert conflict == capsys.readouterr().out
    shop.dispose()
