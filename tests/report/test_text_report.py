"""The report as a person reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.findings import findings
from tests.report.samples import FINDINGS, HAZARDS, IN_LOOP, LAZY_FINDING, LOOP_FINDING, NOTE, USED
from tether.core.finding import Finding, Place
from tether.report.text import render

REPORT = """\
app/views.py:42:5 lazy-load-after-close: \
`User.orders` is read, but the `User` is detached and `orders` was never loaded
    loaded    app/views.py:38   user = session.get(User, 1)
    detached  app/views.py:40   with Session(engine) as session:  (close)
    used      app/views.py:42   user.orders
    help: .options(selectinload(User.orders)) on the query at app/views.py:38
    more: tether explain lazy-load-after-close

app/日本.py:7 lazy-load-in-loop: `Order.customer` is loaded one row at a time (12 times)
    loaded  before the watch began
    used    app/日本.py:7   row.customer
    more: tether explain lazy-load-in-loop

(unknown line) lazy-load-in-loop: no line is known
    more: tether explain lazy-load-in-loop

note: outdated-read is switched off: SQLAlchemy has no Session.commit here
3 findings: 1 error, 1 warning, 1 hint
"""


def text(findings: list[Finding], *, colour: bool = False) -> str:
    return render(findings, tool="watch", hazards=HAZARDS, seconds=0.2, notes=[NOTE], colour=colour)


def without_colour(report: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", report)


def test_report() -> None:
    """
    A finding is one line that stands alone, its places, one thing to try, and where to read more.
    """
    assert REPORT == text(FINDINGS)


def test_colours_change_no_word() -> None:
    """
    In colour the report has the same words, and the hazard in the colour of its severity.
    """
    report = text(FINDINGS, colour=True)

    assert REPORT == without_colour(report)
    assert "\x1b[1;31mlazy-load-after-close\x1b[0m" in report


@given(st.lists(findings(), max_size=3))
def test_words_are_the_same_with_any_data(found: list[Finding]) -> None:
    """
    Whatever a finding holds, the report has the same words with and without colour.
    """
    assert text(found) == without_colour(text(found, colour=True))


@given(findings())
def test_nothing_acts_on_the_terminal(finding: Finding) -> None:
    """
    Whatever a finding holds, a line of the report stays one line and no control character gets out.
    """
    tame = replace(finding, message="m", help="h", places=(), where=USED)
    lines = text([finding]).splitlines()

    assert len(text([tame]).splitlines()) + len(finding.places) - (not finding.help) == len(lines)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", text([finding]))


def test_escapes_are_shown() -> None:
    """
    A control character in a message, path or source line is shown as an escape.
    """
    odd = "\x1b[31m\r\n\u202e\udcff"
    report = text([replace(LAZY_FINDING, message=odd, where=replace(USED, path=odd, text=odd))])

    assert (
        "\\x1b[31m\\r\\n\\u202e\\udcff:42:5 lazy-load-after-close: \\x1b[31m\\r\\n\\u202e\\udcff\n" in report
    )


def test_wide_characters_line_up() -> None:
    """
    Columns line up on a terminal where a character takes two columns, or none.
    """
    places = (
        replace(IN_LOOP, path="日本.py"),
        replace(IN_LOOP, path="abcd.py"),
        replace(IN_LOOP, path="e\u0301bcd.py"),
    )
    report = text([replace(LOOP_FINDING, places=places)])

    assert (
        """\
    used  日本.py:7   row.customer
    used  abcd.py:7   row.customer
    used  e\u0301bcd.py:7   row.customer
"""
        in report
    )


def test_long_source_line() -> None:
    """
    A very long line of source code is cut.
    """
    long = replace(USED, text="x" * 10_000)
    line = next(line for line in text([replace(LAZY_FINDING, places=(long,))]).splitlines() if "xxx" in line)

    assert f"    used  app/views.py:42   {'x' * 159}…" == line


def test_line_with_cause_and_note() -> None:
    """
    What SQLAlchemy calls the event, and a remark, stand in brackets behind the line.
    """
    place = Place("detached", "a.py", 1, text="s.close()", cause="close", note="in another thread")

    assert "    detached  a.py:1   s.close()  (close; in another thread)\n" in text(
        [replace(LAZY_FINDING, places=(place,))]
    )


def test_place_that_is_not_known() -> None:
    """
    A place without line and without remark says so.
    """
    place = Place("detached", cause="garbage collection")

    assert "    detached  at a line that is not known  (garbage collection)\n" in text(
        [replace(LAZY_FINDING, places=(place,))]
    )


def test_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Paths below the working directory are shown relative to it, others in full.
    """
    monkeypatch.chdir(tmp_path)
    here = replace(USED, path=str(tmp_path / "app" / "views.py"))
    report = text([replace(LAZY_FINDING, where=here, places=(here, replace(USED, path="/lib/x.py")))])

    assert report.startswith("app/views.py:42:5 lazy")
    assert "    used  /lib/x.py:42      user.orders\n" in report


def test_hazard_outside_the_catalogue() -> None:
    """
    A hazard that the catalogue does not hold is not sent to it.
    """
    assert "more:" not in text([replace(LAZY_FINDING, hazard="brand-new")])


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([], "no findings"),
        ([LAZY_FINDING], "1 finding: 1 error"),
        ([LAZY_FINDING, LAZY_FINDING, LOOP_FINDING], "3 findings: 2 errors, 1 warning"),
    ],
)
def test_last_line(found: list[Finding], line: str) -> None:
    """
    The last line counts the findings by severity.
    """
    assert line == text(found).splitlines()[-1]
