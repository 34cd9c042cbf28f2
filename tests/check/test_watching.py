"""What an editor shows of the variable under the cursor."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.check.engines import engine_over

MODELS = """\
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

engine = create_engine("sqlite://")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship()


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
"""
HEAD = "from models import *\nfrom models import engine, Order, Session, AsyncSession, User, select\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models.py").write_text(MODELS, encoding="utf-8")


def known(body: str) -> str | None:
    """Return what is known at the ``|`` in a module."""
    text = HEAD + dedent(body)
    before, _, after = text.partition("|")
    Path("shop.py").write_text(before + after, encoding="utf-8")
    engine = engine_over("models.py", "shop.py")
    line = before.count("\n") + 1
    return engine.states("shop.py", line, len(before.splitlines()[-1]) + 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            """\
            def show():
                with Session(engine) as session:
                    us|er = session.get(User, 1)
            """,
            "user: User, persistent, not loaded: orders",
        ),
        (
            """\
            def show():
                with Session(engine) as session:
                    user = session.get(User, 1)
                    user.name = "Ada"
                    print(us|er)
            """,
            "user: User, persistent, not loaded: orders, not flushed: name",
        ),
        (
            """\
            def show():
                with Session(engine) as session:
                    user = session.get(User, 1)
                return |user.name
            """,
            "user: User, detached since line 4, not loaded: orders",
        ),
        (
            """\
            def show():
                with Session(engine) as session, session.begin():
                    user = session.get(User, 1)
                return user|.name
            """,
            None,  # the dot is no variable
        ),
        (
            """\
            def show():
                with Session(engine) as session, session.begin():
                    user = session.get(User, 1)
                return use|r.name
            """,
            "user: User, detached since line 4, expired since line 4",
        ),
        (
            """\
            def end(session):
                session.rollback()

            async def show(session: AsyncSession):
                user = await session.get(User, 1)
                await session.rollback()
                return u|ser
            """,
            "user: User, persistent, expired since line 8",
        ),
        (
            """\
            def show():
                session = Session(engine)
                session.add(User(name="Ada"))
                |session.flush()
            """,
            "session: Session, open, not committed since line 5",
        ),
        (
            """\
            def show():
                session = Session(engine)
                user = User(name="Ada")
                session.close()
                return |user, session
            """,
            "user: User, transient, in no Session",
        ),
        (
            """\
            def show():
                with Session(engine) as session:
                    users = session.scalars(select(User)).all()
                return |users
            """,
            "users: list of User, detached since line 4, not loaded: orders",
        ),
        ("def show(number):\n    return num|ber\n", None),
        ("us|er = 1\n", None),
    ],
)
def test_what_is_known(body: str, expected: str | None) -> None:
    """
    The class, the state and since when, and what is not loaded; nothing where nothing is known.
    """
    assert expected == known(body)


def test_a_file_that_does_not_parse() -> None:
    """
    Nothing is known there.
    """
    assert None is known("def show(:\n    return us|er\n")


def test_the_line_is_one_of_this_file() -> None:
    """
    What a function of another module did is told with the line that called it.
    """
    Path("ends.py").write_text("def end(session):\n    session.close()\n", encoding="utf-8")
    body = """\
    from ends import end

    def show():
        session = Session(engine)
        user = session.get(User, 1)
        end(session)
        return |user
    """

    assert "user: User, detached since line 8, not loaded: orders" == known(body)
