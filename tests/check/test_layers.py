"""Programs in layers: what a view reads was loaded by a repository that it has never heard of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.check.engines import findings_in

FILES = {
    "models.py": """
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    orders: Mapped[list["Order"]] = relationship()

class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
""",
    "repository.py": """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from models import Base, User

engine = create_engine("sqlite:///shop.db")
Base.metadata.create_all(engine)
make_session = sessionmaker(engine)

class Users:
    def __init__(self, factory=make_session):
        self.factory = factory

    def one(self, key):
        with self.factory.begin() as work:
            work.merge(User(id=key))
        with self.factory() as work:
            return work.get(User, key)
""",
    "services.py": """
from repository import Users

users = Users()

def customer(key):
    return users.one(key)
""",
    "views.py": """
import services

def page(key):
    user = services.customer(key)
    return {read}

def start():
    print(page(1))

if __name__ == "__main__":
    start()
""",
}


def written(read: str) -> None:
    """Write the program, whose view reads something."""
    for name, text in FILES.items():
        Path(name).write_text(text.replace("{read}", read), encoding="utf-8")


def error_of_program() -> str:
    """Return the name of the error that ends the program; "" if none does."""
    ran = subprocess.run([sys.executable, "views.py"], check=False, capture_output=True, text=True)
    return ran.stderr.strip().rpartition("\n")[2].partition(":")[0]


@pytest.mark.parametrize(
    ("read", "expected", "error"),
    [
        ("len(user.orders)", [("lazy-load-after-close", 6)], "sqlalchemy.orm.exc.DetachedInstanceError"),
        ("user.id", [], ""),
    ],
)
def test_a_view_that_names_no_session_is_looked_at(
    read: str, expected: list[tuple[str, int]], error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The functions of a file are followed into those of others, whatever names it uses and modules it imports.
    """
    monkeypatch.chdir(tmp_path)
    written(read)
    found = findings_in("views.py", [name for name in FILES if name != "views.py"])

    assert (expected, error) == ([(finding.hazard, finding.line) for finding in found], error_of_program())
