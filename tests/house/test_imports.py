"""The reader of imports that test_architecture.py stands on: it must see what it is there to see."""

from __future__ import annotations

import ast

import pytest

from tests.imports import Import, imports_of
from tests.test_architecture import forbidden, private_uses

IN_CHECKING = "if TYPE_CHECKING:\n    from tether.watch import Report\nelse:\n    import os"
IN_FUNCTION = "def main():\n    from tether.watch import Report"


def read(source: str, module: str = "tether.core.finding") -> list[Import]:
    """Return the imports of *source* as if it were the text of *module*."""
    return list(imports_of(module, ast.parse(source)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import sqlalchemy.orm", ["sqlalchemy.orm"]),
        ("import os, tether.watch.site as site", ["os", "tether.watch.site"]),
        ("from tether.core import finding", ["tether.core.finding"]),
        ("from tether.core.finding import Place, Finding", ["tether.core.finding"] * 2),
        (IN_FUNCTION, ["tether.watch"]),
        (IN_CHECKING, ["tether.watch", "os"]),
        ("import_module('sqlalchemy.orm')", ["sqlalchemy.orm"]),
    ],
)
def test_each_way_to_import_is_seen(source: str, expected: list[str]) -> None:
    """
    Every spelling of an import gives the module that is imported; a name inside a module of ours is left out.
    """
    assert expected == [found.imported for found in read(source)]


def test_imports_for_the_type_checker_are_told_apart() -> None:
    """
    What stands in `if TYPE_CHECKING` is for types; what stands in its `else` is not.
    """
    assert [True, False] == [found.for_types for found in read(IN_CHECKING)]


def test_imports_inside_functions_are_told_apart() -> None:
    """
    An import inside a function is lazy.
    """
    assert [True] == [found.lazy for found in read(IN_FUNCTION)]


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("tether.core.finding", "import tether.errors", []),
        ("tether.core.finding", IN_CHECKING, [True]),
        ("tether.watch.site", "import tether.report.text", [True]),
        ("tether.watch.run", "import tether.report.text", []),
        ("tether.errors", "from tether.core.finding import Finding", [True]),
    ],
)
def test_the_table_and_its_exceptions_are_applied(module: str, source: str, expected: list[bool]) -> None:
    """
    An import is refused exactly if neither the table nor an exception allows it.
    """
    assert expected == [True for found in read(source, module) if forbidden(found)]


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy.orm.state import _private",
        "import sqlalchemy.orm._orm_constructors",
        "from sqlalchemy.orm import Session\nSession._close_impl",
        "import sqlalchemy as sa\nsa.orm.session._state_session",
        "def hook(state): return state._some_private_name",
        "getattr(state, '_some_private_name', None)",
    ],
)
def test_private_names_of_others_are_seen(source: str) -> None:
    """
    A private name that is not ours is seen when it is imported, read, or named for getattr().
    """
    assert [] != list(private_uses("tether.watch.somewhere", ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys._getframe(1)",
        "row._mapping['id']",
        "instance.__dict__",
        "state._tether_made",
    ],
)
def test_private_names_that_are_nobodys_secret_are_left_alone(source: str) -> None:
    """
    Names of the standard library, documented ones, magic ones and tether's own marks are left alone.
    """
    assert [] == list(private_uses("tether.watch.somewhere", ast.parse(source)))
