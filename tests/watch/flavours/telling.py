"""Stories in the words of the test: a place is named by the mark at the end of its line, ``# <load>``.

A place outside of the program, or on a line without a mark, shows as file and line, so that no expectation
can hold it by chance.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tether.core.finding import Finding, Place

MARK = re.compile(r"#\s*<([^<>]+)>\s*$")


def told(findings: Iterable[Finding]) -> list[str]:
    """Return one line per finding: ``hazard: role <mark> (cause), role <mark>``, in the order of the text."""
    path = str(sys._getframe(1).f_code.co_filename)
    return sorted(
        f"{finding.hazard}: {', '.join(part_of(place, path) for place in finding.places)}"
        for finding in findings
    )


def part_of(place: Place, path: str) -> str:
    """Return one place as ``role <mark> (cause)``."""
    cause = f" ({place.cause})" if place.cause else ""
    return f"{place.role} {_where(place, path)}{cause}"


def _where(place: Place, path: str) -> str:
    if not place.known or place.note:
        return f"[{place.note}]"
    if Path(place.path).resolve() != Path(path).resolve():
        return f"{place.path}:{place.line}"
    return marks(path).get(place.line) or f"line {place.line} without a mark"


@cache
def marks(path: str) -> dict[int, str]:
    """Return the mark of each line that has one, with its angle brackets."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {number: f"<{found[1]}>" for number, text in enumerate(lines, 1) if (found := MARK.search(text))}


def place_of(path: str, mark: str) -> str:
    """Return ``file:line`` of a mark as a finding shows it."""
    (line,) = (number for number, name in marks(path).items() if name == f"<{mark}>")
    return f"{_shown(path)}:{line}"


def _shown(path: str) -> str:
    from tether.core.paths import shown_path

    return shown_path(path)
