"""tether keeps the data of SQLAlchemy programs on track.

General layout, lowest room first; each imports only rooms above it in this list:

    errors      every exception and warning
    core        the words: states, places, findings, hazards, configuration
    hazards     the catalogue, one file per hazard
    lifecycle   what each call does to a Session and its instances, as data
    orm         the one door to SQLAlchemy's private names
    report      findings out: text, JSON, SARIF, GitHub
    explaining  what SQLAlchemy would do to an instance or a Session now, as text
    check       source code in, findings out
    lsp         check for editors
    watch       a running program in, findings out
    carry       values out of a Session, and back by a three-way merge
    aio         the same on an AsyncSession
    testing     cases that show what attach() does with a program's own models
    demo        a small shop, driven through the situations people are told about

Nothing is imported until it is used: ``import tether`` costs a program nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tether import aio, testing
    from tether.carry.attach import attach
    from tether.carry.conflicts import Conflict, ConflictError
    from tether.carry.detaching import detach
    from tether.carry.documents import dumps
    from tether.carry.drafts import changes, edit, is_changed, new
    from tether.carry.patching import patch
    from tether.carry.plan import plan
    from tether.carry.reading_documents import loads
    from tether.carry.rebase import rebase
    from tether.carry.snapshots import snapshot
    from tether.carry.thawing import thaw
    from tether.carry.units import unit_of_work
    from tether.core.finding import Finding, Place
    from tether.errors import (
        ConfigError,
        DetectorDisabledWarning,
        HazardError,
        NoBaseError,
        NotTakenError,
        ReadOnlyError,
        SnapshotError,
        TetherError,
        TetherWarning,
    )
    from tether.explaining import explain
    from tether.watch import Report, start, stop, watching

_HOMES = {
    "ConfigError": "tether.errors",
    "Conflict": "tether.carry.conflicts",
    "ConflictError": "tether.carry.conflicts",
    "DetectorDisabledWarning": "tether.errors",
    "Finding": "tether.core.finding",
    "HazardError": "tether.errors",
    "NoBaseError": "tether.errors",
    "NotTakenError": "tether.errors",
    "Place": "tether.core.finding",
    "ReadOnlyError": "tether.errors",
    "Report": "tether.watch",
    "SnapshotError": "tether.errors",
    "TetherError": "tether.errors",
    "TetherWarning": "tether.errors",
    "attach": "tether.carry.attach",
    "changes": "tether.carry.drafts",
    "detach": "tether.carry.detaching",
    "dumps": "tether.carry.documents",
    "edit": "tether.carry.drafts",
    "explain": "tether.explaining",
    "is_changed": "tether.carry.drafts",
    "loads": "tether.carry.reading_documents",
    "new": "tether.carry.drafts",
    "patch": "tether.carry.patching",
    "plan": "tether.carry.plan",
    "rebase": "tether.carry.rebase",
    "snapshot": "tether.carry.snapshots",
    "start": "tether.watch",
    "stop": "tether.watch",
    "thaw": "tether.carry.thawing",
    "unit_of_work": "tether.carry.units",
    "watching": "tether.watch",
}

__all__ = [
    "ConfigError",
    "Conflict",
    "ConflictError",
    "DetectorDisabledWarning",
    "Finding",
    "HazardError",
    "NoBaseError",
    "NotTakenError",
    "Place",
    "ReadOnlyError",
    "Report",
    "SnapshotError",
    "TetherError",
    "TetherWarning",
    "aio",
    "attach",
    "changes",
    "detach",
    "dumps",
    "edit",
    "explain",
    "is_changed",
    "loads",
    "new",
    "patch",
    "plan",
    "rebase",
    "snapshot",
    "start",
    "stop",
    "testing",
    "thaw",
    "unit_of_work",
    "watching",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562)."""
    if name in {"aio", "testing"}:
        return import_module(f"tether.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'tether' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Offer the public names to editors without importing them."""
    return sorted({*globals(), *__all__})
