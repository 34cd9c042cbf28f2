"""Lines made of pieces with a style each: the same words with and without colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from tether.core.finding import Severity

Piece = tuple[str, str]  # words, and rich's name of their style; "" for none
Line = list[Piece]

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "hint": "bold cyan"}


def joined(lines: Iterable[Line], *, colour: bool) -> str:
    """Return *lines* as text, each ended by a line break, with a terminal's colours if *colour*."""
    return _coloured(lines) if colour else "".join(f"{plain(line)}\n" for line in lines)


def plain(line: Line) -> str:
    """Return the words of a line."""
    return "".join(words for words, _ in line).rstrip()


def _coloured(lines: Iterable[Line]) -> str:
    from rich.console import Console  # only a terminal pays for it
    from rich.text import Text

    console = Console(
        force_terminal=True, color_system="standard", highlight=False, markup=False, emoji=False
    )
    with console.capture() as captured:
        for line in lines:
            text = Text.assemble(*line)
            text.rstrip()
            console.print(text, soft_wrap=True)  # the terminal breaks long lines: no word is changed
    return captured.get()


def padded(text: str, width: int) -> str:
    """Return *text* filled with spaces to *width* columns of a terminal."""
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """Return how many columns of a terminal *text* takes: a combining mark none, a wide character two."""
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
