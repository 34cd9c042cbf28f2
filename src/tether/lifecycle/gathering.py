"""Many files, one table."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tether.lifecycle import reading
from tether.lifecycle.rows import ROLES, Option, Returns, Row, Table


def gathered(texts: Iterable[str]) -> Table:
    """Return the table that the TOML files with *texts* make together."""
    files = [tomllib.loads(text) for text in texts]
    tables = [read(file) for file in files]
    table = Table(
        rows={name: rows for one in tables for name, rows in one.rows.items()},
        sources=tuple(source for one in tables for source in one.sources),
        aliases={name: of for one in tables for name, of in one.aliases.items()},
        bases={name: of for one in tables for name, of in one.bases.items()},
        options={name: options for one in tables for name, options in one.options.items()},
        mappings=tuple(mapping for one in tables for mapping in one.mappings),
    )
    for mirror in _in_order([mirror for file in files for mirror in file.get("mirror", ())]):
        for row in _mirrored(table, mirror):
            table.rows.setdefault(row.on[0], (row,))
    return table


def read(file: Mapping[str, Any]) -> Table:
    """Return the table that one file, or what a user wrote, spells.

    Raises:
        SettingError: An effect or what is returned cannot be read.
    """
    prefix, package = file.get("prefix", ""), file.get("package", "sqlalchemy")
    rows: dict[str, tuple[Row, ...]] = {}
    for role in ROLES:
        for spelled in file.get(role, ()):
            on = tuple(f"{prefix}{name}" if name.startswith(".") else name for name in spelled["on"])
            row = reading.row(role, {"package": package, **spelled, "on": on})
            for name in on:
                rows[name] = (*rows.get(name, ()), row)
    options: dict[str, tuple[Option, ...]] = {}
    for option in map(reading.option, file.get("option", ())):
        for name in option.on:
            options[name] = (*options.get(name, ()), option)
    return Table(
        rows=rows,
        sources=tuple(map(reading.source, file.get("source", ()))),
        aliases=dict(file.get("aliases", {})),
        bases={name: tuple(bases) for name, bases in file.get("bases", {}).items()},
        options=options,
        mappings=tuple(map(reading.mapping, file.get("mapping", ()))),
    )


def joined(first: Table, second: Table) -> Table:
    """Return both; where both have rows for a name, those of *second*."""
    return Table(
        rows={**first.rows, **second.rows},
        sources=(*first.sources, *second.sources),
        aliases={**first.aliases, **second.aliases},
        bases={**first.bases, **second.bases},
        options={**first.options, **second.options},
        mappings=(*first.mappings, *second.mappings),
    )


def _in_order(mirrors: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return *mirrors*, those first whose own class mirrors nothing."""
    mirrored = {mirror["on"] for mirror in mirrors}
    return sorted(mirrors, key=lambda mirror: mirror["of"] in mirrored)


def _mirrored(table: Table, mirror: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of a class whose members do what those of another class do.

    ``plain`` names the members that are the same, ``awaited`` those that must be awaited.
    """
    for key in ("plain", "awaited"):
        for name in mirror.get(key, ()):
            (row,) = table.rows[f"{mirror['of']}.{name}"]
            returns = row.returns
            if key == "awaited":
                returns = replace(returns or Returns(kind="value"), awaited=True)
            session = mirror.get("session", row.session)
            yield replace(row, on=(f"{mirror['on']}.{name}",), returns=returns, session=session)
