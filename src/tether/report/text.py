"""Findings for a person: one line that stands alone in a log, then the evidence, then one thing to try."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Unpack

from tether.core.finding import Finding, Place
from tether.report import Run
from tether.report._colour import STYLES, Line, columns, joined, padded
from tether.report._words import safe, summary, with_shown_paths, words_of


def render(findings: Sequence[Finding], **run: Unpack[Run]) -> str:
    """Return the report as it is read in a terminal or a log; colours change no word of it."""
    lines = _lines(findings, run["hazards"], run.get("notes", ()))
    return joined(lines, colour=run.get("colour", False))


def _lines(findings: Sequence[Finding], hazards: Collection[str], notes: Sequence[str]) -> Iterator[Line]:
    for finding in findings:
        yield from _finding(with_shown_paths(finding), known=finding.hazard in hazards)
        yield []
    for note in notes:
        yield [("note: ", "bold"), (safe(note), "")]
    yield [(summary(findings), "bold")]


def _finding(finding: Finding, *, known: bool) -> Iterator[Line]:
    """Yield the lines of one finding; *known*: the catalogue can tell more of its hazard."""
    yield _headline(finding)
    yield from _places(finding.places)
    if finding.help:
        yield [("    help: ", "bold"), (safe(finding.help), "green")]
    if known:
        yield [("    more: ", "bold"), (f"tether explain {finding.hazard}", "")]


def _headline(finding: Finding) -> Line:
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    return [
        (f"{_where(finding.where)} ", "bold"),
        (safe(finding.hazard), STYLES[finding.severity]),
        (f": {safe(finding.message)}{times}", ""),
    ]


def _where(place: Place) -> str:
    """Return "app/views.py:42:5", with as much of it as is known."""
    if not place.known:
        return safe(place.path) or "(unknown line)"
    return f"{_file_and_line(place)}:{place.column}" if place.column else _file_and_line(place)


def _file_and_line(place: Place) -> str:
    return f"{safe(place.path)}:{place.line}" if place.known else ""


def _places(places: Sequence[Place]) -> Iterator[Line]:
    """Yield the story, one line for each place, in columns."""
    rows = [(safe(place.role), _file_and_line(place), words_of(place)) for place in places]
    widths = [max((columns(row[column]) for row in rows), default=0) for column in (0, 1)]
    for role, where, words in rows:
        yield [
            (f"    {padded(role, widths[0])}  ", "dim"),
            (f"{padded(where, widths[1])}   " if where else "", ""),
            (words, ""),
        ]
