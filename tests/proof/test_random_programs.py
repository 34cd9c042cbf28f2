"""Random programs are run for their truth, and what is found in them is compared with it."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest

from proof.check_programs.__main__ import SHOP, truths_of
from proof.check_programs.compare import Verdict, verdicts
from proof.check_programs.generator import HEAD, programs

PROGRAM = """\
def main() -> None:
    with keeping() as session1:
        user = session1.get(User, 1)
        user.name = "name 1"
        session1.commit()
        rename(user, "name 2")
    print(len(user.orders))
    user.name = "name 3"
"""


def truth(**facts: Any) -> dict[str, Any]:
    """Return what a run of a program tells."""
    return {"raised": None, "at": [], "lines": [1, 2, 3], "written": {}, "kept": []} | facts


def finding(hazard: str, line: int) -> dict[str, Any]:
    """Return the part of a finding that is compared."""
    return {"hazard": hazard, "line": line}


def test_the_same_seed_gives_the_same_programs() -> None:
    """
    A program is found again by seed and number, and each is valid Python.
    """
    once, again, other = (dict(programs(20, seed)) for seed in (1, 1, 2))

    assert once == again
    assert once != other
    assert 20 == len([ast.parse(text) for text in once.values()])


def test_a_program_is_run_for_its_truth(tmp_path: Path) -> None:
    """
    The error and its line, the lines that were begun, and which names were kept and which lost.
    """
    shutil.copy(SHOP, tmp_path)
    (tmp_path / "program_0000.py").write_text(HEAD + PROGRAM)
    first = len(HEAD.splitlines())

    [facts] = truths_of(tmp_path)
    assert ("DetachedInstanceError", [first + 7]) == (facts["raised"], facts["at"])
    assert {str(first + 4): "name 1", str(first + 6): "name 2"} == facts["written"]
    assert ["ann", "name 1"] == facts["kept"]
    assert first + 8 not in facts["lines"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [("DetachedInstanceError", "true"), ("MissingGreenlet", "false"), (None, "false")],
)
def test_a_read_that_is_found_must_raise(raised: str | None, expected: str) -> None:
    """
    A finding of a read is true if its line raised the error it stands for.
    """
    facts = truth(raised=raised, at=[2] if raised else [])

    assert Verdict(expected, "lazy-load-after-close", 2) in verdicts(
        facts, [finding("lazy-load-after-close", 2)]
    )


def test_a_line_that_was_not_reached_says_nothing() -> None:
    """
    Neither true nor false is what comes after the end of the run.
    """
    told = verdicts(truth(lines=[1]), [finding("lazy-load-after-close", 2)])

    assert [Verdict("not reached", "lazy-load-after-close", 2)] == told


@pytest.mark.parametrize(("kept", "expected"), [([], "true"), (["name 1"], "false")])
def test_a_write_that_is_found_must_be_lost(kept: list[str], expected: str) -> None:
    """
    A name that some transaction kept was not lost.
    """
    facts = truth(written={"2": "name 1"}, kept=kept)

    assert [Verdict(expected, "write-while-detached", 2)] == verdicts(
        facts, [finding("write-while-detached", 2)]
    )
    assert [Verdict(expected, "change-discarded", 1)] == verdicts(facts, [finding("change-discarded", 1)])


def test_an_error_without_a_finding_is_missed() -> None:
    """
    An error that the static lens knows, and did not foresee, is counted.
    """
    facts = truth(raised="MissingGreenlet", at=[3])

    assert [Verdict("missed", "MissingGreenlet", 3)] == verdicts(facts, [])
    assert [] == verdicts(truth(raised="InvalidRequestError", at=[3]), [])
