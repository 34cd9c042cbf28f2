"""The ledger: findings folded by place, filtered by what the user allowed, and told in the chosen mode."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Collection
from typing import Final

from tether.core.allow import is_allowed
from tether.core.config import Config
from tether.core.finding import Finding, sort_key
from tether.errors import ConfigError, DetectorDisabledWarning, HazardError, TetherWarning

MAXIMUM_FINDINGS: Final = 1_000

logger = logging.getLogger("tether")


class Ledger:
    """Every finding of one watch.

    Args:
        config: What is allowed, and the mode.
        mode: ``collect``, ``warn``, ``log`` or ``raise``.
        known: Names of all hazards.
    """

    def __init__(self, config: Config, mode: str, known: Collection[str]) -> None:
        self.config = config
        self.mode = mode
        self.known = known
        self.disabled: dict[str, str] = {}
        self.dropped = 0
        self._found: dict[Finding, int] = {}
        self._fresh: dict[Finding, int] = {}
        self._allowed: set[Finding] = set()
        self._lock = threading.RLock()
        self._local = threading.local()
        self.has_pending = False  # on any thread
        self.listeners: list[object] = []

    def add(self, finding: Finding, class_path: str = "") -> None:
        """Count a finding, and tell about it the first time it is seen."""
        finding, times = finding.times(1), finding.count
        with self._lock:
            if finding in self._allowed:
                return
            if finding in self._found:
                self._found[finding] += times
                self._fresh[finding] = self._fresh.get(finding, 0) + times
                return
            if self._is_allowed(finding, class_path):
                if len(self._allowed) < MAXIMUM_FINDINGS:
                    self._allowed.add(finding)
                return
            if len(self._found) >= MAXIMUM_FINDINGS:
                self.dropped += 1
                return
            self._found[finding] = self._fresh[finding] = times
        self._tell(finding)

    def _is_allowed(self, finding: Finding, class_path: str) -> bool:
        try:
            return is_allowed(finding, self.config, class_path, self.known)
        except ConfigError as error:  # a comment with a name nobody knows: say it once, report the finding
            self.disabled.setdefault(f"allow {error.where}", str(error))
            return False

    def _tell(self, finding: Finding) -> None:
        for listener in list(self.listeners):
            listener(finding)  # type: ignore[operator]
        if self.mode == "warn":
            self._warn(finding)
        elif self.mode == "log":
            level = logging.ERROR if finding.severity == "error" else logging.WARNING
            logger.log(level, "%s:%s %s: %s", finding.path, finding.line, finding.hazard, finding.message)
        elif self.mode == "raise" and finding.severity == "error":
            self._pending().append(finding)
            self.has_pending = True

    def _warn(self, finding: Finding) -> None:
        text = f"{finding.hazard}: {finding.message}"
        try:
            warnings.warn_explicit(text, TetherWarning, finding.path or "<unknown>", finding.line or 1)
        except TetherWarning:  # the program turns warnings into errors: raise where that is safe
            self._pending().append(finding)
            self.has_pending = True

    def _pending(self) -> list[Finding]:
        if not hasattr(self._local, "pending"):
            self._local.pending = []
        return self._local.pending  # type: ignore[no-any-return]

    def raise_pending(self) -> None:
        """Raise what the mode wants raised and was found on this thread since the last time.

        Raises:
            HazardError: Something was found.
        """
        if not self.has_pending:
            return  # on every statement: must cost nothing
        pending = self._pending()
        if pending:
            findings = tuple(pending)
            pending.clear()
            raise HazardError(findings)

    def forget_pending(self) -> None:
        """Drop what would be raised: an exception that tells the same story is on its way."""
        self._pending().clear()

    def disable(self, name: str, sentence: str) -> None:
        """Note once that something does not work here."""
        if name not in self.disabled:
            self.disabled[name] = sentence
            if self.mode == "collect":
                return  # the report says it
            with contextlib.suppress(DetectorDisabledWarning):  # the program turns warnings into errors
                warnings.warn(f"tether: {sentence}", DetectorDisabledWarning, stacklevel=2)

    def findings(self) -> list[Finding]:
        """Return everything found so far, gravest first."""
        with self._lock:
            return sorted((finding.times(count) for finding, count in self._found.items()), key=sort_key)

    def drain(self) -> list[Finding]:
        """Return what was found since the last drain, with the counts since then."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            return sorted((finding.times(count) for finding, count in fresh.items()), key=sort_key)

    def clear(self) -> None:
        """Forget everything, as in a forked child, where a lock may be held by a thread that is not there."""
        self._lock = threading.RLock()
        self._local = threading.local()
        self._found, self._fresh, self.dropped = {}, {}, 0
