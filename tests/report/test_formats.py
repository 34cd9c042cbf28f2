"""The folder of formats, when colours are used, and the pages of the catalogue."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from tests.report.samples import FINDINGS, HAZARDS, LAZY, LOOP
from tether import report
from tether.report.text import render


def test_folder_is_the_registry() -> None:
    """
    The formats are the modules of the folder.
    """
    folder = Path(report.__path__[0])
    modules = sorted(file.stem for file in folder.glob("[!_]*.py"))

    assert modules == list(report.formats())
    assert ("github", "json", "sarif", "text") == report.formats()


@pytest.mark.parametrize("name", report.formats())
def test_every_format_has_the_same_door(name: str) -> None:
    """
    Each format takes the same facts and gives a document that ends with a line break.
    """
    facts = {"tool": "watch", "hazards": HAZARDS, "seconds": 1.0, "files": 2, "notes": ["n"], "colour": False}

    assert "\n" == report.render(name, FINDINGS, **facts)[-1]


def test_render_by_name() -> None:
    """
    A format by its name is the format itself.
    """
    by_name = report.render("text", FINDINGS, tool="watch", hazards=HAZARDS, seconds=0)

    assert render(FINDINGS, tool="watch", hazards=HAZARDS, seconds=0) == by_name


def test_unknown_format() -> None:
    """
    An unknown format is refused with the names of all formats.
    """
    with pytest.raises(KeyError) as caught:
        report.render("xml", [], tool="watch", hazards=HAZARDS, seconds=0)

    assert "there is no format called 'xml'; there are github, json, sarif, text." == caught.value.args[0]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colour(
    stream: StringIO, environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Colours are for terminals that have them, and only where nobody asked for none.
    """
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert wanted == report.wants_colour(stream)


def test_page() -> None:
    """
    A hazard's page has what it is, why it hurts, the fix, both examples and the comment that allows it.
    """
    assert """\
lazy-load-after-close  [error]

An attribute that was never loaded is read on a detached instance.

Why it hurts
    It is fetched when it is first read, and that needs the Session.

What to write instead
    Load it together with the row.

Example
    print(user.orders)

Better
    session.get(User, 1, options=[selectinload(User.orders)])

To allow it on one line: # tether: allow[lazy-load-after-close]
""" == report.hazard_page(LAZY)


def test_page_of_a_hazard_that_is_off() -> None:
    """
    The page of a hazard that must be asked for says so, and leaves out what the catalogue does not have.
    """
    page = report.hazard_page(LOOP)

    assert "lazy-load-in-loop  [warning, only when asked for]" == page.splitlines()[0]
    assert "Example" not in page


def test_list() -> None:
    """
    The list has one line for each hazard, gravest first.
    """
    assert """\
lazy-load-after-close  error    An attribute that was never loaded is read on a detached instance.
lazy-load-in-loop      warning  A relationship is loaded one row at a time.

More of one: tether explain HAZARD
""" == report.hazard_list([LOOP, LAZY])
