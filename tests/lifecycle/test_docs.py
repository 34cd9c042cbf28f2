"""docs/lifecycle.md: its example is read as a pyproject.toml, and its tables list what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tether.core.config import read_config
from tether.lifecycle import read_rows, reading, table
from tether.lifecycle.rows import ROLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    """Return the examples of the page."""
    return re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def first_column(heading: str) -> list[str]:
    """Return the words in the first column of the table with *heading*."""
    section = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [word for line in section.splitlines()[2:] for word in re.findall(r"`(\w+)`", line.split("|")[1])]


def test_example_is_read(tmp_path: Path) -> None:
    """
    The example, as a pyproject.toml, gives the rows it promises.
    """
    (tmp_path / "pyproject.toml").write_text(blocks()[1], encoding="utf-8")
    own = read_rows(read_config(tmp_path, ()).lifecycle)

    assert ["shop.storage.save", "shop.storage.unit_of_work"] == sorted(own.rows)
    assert ("shop.storage.Tx",) == own.sources[0].annotations
    assert {"shop.Session": "sqlalchemy.orm.Session"} == own.aliases


def test_row_that_is_shown() -> None:
    """
    The row at the top of the page is the one in the table.
    """
    shown = read_rows(tomllib.loads(blocks()[0])).rows["sqlalchemy.orm.Session.commit"][0]
    known = table().rows["sqlalchemy.orm.Session.commit"][0]

    assert (known.effects, known.raises, known.why) == (shown.effects, shown.raises, shown.why)


def test_tables_are_complete() -> None:
    """
    The tables of the page list every table and every key that a user may write.
    """
    assert {*ROLES, "source", "aliases", "bases"} == set(first_column("table"))
    assert set(reading.ROW_KEYS) == set(first_column("key of a row"))
