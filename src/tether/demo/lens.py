"""How tether is asked about a program of the story."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tether.core.config import Config
from tether.core.finding import Finding
from tether.watch import watching

# Gets the program, ready to run, and the file its code is in.
Lens = Callable[[Callable[[], None], Path], list[Finding]]


def watched(program: Callable[[], None], path: Path) -> list[Finding]:
    """Return what the watch finds in *program*, which stands in *path*; no project's settings apply."""
    with watching(config=Config()) as report:
        program()
    return [finding for finding in report.findings if finding.path == path.name]
