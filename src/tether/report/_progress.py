"""A line that counts, for somebody who waits at a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0  # seconds before anything is shown


def silent(done: int, of: int) -> None:
    """Show nothing."""


class Counting:
    """Counts files on a terminal, in a line that is gone at the end.

    Args:
        stream: The terminal.
        clock: Seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._shown: Progress | None = None

    def __call__(self, done: int, of: int) -> None:
        """Show that *done* files *of* so many are done; nothing in the first second."""
        if self._shown is None and done < of and self._clock() - self._began > PATIENCE:
            self._begin(of)
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=done)
            if done >= of:
                self._shown.stop()
                self._shown = None

    def _begin(self, of: int) -> None:
        from rich.console import Console  # whoever waits a second can wait for it
        from rich.progress import Progress

        console = Console(file=self._stream, force_terminal=True)
        self._shown = Progress(
            "checking", "{task.completed} of {task.total} files", console=console, transient=True
        )
        self._shown.add_task("", total=of)
        self._shown.start()
