"""watch: a running program in, findings out. Never changes what the program does.

    with tether.watching() as report:
        main()
    print(report)

``probes`` hook into SQLAlchemy and publish events, the ``recorder`` remembers where things happened,
``detectors`` turn events into findings, the ``ledger`` folds them and filters what is allowed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tether.watch.control import MODES, start, stop, watching
    from tether.watch.report import Report

_HOMES = {
    "MODES": "tether.watch.control",
    "Report": "tether.watch.report",
    "start": "tether.watch.control",
    "stop": "tether.watch.control",
    "watching": "tether.watch.control",
}

__all__ = ["MODES", "Report", "start", "stop", "watching"]


def __getattr__(name: str) -> object:
    """Import SQLAlchemy only when a watch is asked for: ``tether run`` also works where it is missing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tether.watch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
