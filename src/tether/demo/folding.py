"""Lines that fit a terminal, broken between words and never inside code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

# What stands between backticks is code, and one word.
_WORD = re.compile(r"(?:`[^`]*`|\S)+")


def folded(text: Text, width: int, indent: int = 0) -> Iterator[Text]:
    """Yield *text* in lines of at most *width* columns, styles kept.

    A word that is longer than a line stands alone on one that is too long.

    Args:
        text: One line.
        width: Columns of the terminal.
        indent: Spaces before each line but the first.
    """
    start = end = 0
    margin = ""
    for word in _WORD.finditer(text.plain):
        if end and cell_len(margin + text.plain[start : word.end()]) > width:
            yield Text(margin) + text[start:end]
            start, margin = word.start(), " " * indent
        end = word.end()
    yield Text(margin) + text[start:end]


def labelled(label: Text, text: Text, width: int, column: int) -> Iterator[Text]:
    """Yield *text* folded in a column that begins at *column*, with *label* to the left of its first line."""
    gap = " " * max(0, column - cell_len(label.plain))
    yield from folded(Text.assemble(label, gap, text), width, column)
