"""The report of a watch: what was found so far, live."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

from tether.core.baseline import read_baseline, without_known
from tether.core.finding import JSON_VERSION, Finding
from tether.watch.ledger import Ledger
from tether.watch.notes import story_of


class Report:
    """What a watch found. It may be read while the watch runs, and after it has ended."""

    def __init__(self, ledger: Ledger, settle: Callable[[], None], finish: Callable[[], None]) -> None:
        self._ledger = ledger
        self._settle = settle
        self._finish = finish
        self._baseline = read_baseline(ledger.config.baseline) if ledger.config.baseline else None
        self._unused = Counter(self._baseline) if self._baseline is not None else None  # across drains

    @property
    def findings(self) -> list[Finding]:
        """Everything found so far, gravest first; allowed findings and those of the baseline are left out."""
        self._settle()
        found = self._ledger.findings()
        return found if self._baseline is None else without_known(found, self._baseline)

    @property
    def disabled(self) -> list[str]:
        """One sentence for each detector or hook that does not work here, and for each unusable comment."""
        return list(self._ledger.disabled.values())

    @property
    def dropped(self) -> int:
        """How many findings at new places came after the first thousand and were not kept."""
        return self._ledger.dropped

    def drain(self, *, collect: bool = False) -> list[Finding]:
        """Return what was found since the last drain, gravest first.

        Args:
            collect: Run the garbage collector first, so that what nobody holds any longer is noticed.
        """
        if collect:
            gc.collect()
        self._settle()
        fresh = self._ledger.drain()
        if self._unused is None:
            return fresh
        new = without_known(fresh, self._unused)
        self._unused.subtract(finding.fingerprint for finding in fresh)
        return new

    def finish(self) -> None:
        """Say what is lost because the process ends: open Sessions, changes never brought back. Idempotent."""
        self._finish()

    def subscribe(self, listener: Callable[[Finding], None]) -> None:
        """Call *listener* with each finding when it is seen for the first time."""
        self._ledger.listeners.append(listener)

    def to_dict(self, seconds: float = 0.0) -> dict[str, Any]:
        """Return the JSON document: version, tool, findings, summary."""
        findings = self.findings
        files = {finding.path for finding in findings if finding.path}
        return {
            "version": JSON_VERSION,
            "tool": "watch",
            "findings": [finding.to_dict() for finding in findings],
            "summary": {"files": len(files), "seconds": seconds},
        }

    def __str__(self) -> str:
        findings = self.findings
        blocks = ["\n".join(story_of(finding)) for finding in findings]
        return "\n".join([*blocks, *self.disabled]) or "tether: nothing found"
