"""Findings in other projects are compared with what a person said of them, by expression and not by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proof.check_corpus import shown, table
from proof.verdicts import Judged, Share, as_judged, compare, read, shares, write


def entry(fingerprint: str, **facts: Any) -> Judged:
    """Return a judged finding."""
    given = {"line": 10, "hazard": "write-while-detached", "verdict": "true", "why": "It is."} | facts
    return Judged("shop", "1.0", "a.py", given["line"], "f", given["hazard"], "User.name", fingerprint,
                  given["verdict"], given["why"])  # fmt: skip


def finding(**facts: Any) -> dict[str, Any]:
    """Return a finding of the JSON report, in line 3 of a.py."""
    place = {"role": "used", "path": "a.py", "line": 3, "function": "rename", "text": "user.name = name"}
    about = {
        "hazard": "write-while-detached",
        "severity": "error",
        "message": "It is lost.",
        "subject": "User.name",
    }
    return {"path": "a.py", "line": 3, "places": [place], "fingerprint": "f1", **about, **facts}


def test_a_finding_that_moved_keeps_its_verdict() -> None:
    """
    The line is not compared, and the new one is kept.
    """
    comparison = compare([entry("f1", line=10)], [entry("f1", line=12, verdict="unclear", why="")])

    assert ([], [], [entry("f1", line=12)]) == comparison


def test_what_is_new_and_what_is_gone() -> None:
    """
    A finding nobody judged is new, and one that is not found any more is gone.
    """
    comparison = compare([entry("f1")], [entry("f2", verdict="unclear", why="")])

    assert ([entry("f2", verdict="unclear", why="")], [entry("f1")], []) == comparison


def test_the_same_expression_with_another_hazard_is_another_finding() -> None:
    """
    Path, function, hazard, subject and expression together make a finding.
    """
    comparison = compare([entry("f1")], [entry("f1", hazard="change-discarded")])

    assert (1, 1, 0) == tuple(len(part) for part in comparison)


def test_unclear_ones_are_no_part_of_the_share() -> None:
    """
    The share of true ones is of those that have a verdict.
    """
    entries = [entry("f1"), entry("f2"), entry("f3", verdict="false"), entry("f4", verdict="unclear")]

    assert {"write-while-detached": Share(2, 1, 1)} == shares(entries)
    assert pytest.approx(2 / 3) == Share(2, 1, 1).of_judged
    assert Share(0, 0, 1).of_judged is None


def test_a_hazard_below_nine_in_ten_is_marked() -> None:
    """
    Nine of ten are enough, eight are not.
    """
    rows = table({"a": Share(9, 1, 0), "b": Share(8, 2, 0)}).splitlines()

    assert ["| a | 9 | 1 | 0 | 90% |", "| b | 8 | 2 | 0 | 80% low |", "| all | 17 | 3 | 0 | 85% |"] == rows[
        2:
    ]


def test_the_function_is_that_of_the_place_it_is_about() -> None:
    """
    A finding of the report awaits its verdict under its function.
    """
    expected = Judged("shop", "1.0", "a.py", 3, "rename", "write-while-detached", "User.name", "f1")

    assert expected == as_judged("shop", "1.0", finding())


def test_a_judge_sees_the_places_and_the_lines_around(tmp_path: Path) -> None:
    """
    Six lines are shown, and the one the finding is about is marked.
    """
    (tmp_path / "a.py").write_text("".join(f"line {number}\n" for number in range(1, 9)))

    text = shown(finding(), tmp_path)
    assert "used       a.py:3  user.name = name" in text
    assert "  >     3 line 3" in text
    assert ("line 1" in text, "line 6" in text, "line 7" in text) == (True, True, False)


def test_verdicts_are_written_and_read(tmp_path: Path) -> None:
    """
    What is written is read again, in the order of path and line.
    """
    write("shop", [entry("f2", line=20), entry("f1")], tmp_path)

    assert [entry("f1"), entry("f2", line=20)] == read("shop", tmp_path)
    assert [] == read("nothing", tmp_path)


@pytest.mark.parametrize("facts", [{"verdict": "maybe"}, {"why": ""}], ids=["no such verdict", "no reason"])
def test_a_verdict_must_be_one_and_have_a_reason(tmp_path: Path, facts: dict[str, str]) -> None:
    """
    A line that says less than a verdict and why is refused by its number.
    """
    write("shop", [entry("f1"), entry("f2", line=20, **facts)], tmp_path)

    with pytest.raises(ValueError, match=r"shop.jsonl:2: "):
        read("shop", tmp_path)
