"""What more than one format needs: safe text, paths as people read them, and numbers in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tether.core.finding import SEVERITIES, Finding, Place
from tether.core.paths import shown_path

LONGEST_SOURCE = 160  # characters of a source line that are shown

# Control characters could move the cursor, recolour the screen or begin a line of their own; the marks for
# right-to-left text could make a line read as another; a lone surrogate cannot be encoded at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: str) -> str:
    """Return *text* with every character that could act on a terminal, or break a line, as an escape."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def source_line(text: str) -> str:
    """Return a line of source code, safe and not too long; a tab becomes a space."""
    line = safe(text.replace("\t", " "))
    return line if len(line) <= LONGEST_SOURCE else f"{line[: LONGEST_SOURCE - 1]}…"


def words_of(place: Place) -> str:
    """Return what is to be read at a place: its source and SQLAlchemy's word, or why there is none."""
    if not place.known:
        aside, line = place.cause, safe(place.note or place.text or "at a line that is not known")
    else:
        aside, line = "; ".join(filter(None, (place.cause, place.note))), source_line(place.text)
    return f"{line}  ({safe(aside)})".lstrip() if aside else line


def with_shown_paths(finding: Finding) -> Finding:
    """Return the finding with its paths relative to the working directory, slashes forward."""
    places = tuple(_shown(place) for place in finding.places)
    return replace(finding, where=_shown(finding.where), places=places)


def _shown(place: Place) -> Place:
    return replace(place, path=shown_path(place.path))


def files_with(findings: Sequence[Finding]) -> int:
    """Return how many files *findings* are about."""
    return len({finding.path for finding in findings if finding.path})


def counted(count: int, noun: str) -> str:
    """Return "1 error", "2 errors"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def summary(findings: Sequence[Finding]) -> str:
    """Return "3 findings: 2 errors, 1 warning", or "no findings"."""
    if not findings:
        return "no findings"
    by_severity = Counter(finding.severity for finding in findings)
    parts = [counted(by_severity[severity], severity) for severity in SEVERITIES if by_severity[severity]]
    return f"{counted(len(findings), 'finding')}: {', '.join(parts)}"
