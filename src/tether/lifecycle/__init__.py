"""What each call of SQLAlchemy and of frameworks does to a Session and its instances, as data.

``rows.py`` has the words, the TOML files beside it the facts. Nothing here imports SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from tether.lifecycle.gathering import gathered, joined
from tether.lifecycle.own_rows import read_rows
from tether.lifecycle.rows import Table

__all__ = ["joined", "read_rows", "table"]

_HERE = Path(__file__).parent


def table(packages: Collection[str] | None = None) -> Table:
    """Return everything that is known, from memory after the first time.

    Args:
        packages: Top-level packages the program imports. Rows of other frameworks are left out then, which saves
            reading their files; those of SQLAlchemy and of Python itself are always there. None: all rows.
    """
    names = frozenset(path.stem for path in (_HERE / "frameworks").glob("*.toml"))
    return _table(names if packages is None else names & {"python", *packages})


@cache
def _table(frameworks: frozenset[str]) -> Table:
    """Return SQLAlchemy's rows and those of *frameworks*, names of files."""
    files = sorted((_HERE / "sqlalchemy").glob("*.toml"))
    files += [_HERE / "frameworks" / f"{name}.toml" for name in sorted(frameworks)]
    return gathered(file.read_text(encoding="utf-8") for file in files)
