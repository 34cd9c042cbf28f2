"""Comparing what was seen with what the table says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import sqlalchemy
from sqlalchemy.orm import Session

from tests.lifecycle.evaluate import Call, World, after
from tests.lifecycle.world import QUERIED, Seen, Thing, look
from tether.lifecycle import table
from tether.lifecycle.rows import Effect, Returns, Row

VERSION = tuple(int(part) for part in sqlalchemy.__version__.split(".")[:3] if part.isdigit())


def version(text: str) -> tuple[int, ...]:
    """Return a version that can be compared."""
    return tuple(int(part) for part in text.split("."))


def holds_here(row: Row) -> bool:
    """Return whether *row* is about the SQLAlchemy that is installed."""
    begun = not row.since or version(row.since) <= VERSION
    return begun and not (row.until and version(row.until) <= VERSION)


def rows_here() -> dict[str, Row]:
    """Return the row of each name of SQLAlchemy's that holds for the version that is installed; there is one."""
    ours = {name: rows for name, rows in table().rows.items() if name.startswith("sqlalchemy.")}
    found = [(name, row) for name, rows in ours.items() for row in rows if holds_here(row)]
    assert len(found) == len(dict(found))
    return dict(found)


def named(name: str) -> Any:
    """Return what the dotted *name* stands for."""
    module, _, member = name.rpartition(".")
    try:
        return getattr(import_module(module), member)
    except ImportError:
        return getattr(named(module), member)


def difference(expected: World, actual: Mapping[str, Seen]) -> dict[str, tuple[Seen, Seen]]:
    """Return the instances of which something else was seen than expected."""
    return {name: (expected[name], seen) for name, seen in actual.items() if expected[name] != seen}


def which(before: World, effects: Iterable[Effect], call: Call, actual: World) -> tuple[set[bool], Any]:
    """Return whether what may happen has happened (both, if that makes no difference), and what fits neither."""
    effects = list(effects)
    found, rest = set(), {}
    for happened in (True, False):
        rest = difference(after(before, effects, replace(call, happened=happened)), actual)
        if not rest:
            found.add(happened)
    return found, {} if found else rest


TYPES = {
    "instance": Thing,
    "optional instance": (Thing, type(None)),
    "row": sqlalchemy.Row | sqlalchemy.RowMapping,
    "optional row": (sqlalchemy.Row, sqlalchemy.RowMapping, type(None)),
}


def fits(returns: Returns | None, value: Any, receiver: Any, session: Session) -> bool:
    """Return whether *value* is what *returns* says; an instance that was just loaded is looked at closely."""
    if returns is None or returns.kind == "value":
        return (
            not returns
            or not returns.type
            or returns.type.endswith("()")
            or isinstance(value, named(returns.type))
        )
    if returns.kind == "self":
        return value is receiver or type(value) is type(receiver)
    if returns.kind in ("instances", "rows"):
        one = Thing if returns.kind == "instances" else (sqlalchemy.Row, sqlalchemy.RowMapping)
        values = list(value)
        return bool(values) and all(isinstance(item, one) for item in values)
    if returns.kind in TYPES:
        persistent = not returns.state or value is None or look(value, session).state == returns.state
        return isinstance(value, TYPES[returns.kind]) and persistent
    return isinstance(value, named(returns.type))


JUST_LOADED = Seen("persistent", "this", QUERIED["Thing"], frozenset())
