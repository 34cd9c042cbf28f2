"""An engine over files of the working directory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tether.check.front.analysis import Analyser, read_file
from tether.check.syntax import make_analyser
from tether.core.config import Config
from tether.core.finding import Finding


def engine_over(*paths: str) -> Analyser:
    """Return an engine that knows these files, without any configuration."""
    return make_analyser(paths, str(Path.cwd()), Config(), read_file)


def findings_in(path: str, others: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Return what is found in one file of a program; the program is not run."""
    return engine_over(*others, path).analyse(path).findings
