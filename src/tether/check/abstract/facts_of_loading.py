"""Whether an attribute is loaded: by the loader options of a query, and by ``lazy=`` where there are none."""

from __future__ import annotations

from tether.check.abstract.things import LOADED, UNLOADED, UNSURE, Facts

# By what an option does, one of the lifecycle table's LOADING. What is refused on purpose is nobody's mistake.
EFFECT_FACTS: dict[str, Facts] = {
    "load": frozenset({LOADED}),
    "empty": frozenset({LOADED}),
    "leave": frozenset({UNLOADED}),
    "raise": frozenset({UNSURE}),
    "raise on sql": frozenset({UNSURE}),
    "query": frozenset({LOADED}),
    "keep": frozenset({UNSURE}),
}
# Of an instance that a query without options loads, by `lazy=`.
QUERIED: dict[str, Facts] = {
    "select": frozenset({UNLOADED}),
    "joined": frozenset({LOADED}),
    "selectin": frozenset({LOADED}),
    "subquery": frozenset({LOADED}),
    "immediate": frozenset({LOADED}),
    "raise": frozenset({UNSURE}),
    "raise_on_sql": frozenset({UNSURE}),
    "noload": frozenset({LOADED}),
    "dynamic": frozenset({LOADED}),
    "write_only": frozenset({LOADED}),
}
