"""The tables that carry.py can measure, and what a table is. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


def _nothing() -> None:
    return None


def _no_facts(_prepared: Any, _result: Any) -> dict[str, object]:
    return {}


@dataclass(frozen=True)
class Variant:
    """One way to do the work of a table.

    Attributes:
        name: As the table shows it; the same work with " again" at the end is the control.
        run: What is timed. It is given what *prepare* returned.
        prepare: Makes everything ready, before each run; not timed.
        finish: Is given what was prepared and what the run returned, after each run; not timed. It checks the
            result, puts everything back as it was, and returns facts for columns of their own.
    """

    name: str
    run: Callable[[Any], object]
    prepare: Callable[[], Any] = _nothing
    finish: Callable[[Any, Any], Mapping[str, object]] = _no_facts


@dataclass(frozen=True)
class Table:
    """Variants of the same work, and the one that the others are compared to."""

    title: str
    reference: str
    variants: list[Variant]
    unavailable: dict[str, str] = field(default_factory=dict)


# Name -> module and function that makes the table; it takes the number of orders.
TABLES: Mapping[str, str] = {
    "extract": "bench.carry_out:extract",
    "end-to-end": "bench.carry_out:end_to_end",
    "loads": "bench.carry_out:back_from_bytes",
    "re-attach": "bench.carry_back:flat",
    "re-attach-graph": "bench.carry_back:graph",
    "re-attach-postgresql": "bench.carry_back:flat_postgresql",
    "re-attach-graph-postgresql": "bench.carry_back:graph_postgresql",
}


def made(name: str, orders: int) -> Table:
    """Return a table, everything in it checked and ready to be timed."""
    module, _, function = TABLES[name].partition(":")
    table: Table = getattr(import_module(module), function)(orders)
    return table
