"""Findings out: one file per format, each with one function. The folder is the registry.

A format is a module here without a leading underscore; its ``render`` is a `Render`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NotRequired, Protocol, TextIO, TypedDict, Unpack, cast

if TYPE_CHECKING:
    from tether.core.finding import Finding, Place
    from tether.core.hazard import Hazard


class Run(TypedDict):
    """What a format may tell about the run, besides its findings.

    Attributes:
        tool: The verb that found them: ``watch`` or ``check``.
        hazards: The catalogue, by name.
        seconds: How long it took.
        files: How many files were looked at; left out: those that have findings.
        notes: Sentences about the run itself, such as a detector that was switched off.
        colour: Whether a terminal's colours may be used.
    """

    tool: str
    hazards: Mapping[str, Hazard]
    seconds: float
    files: NotRequired[int]
    notes: NotRequired[Sequence[str]]
    colour: NotRequired[bool]


class Render(Protocol):
    """A format: ``render(findings, tool=..., hazards=..., seconds=...)``."""

    def __call__(self, findings: Sequence[Finding], **run: Unpack[Run]) -> str:
        """Return *findings*, in the order given, as one document that ends with a line break."""


def formats() -> tuple[str, ...]:
    """Return the names of the formats, in alphabetical order."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))


def render(name: str, findings: Sequence[Finding], **run: Unpack[Run]) -> str:
    """Return *findings* in the format called *name*.

    Raises:
        KeyError: There is no such format.
    """
    if name not in formats():
        raise KeyError(f"there is no format called {name!r}; there are {', '.join(formats())}.")
    module_render = cast(Render, import_module(f"{__name__}.{name}").render)
    return module_render(findings, **run)


def hazard_page(hazard: Hazard, *, colour: bool = False) -> str:
    """Return what ``tether explain HAZARD`` prints."""
    from tether.report._catalogue import page

    return page(hazard, colour=colour)


def hazard_list(hazards: Iterable[Hazard], *, colour: bool = False) -> str:
    """Return what ``tether explain`` prints: each hazard on a line, gravest first."""
    from tether.report._catalogue import overview

    return overview(hazards, colour=colour)


def place_words(place: Place) -> str:
    """Return what is to be read at a place, safe to show: its source and SQLAlchemy's word, or why there is none."""
    from tether.report._words import words_of

    return words_of(place)


def progress(stream: TextIO) -> Callable[[int, int], None]:
    """Return a function that is told how many of how many files are done, and shows it if that takes long.

    It shows nothing on what is no terminal, or one that is dumb or has NO_COLOR set.
    """
    from tether.report._progress import Counting, silent

    return Counting(stream) if wants_colour(stream) else silent


def wants_colour(stream: TextIO) -> bool:
    """Return True if *stream* is a terminal with colours and NO_COLOR is not set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
