"""A global that a function binds later is known in other modules, which ask the module for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.check.engines import engine_over

DATABASE = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

class NotReady:
    def __call__(self, **settings):
        raise RuntimeError("call connect() first")

class Keeping:
    def __call__(self, **settings):
        return Session(create_engine("sqlite:///shop.db"), expire_on_commit=False)

make_session = {first}

def connect(url="sqlite:///shop.db"):
    global make_session
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    make_session = {then}
"""
PROGRAM = """
import database
from database import User

def name_of(key):
    with database.make_session() as session:
        user = session.merge(User(id=key, name="ann"))
        session.commit()
    return user.name
"""
STARTED = "import database, program\ndatabase.connect()\n{then}\nprogram.name_of(1)\n"  # is not analysed
READ = [("expired-read-after-close", 9)]


def told(database: str) -> list[tuple[str, int]]:
    """Return hazard and line of each finding in a program of two modules."""
    Path("database.py").write_text(database, encoding="utf-8")
    Path("program.py").write_text(PROGRAM, encoding="utf-8")
    analyser = engine_over("database.py", "program.py")
    return [(finding.hazard, finding.line) for finding in analyser.analyse("program.py").findings]


def error_of_program(then: str = "") -> str:
    """Return the name of the error that ends the program; "" if none does."""
    command = [sys.executable, "-c", STARTED.format(then=then)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    return ran.stderr.strip().rpartition("\n")[2].partition(":")[0]


@pytest.mark.parametrize("first", ["None", "NotReady()"])
def test_what_a_function_binds_is_known_in_other_modules(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    ``database.make_session`` is what ``connect()`` makes, where it was None or an object that stands in for it.
    """
    monkeypatch.chdir(tmp_path)
    found = told(DATABASE.format(first=first, then="sessionmaker(engine)"))

    assert (READ, "sqlalchemy.orm.exc.DetachedInstanceError") == (found, error_of_program())


@pytest.mark.parametrize(
    "then", ["sessionmaker(engine, expire_on_commit=False)", "Keeping()", "make_session"]
)
def test_what_does_not_expire_is_not_told(then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A maker whose Sessions do not expire, and an object that takes the place of another, are silent.
    """
    monkeypatch.chdir(tmp_path)
    found = told(DATABASE.format(first="Keeping()", then=then))

    assert ([], "") == (found, error_of_program())


def test_of_two_functions_that_bind_it_neither_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Which of them was called last only the running program knows.
    """
    monkeypatch.chdir(tmp_path)
    database = DATABASE.format(first="NotReady()", then="sessionmaker(engine)")
    database += "\ndef keep():\n    global make_session\n    make_session = Keeping()\n"
    found = told(database)

    assert ([], "") == (found, error_of_program("database.keep()"))
