"""The line that counts files."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from tether.report import progress
from tether.report._progress import Counting


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(times: Iterator[float], done: list[int], of: int = 3) -> str:
    """Return what is written if the clock shows *times*."""
    stream = Terminal()
    counting = Counting(stream, lambda: next(times))
    for number in done:
        counting(number, of)
    return stream.getvalue()


def test_a_short_run_shows_nothing() -> None:
    """
    In the first second nothing is shown.
    """
    assert "" == shown(iter([0.0, 0.3, 0.6, 0.9]), [0, 1, 2, 3])


def test_a_long_run_counts() -> None:
    """
    After a second the files are counted, and at the end the line is cleared.
    """
    text = shown(iter([0.0, 0.5, 1.5]), [0, 1, 2, 3])

    assert "of 3 files" in text
    assert text.endswith(("\x1b[2K", "\x1b[?25h"))


def test_what_is_no_terminal_is_left_alone() -> None:
    """
    A pipe or a file sees nothing.
    """
    stream = StringIO()
    progress(stream)(1, 2)

    assert "" == stream.getvalue()
