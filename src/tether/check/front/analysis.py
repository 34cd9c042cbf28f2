"""What the front of ``tether check`` (files, cache, command, editor) and the engine behind it say to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tether.core.config import Config
from tether.core.finding import Finding


class Analysis(NamedTuple):
    """What was found from one file.

    Attributes:
        findings: Hints too, whatever is allowed. One may lie in another file, which this one calls.
        files: Paths of all files whose content the result depends on, the file itself included; paths that were
            looked up and are no files; and dotted names of modules that were looked up and not found. The same
            content of these files, and the same absence of the others, give the same result.
        cut_short: Functions whose analysis reached its bound, as ``app/views.py:12 name``.
        failed: Functions that the engine has a mistake of its own with, so that nothing is known of them, as
            ``app/views.py:12 name: KeyError: 3 (steps.py:40)``.
    """

    findings: tuple[Finding, ...]
    files: frozenset[str]
    cut_short: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Analyser(Protocol):
    """An engine over a set of files, whose paths it takes and gives as it was given them."""

    @property
    def not_parsed(self) -> Mapping[str, str]:
        """Why a file could not be parsed, as the second half of a sentence, by path; files met so far."""
        ...

    def analyse(self, path: str) -> Analysis:
        """Return what was found in one of the files; nothing is raised for a file that does not parse."""
        ...

    def states(self, path: str, line: int, column: int) -> str | None:
        """Return what is known of the variable at a place, such as "u: User, detached since line 40"."""
        ...


# The content of a file, of one in an editor what stands there; raises OSError.
Read = Callable[[str], bytes]

# Paths as they are shown, sorted; the folder they begin in; the configuration; how to read a file.
MakeAnalyser = Callable[[Sequence[str], str, Config, Read], Analyser]


def read_file(path: str) -> bytes:
    """Return the content of a file on disk."""
    with open(path, "rb") as file:
        return file.read()
