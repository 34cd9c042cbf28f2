"""Everything tether raises or warns, as a tree. Imports nothing.

TetherError
  ConfigError (ValueError)        [tool.tether], an allow comment or a baseline cannot be used as written
  HazardError (RuntimeError)      mode="raise": a hazard happened, at this line
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

    The operation that was asked for has been carried out, except a write to a
    detached instance, which is stopped before it is made.

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


class TetherWarning(UserWarning):
    """A hazard happened while the watch ran with ``mode="warn"``."""


class DetectorDisabledWarning(TetherWarning):
    """A detector was switched off; the watched program goes on as if it were not there."""
