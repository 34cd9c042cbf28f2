"""The catalogue for a person: one hazard as a page, all of them as a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import dedent, wrap

from tether.core.finding import SEVERITIES
from tether.core.hazard import Hazard
from tether.report._colour import STYLES, Line, joined

WIDTH = 88


def page(hazard: Hazard, *, colour: bool) -> str:
    """Return everything the catalogue says of one hazard."""
    return joined(_page(hazard), colour=colour)


def overview(hazards: Iterable[Hazard], *, colour: bool) -> str:
    """Return one line for each hazard, gravest first."""
    return joined(_overview(list(hazards)), colour=colour)


def _page(hazard: Hazard) -> Iterator[Line]:
    switched_off = "" if hazard.default else ", only when asked for"
    yield [(hazard.name, "bold"), (f"  [{hazard.severity}{switched_off}]", STYLES[hazard.severity])]
    yield []
    yield from _paragraphs(hazard.summary)
    yield []
    yield from _section("Why it hurts", _paragraphs(hazard.why))
    yield from _section("What to write instead", _paragraphs(hazard.instead))
    if hazard.example:
        yield from _section("Example", _code(hazard.example))
    if hazard.better:
        yield from _section("Better", _code(hazard.better))
    yield [("To allow it on one line: ", ""), (f"# tether: allow[{hazard.name}]", "bold")]


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    yield [(title, "bold")]
    yield from ([("    ", ""), *line] for line in lines)
    yield []


def _paragraphs(text: str) -> Iterator[Line]:
    """Yield *text* in lines that fit; words and names with hyphens stay whole."""
    for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False):
        yield [(line, "")]


def _code(text: str) -> Iterator[Line]:
    return ([(line, "cyan")] for line in dedent(text).strip("\n").splitlines())


def _overview(hazards: list[Hazard]) -> Iterator[Line]:
    width = max((len(hazard.name) for hazard in hazards), default=0)
    for hazard in sorted(hazards, key=lambda hazard: (SEVERITIES.index(hazard.severity), hazard.name)):
        yield [
            (f"{hazard.name:{width}}  ", "bold"),
            (f"{hazard.severity:7}  ", STYLES[hazard.severity]),
            (hazard.summary, ""),
        ]
    yield []
    yield [("More of one: ", ""), ("tether explain HAZARD", "bold")]
