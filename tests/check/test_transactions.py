"""What ends with a transaction of the package ``transaction``: the Session that zope.sqlalchemy has joined to it.

The packages are not installed here. What each program says was seen by running it with zope.sqlalchemy 4.1,
transaction 5.1 and SQLAlchemy 2.1.9.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.engines import engine_over

DATABASE = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker
from zope.sqlalchemy import register

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

DBSession = scoped_session(sessionmaker(create_engine("sqlite:///shop.db")))
register(DBSession)
"""
BEGINNING = "import transaction\nfrom database import DBSession, User\n\ndef work():\n"
RAISING = {
    "a new row": """
        user = User(name="ann")
        DBSession.add(user)
        transaction.commit()
        return user.id
    """,
    "a row that was only read": """
        user = DBSession.get(User, 1)
        transaction.commit()
        return user.name
    """,
    "behind the block": """
        with transaction.manager:
            user = DBSession.get(User, 1)
        return user.name
    """,
}
SILENT = {
    "abort() detaches and does not expire": """
        user = DBSession.get(User, 1)
        transaction.abort()
        return user.name
    """,
    "read before the commit": """
        user = DBSession.get(User, 1)
        name = user.name
        transaction.commit()
        return name
    """,
    "loaded again after the commit": """
        user = DBSession.get(User, 1)
        transaction.commit()
        user = DBSession.get(User, 1)
        return user.name
    """,
    "read inside the block": """
        with transaction.manager:
            user = DBSession.get(User, 1)
            return user.name
    """,
    "merged into the next transaction": """
        user = User(id=1, name="ann")
        DBSession.add(user)
        transaction.commit()
        user = DBSession.merge(user)
        return user.name
    """,
    "the block before was left by itself": """
        user = DBSession.get(User, 1)
        with transaction.manager:
            DBSession.add(User(name="bob"))
        return user.name
    """,
}


def hazards_in(body: str, database: str = DATABASE) -> list[str]:
    """Return the hazards that the analyser finds in a function of a program that is not run."""
    Path("database.py").write_text(database, encoding="utf-8")
    Path("program.py").write_text(BEGINNING + body.replace("\n        ", "\n    "), encoding="utf-8")
    analyser = engine_over("database.py", "program.py")
    return [finding.hazard for finding in analyser.analyse("program.py").findings]


@pytest.mark.parametrize("body", RAISING.values(), ids=RAISING)
def test_a_row_is_read_after_its_transaction(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    ``transaction.commit()`` expires the rows of the registered Session and closes it.
    """
    monkeypatch.chdir(tmp_path)

    assert hazards_in(body) == ["expired-read-after-close"]


@pytest.mark.parametrize("body", SILENT.values(), ids=SILENT)
def test_a_row_that_can_be_read(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What was read before, or loaded since, is no finding.
    """
    monkeypatch.chdir(tmp_path)

    assert hazards_in(body) == []


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("register(DBSession)", "register(DBSession, keep_session=True)"),
        ("create_engine(", "bind=create_engine("),
        ("from zope.sqlalchemy import register", "register = print"),
        ("register(DBSession)", "register(DBSession)\nOther = scoped_session(sessionmaker())"),
        ('db")))', 'db"), expire_on_commit=False))'),
    ],
    ids=["kept", "a name for the bind", "not registered", "one of two registries", "not expired"],
)
def test_which_session_it_is(
    written: str, instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nothing is said of a Session that stays open, is not registered, or may be another one.
    """
    monkeypatch.chdir(tmp_path)
    expected = ["expired-read-after-close"] if instead.startswith("bind") else []

    assert hazards_in(RAISING["a new row"], DATABASE.replace(written, instead)) == expected
