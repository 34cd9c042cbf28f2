"""The rules, one file per hazard: a pure function of an event. The folder is the registry.

A rule module has ``KINDS``, the kinds of events it looks at, and ``look(event, teller)``, which returns a finding or
None. It is called ``name_of_the_hazard.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tether.check.abstract.events import Event
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

Rule = Callable[[Event, Teller], "Finding | list[Finding] | None"]


@cache
def all_rules() -> dict[str, tuple[tuple[str, Rule], ...]]:
    """Return the rules by the kind of event they look at, each with the name of its hazard."""
    rules: dict[str, list[tuple[str, Rule]]] = {}
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for kind in module.KINDS:
            rules.setdefault(kind, []).append((name.replace("_", "-"), module.look))
    return {kind: tuple(found) for kind, found in rules.items()}
