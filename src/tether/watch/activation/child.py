"""Inside each process of the program: start the watch, write findings as they come, end it at exit."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypedDict

import sqlalchemy

from tether.core.config import read_config
from tether.core.finding import Finding
from tether.hazards import all_hazards
from tether.watch import Report, start

Write = Callable[[dict[str, Any]], None]

_LAST: Final = -100  # finalizers with the lowest priority run last, when the workers' own children are joined


class Options(TypedDict):
    """What the parent tells every process, as JSON in one environment variable.

    Attributes:
        folder: Where the processes write what they find.
        home: Folder that holds the ``tether`` package.
        root: Working directory of ``tether run``: its configuration counts, wherever a process works.
        watch: Options of ``tether.start()`` that were given on the command line.
    """

    folder: str
    home: str
    root: str
    watch: dict[str, Any]


def start_in_child(options: Options, write: Write) -> Callable[[], None]:
    """Start the watch in this process, see to it that what it finds is written, and return what ends it.

    Raises:
        ConfigError: ``[tool.tether]`` cannot be used as written.
    """
    # The parent applies the baseline, to the findings of all processes.
    config = replace(read_config(Path(options["root"]), all_hazards()), baseline=None)
    report = start(**{"mode": config.mode, **options["watch"]}, config=config)
    scribe = Scribe(report, write)
    scribe.begin()
    return scribe.finish


class Scribe:
    """Writes the findings of this process, and of every process forked from it, each for itself."""

    def __init__(self, report: Report, write: Write) -> None:
        self.report = report
        self.write = write
        self.first = os.getpid()
        # The process that wrote its last record; one that is forked from it has its own to write.
        self.finished: int | None = None

    def begin(self) -> None:
        """Say that the watch began, and listen for findings and for the end of a pool's workers."""
        self.write({"watching": sqlalchemy.__version__})
        self.report.subscribe(self.found)
        self._finish_with_pool()
        if hasattr(os, "register_at_fork"):
            # Where multiprocessing is imported later than SQLAlchemy, it is loaded by the time it forks.
            os.register_at_fork(after_in_child=self._finish_with_pool)

    def found(self, finding: Finding) -> None:
        """Write a finding the first time it is seen, so that nothing can lose it any more."""
        self.write({"finding": finding.to_dict(), "at": _working_directory()})

    def finish(self) -> None:
        """Write all that was found in this process, with counts, and what shows only at the end; once."""
        process = os.getpid()
        if self.finished == process:
            return
        self.finished = process
        try:
            self.report.finish()
            found = [finding.to_dict() for finding in self.report.findings]
            notes = [*self.report.disabled, *_dropped(self.report.dropped)]
        except Exception as error:  # noqa: BLE001  # the program has ended well; the parent tells the user
            self.write({"note": f"the watch could not finish: {type(error).__name__}: {error}"})
            return
        if found or notes or process == self.first:
            self.write({"final": found, "notes": notes, "at": _working_directory()})

    def _finish_with_pool(self) -> None:
        """Have multiprocessing, if it is loaded, call finish() in its workers.

        Missed: what only shows at the end of Celery's workers, which end by ``os._exit`` without
        asking anybody (billiard 4.3). What they find while they work is written by then.
        """
        pool: Any = sys.modules.get("multiprocessing.util")
        if pool is None:
            return

        def when_it_ends(scribe: Scribe) -> None:
            pool.Finalize(None, scribe.finish, exitpriority=_LAST)

        # A worker ends by os._exit, so atexit does not run in it. It clears the finalizers it inherits
        # and then runs what is registered here (BaseProcess._after_fork). Some workers register twice.
        pool.register_after_fork(self, when_it_ends)
        if _is_worker():
            when_it_ends(self)


def _is_worker() -> bool:
    """Return True in a worker of multiprocessing that is at work already.

    Elsewhere atexit must do: a finalizer of the pool would run before exit handlers of the program's.
    """
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _dropped(count: int) -> list[str]:
    return [f"{count} findings more, at new lines, were not kept"] if count else []


def _working_directory() -> str:
    """Return the folder that relative paths in findings are relative to; "" if it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""
