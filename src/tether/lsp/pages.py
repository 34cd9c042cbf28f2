"""Texts in an editor's coordinates.

Lines and columns count from 0 there, and columns count units of an encoding that was agreed on: UTF-16 unless the
editor offered another. A line ends as the protocol says, which is where Python's lines end too.
"""

from __future__ import annotations

import re

from lsprotocol import types

from tether.check.front.analysis import read_file

UNITS = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}  # encoding, bytes in a unit


class Page:
    """One text.

    Args:
        text: As the editor has it.
        encoding: ``utf-8``, ``utf-16`` or ``utf-32``.
    """

    def __init__(self, text: str, encoding: str) -> None:
        self.lines = re.split(r"\r\n|\r|\n", text)
        self._codec, self._bytes = UNITS[encoding]

    def line(self, number: int) -> str:
        """Return a line, counted from 1; "" if there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def position(self, line: int, column: int) -> types.Position:
        """Return a place whose line and column count from 1 as the editor counts."""
        return types.Position(line - 1, self._units(self.line(line)[: column - 1]))

    def place(self, position: types.Position) -> tuple[int, int]:
        """Return line and column, counted from 1, of a place in the editor."""
        line = self.line(position.line + 1)
        column = next(
            (at for at in range(len(line) + 1) if self._units(line[:at]) >= position.character), len(line)
        )
        return position.line + 1, column + 1

    def _units(self, text: str) -> int:
        return len(text.encode(self._codec, "surrogatepass")) // self._bytes


def page_on_disk(path: str, encoding: str) -> Page:
    """Return the text of a file that is not open; an empty one if it cannot be read."""
    try:
        return Page(read_file(path).decode("utf-8", "replace"), encoding)
    except OSError:
        return Page("", encoding)
