"""docs/testing.md, word for word, on models that are not ours."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "testing.md"
SHOP = """
from __future__ import annotations

import enum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(8), unique=True)
    books: Mapped[list[Book]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    isbn: Mapped[str] = mapped_column(String(13), primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    title: Mapped[str] = mapped_column(String(100))
    shelf: Mapped[str] = mapped_column(String(5))
    size: Mapped[Size]
    revision: Mapped[int] = mapped_column()
    author: Mapped[Author] = relationship(back_populates="books")
    __mapper_args__ = {"version_id_col": revision}
    __table_args__ = (UniqueConstraint("title", "shelf"),)
"""


def blocks() -> list[str]:
    """Return the Python code of the page, in order."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def shop(pytester: pytest.Pytester) -> pytest.Pytester:
    """
    A project with models of its own.
    """
    (pytester.path / "shop").mkdir()
    (pytester.path / "shop" / "__init__.py").touch()
    (pytester.path / "shop" / "models.py").write_text(SHOP)
    return pytester


@pytest.mark.parametrize(
    "chosen, at_least",
    [("books and document", 30), pytest.param("", 300, marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_with_pytest(shop: pytest.Pytester, chosen: str, at_least: int) -> None:
    """
    The test file of the page makes many tests, and all of them pass.
    """
    shop.makepyfile(test_conformance=blocks()[0])

    result = shop.runpytest_subprocess("-q", "-k", chosen, "-p", "no:cacheprovider", "-p", "no:xdist")

    outcomes = result.parseoutcomes()
    assert set() == outcomes.keys() - {"passed", "deselected", "warnings"}
    assert outcomes["passed"] > at_least


def test_with_unittest(shop: pytest.Pytester) -> None:
    """
    The test case of the page passes, and pytest is not imported.
    """
    shop.makepyfile(test_conformance=blocks()[1])
    (shop.path / "run.py").write_text(
        "import sys, unittest\n"
        "unittest.main(module='test_conformance', exit=False)\n"
        "assert 'pytest' not in sys.modules, 'pytest was imported'\n"
    )

    result = shop.run(sys.executable, "run.py")

    assert 0 == result.ret
    result.stderr.fnmatch_lines(["Ran 1 test in *", "OK"])


def test_reasons_can_be_printed(shop: pytest.Pytester) -> None:
    """
    The loop over what is left out prints a line for each.
    """
    code = blocks()[0].partition("@pytest")[0] + blocks()[2]
    (shop.path / "run.py").write_text(code)

    result = shop.run(sys.executable, "run.py")

    result.stdout.fnmatch_lines(["Book.revision: SQLAlchemy counts the versions"])
