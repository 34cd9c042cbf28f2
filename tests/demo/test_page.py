"""How the story looks: at 80 and at 120 columns, with and without colours, and where there is no Unicode."""

from __future__ import annotations

import io
import re

import pytest
from rich.text import Text

from tether.demo.chapters import all_chapters
from tether.demo.folding import folded
from tether.demo.page import chapter_page
from tether.demo.stage import Performance
from tether.demo.story import tell, width_of, write

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """
    A terminal with colours, 80 columns wide.
    """
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def page_of(name: str, performances: dict[str, Performance], width: int) -> list[str]:
    """
    The lines of a chapter at a width.
    """
    return [line.plain for line in chapter_page(name, performances[name], width=width)]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", all_chapters())
def test_every_line_fits(name: str, width: int, performances: dict[str, Performance]) -> None:
    """
    No line of any chapter is wider than the page.
    """
    assert [] == [line for line in page_of(name, performances, width) if len(line) > width]


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("name", all_chapters())
def test_code_is_never_broken(name: str, width: int, performances: dict[str, Performance]) -> None:
    """
    Each line of code, and each line of code in a report, is one line of the page at any width.
    """
    performance, page = performances[name], page_of(name, performances, width)

    for number, code in performance.code.items():
        assert any(line[3:] == f"{number:3} │ {code}".rstrip() for line in map(str.rstrip, page))
    for place in (place for finding in performance.findings for place in finding.places):
        assert any(f"shop.py:{place.line}   {place.text}" in line for line in page)


def test_a_chapter_is_told_in_four_parts(performances: dict[str, Performance]) -> None:
    """
    The reader gets the code, what people say, what happens, and what tether reports, in this order.
    """
    page = page_of("rename-after-close", performances, 80)

    beginnings = [
        "── The same function, after close() ───",
        "  ▸ 18 │     customer.name = name",
        "People say    “The object has the new name",
        "What happens  line 27 prints   the object says Ada",
        "              in the end       nothing has changed in the database",
        "So            They are wrong. The change is lost",
        "tether reports",
        "  shop.py:18:5 write-while-detached: ",
        "      loaded    shop.py:23   customer = session.get(Customer, 1)",
        "      detached  shop.py:24   session.close()  (close)",
        "      used      shop.py:18   customer.name = name",
        "      more: tether explain write-while-detached",
    ]
    assert beginnings == [one for line in page for one in beginnings if line.startswith(one)]


def test_silence_is_told(performances: dict[str, Performance]) -> None:
    """
    Where tether has no finding, the page says that it reports nothing.
    """
    assert "tether        reports nothing" in page_of("rename", performances, 80)


@pytest.mark.parametrize(
    "text, lines",
    [
        ("one two three", ["one two", "  three"]),
        ("use `a b c` now", ["use", "  `a b c`", "  now"]),
        ("a `bb cc dd ee` f", ["a", "  `bb cc dd ee`", "  f"]),
        ("    deep", ["    deep"]),
        ("漢字 漢字 漢字", ["漢字 漢字", "  漢字"]),
        ("", [""]),
    ],
)
def test_lines_are_folded_between_words(text: str, lines: list[str]) -> None:
    """
    A line is broken at spaces, by columns of a terminal, and never between backticks.
    """
    assert lines == [line.plain for line in folded(Text(text), 9, indent=2)]


def test_colours_change_no_word(terminal: Terminal, performances: dict[str, Performance]) -> None:
    """
    A terminal gets the same words as a pipe, in colours.
    """
    pipe = io.StringIO()
    for stream in (terminal, pipe):
        write(stream, chapter_page("refresh", performances["refresh"], width=80))

    assert COLOUR.search(terminal.getvalue())
    assert pipe.getvalue() == COLOUR.sub("", terminal.getvalue())


@pytest.mark.parametrize("name, value", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminal_without_colours(
    name: str,
    value: str,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    performances: dict[str, Performance],
) -> None:
    """
    NO_COLOR and a dumb terminal get plain text.
    """
    monkeypatch.setenv(name, value)

    write(terminal, chapter_page("refresh", performances["refresh"], width=80))

    assert "\x1b" not in terminal.getvalue()


@pytest.mark.parametrize("columns, width", [("80", 80), ("120", 100), ("20", 40), ("93", 93)])
def test_width_is_the_terminals(
    columns: str, width: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The page is as wide as the terminal, but not wider than a line that is easy to read.
    """
    monkeypatch.setenv("COLUMNS", columns)

    assert width == width_of(terminal)


def test_pipe_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What goes into a file does not depend on the terminal.
    """
    monkeypatch.setenv("COLUMNS", "120")

    assert 80 == width_of(io.StringIO())


def test_ascii_will_do() -> None:
    """
    A stream that takes only ASCII gets the same lines, drawn with what there is.
    """
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    tell(all_chapters(), [], stream)

    page = raw.getvalue().decode("ascii")
    assert "  > 18 |     customer.name = name" in page
    assert "line 26 commits  customer 1: name 'Ann' -> 'Ada'" in page
    assert "\\u" not in page
