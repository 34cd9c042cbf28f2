"""The report as annotations of a GitHub workflow."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.core.findings import findings
from tests.report.samples import FINDINGS, HAZARDS, LAZY_FINDING, NOTE, USED
from tether.core.finding import Finding
from tether.report.github import escaped_data, escaped_property, render

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def lines(found: list[Finding], notes: tuple[str, ...] = ()) -> list[str]:
    return render(found, tool="watch", hazards=HAZARDS, seconds=0.2, notes=notes).splitlines()


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Return a command's name, properties and message, as the runner of a workflow reads them."""
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = (pair.partition("=") for pair in match[2].split(","))
    return match[1], {name: unescaped(value) for name, _, value in pairs}, unescaped(match[3])


def unescaped(text: str) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_annotations() -> None:
    """
    Each finding is one command with its file, line, column and hazard, and the story as its message.
    """
    first, second, third, note, summary = lines(FINDINGS, (NOTE,))

    assert (
        "error",
        {"file": "app/views.py", "line": "42", "col": "5", "title": "lazy-load-after-close"},
        """\
`User.orders` is read, but the `User` is detached and `orders` was never loaded
loaded app/views.py:38: user = session.get(User, 1)
detached app/views.py:40: with Session(engine) as session:  (close)
used app/views.py:42: user.orders
help: .options(selectinload(User.orders)) on the query at app/views.py:38""",
    ) == read(first)
    assert (
        "warning",
        {"file": "app/日本.py", "line": "7", "title": "lazy-load-in-loop"},
        """\
`Order.customer` is loaded one row at a time (12 times)
loaded: before the watch began
used app/日本.py:7: row.customer""",
    ) == read(second)
    assert ("notice", {"title": "lazy-load-in-loop"}, "no line is known") == read(third)
    assert ("notice", {"title": "tether watch"}, NOTE) == read(note)
    assert "3 findings: 1 error, 1 warning, 1 hint" == summary


def test_as_the_runner_wants_it() -> None:
    """
    Percent signs and line breaks are escaped in the message, colons and commas in properties too.
    """
    odd = replace(
        LAZY_FINDING, message="50%: a, b", where=replace(USED, path="a,b:c%.py"), places=(), help="h"
    )

    assert (
        "::error file=a%2Cb%3Ac%25.py,line=42,col=5,title=lazy-load-after-close::50%25: a, b%0Ahelp: h"
        == lines([odd])[0]
    )


@given(st.text())
def test_escapes_can_be_read_back(text: str) -> None:
    """
    What was escaped comes back as it was.
    """
    assert text == unescaped(escaped_data(text))
    assert text == unescaped(escaped_property(text))


@given(st.text())
def test_escaped_property_is_one_property(text: str) -> None:
    """
    An escaped property holds nothing that ends a property, a command or a line.
    """
    assert not re.search("[:,\r\n]", escaped_property(text))


@given(st.lists(findings(), max_size=4))
def test_nothing_breaks_out(found: list[Finding]) -> None:
    """
    Whatever findings hold, each is one command on one line without control characters, then the summary.
    """
    *commands, _ = render(found, tool="watch", hazards=HAZARDS, seconds=0).splitlines()
    read_back = [read(command)[1] for command in commands]

    assert [(one.path, str(one.line), one.hazard) for one in found] == [
        (properties["file"], properties["line"], properties["title"]) for properties in read_back
    ]
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u202e]", "".join(commands))
