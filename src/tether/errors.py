"""Everything tether raises or warns, as a tree. Imports nothing.

TetherError
  ConfigError (ValueError)        [tool.tether], an allow comment or a baseline cannot be used as written
  HazardError (RuntimeError)      mode="raise": a hazard happened, at this line
  SnapshotError (ValueError)      a snapshot, draft or document cannot be made, read or used as asked
    NotTakenError (AttributeError)  the attribute is not in the snapshot
    ReadOnlyError (AttributeError)  a snapshot was written to
  NoBaseError (ValueError)        attach(): what a changed attribute was before is not known
  ConflictError (StaleDataError)  attach(): both sides changed the same; in carry.conflicts
TetherWarning (UserWarning)       mode="warn": a hazard happened, at this line
  DetectorDisabledWarning         a detector cannot work here, or raised, and was switched off
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tether.core.finding import Finding


class TetherError(Exception):
    """Base of every error tether raises on its own account."""


class ConfigError(TetherError, ValueError):
    """Something the user wrote for tether cannot be used as written.

    Attributes:
        where: File, and line where known, for example ``pyproject.toml`` or ``app/views.py:12``.
        problem: One sentence that names the thing and what to do about it.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)  # args are what pickle replays
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class HazardError(TetherError, RuntimeError):
    """A hazard happened while the watch ran with ``mode="raise"``.

    ``refresh()``, ``expire()`` and ``expire_all()`` are stopped before they
    forget a change; ``close()``, ``expunge()`` and ``merge()`` have done all
    their work.

    Attributes:
        findings: What happened, in order; never empty.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        first = self.findings[0]
        more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
        return f"{first.hazard}: {first.message}{more}"


class NoBaseError(TetherError, ValueError):
    """A detached instance has a change whose old value nobody kept, so nobody can say whose change it would undo.

    Attributes:
        class_path: Dotted path of the mapped class.
        attribute: Name of the attribute.
        why: Why there is no old value.
    """

    def __init__(self, class_path: str, attribute: str, why: str) -> None:
        super().__init__(class_path, attribute, why)
        self.class_path = class_path
        self.attribute = attribute
        self.why = why

    def __str__(self) -> str:
        owner = self.class_path.rpartition(".")[2]
        return (
            f"`{owner}.{self.attribute}` cannot be brought back: {self.why}. "
            "Take a tether.snapshot() with it and change that, or load it before it is set"
        )


class SnapshotError(TetherError, ValueError):
    """A snapshot, a draft or a document cannot be made, read or used as it was asked."""


class NotTakenError(SnapshotError, AttributeError):
    """An attribute was read that is not in the snapshot.

    Attributes:
        attribute: Class and attribute, for example ``Order.items``.
        why: One of the words of ``tether.carry.graph.Status``.
        problem: One sentence that names the way to have it.
    """

    def __init__(self, attribute: str, why: str, problem: str) -> None:
        super().__init__(attribute, why, problem)
        self.attribute = attribute
        self.why = why
        self.problem = problem

    def __str__(self) -> str:
        return f"`{self.attribute}` {self.problem}"


class ReadOnlyError(SnapshotError, AttributeError):
    """A snapshot, or a value in it, was written to; ``edit()`` gives a draft that can be."""


class TetherWarning(UserWarning):
    """A hazard happened while the watch ran with ``mode="warn"``."""


class DetectorDisabledWarning(TetherWarning):
    """A detector was switched off; the watched program goes on as if it were not there."""
