"""watch: a running program in, findings out. Never changes what the program does.

    with tether.watching() as report:
        main()
    print(report)

``probes`` hook into SQLAlchemy and publish events, the ``recorder`` remembers where things happened,
``detectors`` turn events into findings, the ``ledger`` folds them and filters what is allowed.
"""

from __future__ import annotations

from tether.watch.control import MODES, start, stop, watching
from tether.watch.report import Report

__all__ = ["MODES", "Report", "start", "stop", "watching"]
