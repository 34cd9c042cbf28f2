"""Every case is read by `tether check`, which never runs it; what it misses, and its false alarms, are written down."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest

from tests.casefile import Case, read_cases
from tests.check.engines import findings_in
from tether.core.finding import Finding
from tether.hazards import all_hazards

FOLDER = Path(__file__).parents[1] / "cases"
CASES = [case for path in sorted(FOLDER.glob("*.md")) for case in read_cases(path)]
NAMES = [f"{case.path.stem}: {case.title}" for case in CASES]

Promises = set[tuple[int, str]]


def findings_of(case: Case) -> list[Finding]:
    """Return what the analyser finds in the file ``program.py`` of the working directory, which holds the case."""
    Path("program.py").write_text(case.program, encoding="utf-8")
    found = findings_in("program.py")
    by_default = {hazard.name for hazard in all_hazards().values() if hazard.default}
    return [finding for finding in found if finding.hazard in {*by_default, case.path.stem}]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_check_keeps_its_promises(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Every promised line is reported, and no other line above the level of a hint, but for the known false alarms.
    """
    monkeypatch.chdir(tmp_path)
    findings = findings_of(case)
    told = {(finding.line, finding.hazard) for finding in findings}
    default = {(finding.line, finding.hazard) for finding in findings if finding.severity != "hint"}

    assert set() == case.promises("check") - told
    assert case.promises("false") == default - case.promises("check")


@pytest.mark.parametrize("case", [case for case in CASES if case.promises("missed")], ids=attrgetter("title"))
def test_what_check_misses_is_missed(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is written down as missed is not reported; when it is, the case can promise it.
    """
    monkeypatch.chdir(tmp_path)
    told = {(finding.line, finding.hazard) for finding in findings_of(case)}

    assert set() == case.promises("missed") & told


def test_known_misses_and_false_alarms_are_few() -> None:
    """
    Of ten cases the analyser is meant to report it misses at most two, and has at most one false alarm for each ten.
    """
    count = Counter(
        kind for case in CASES for kind in ("check", "missed", "false") for _ in case.promises(kind)
    )

    assert count["missed"] * 4 <= count["check"]
    assert count["false"] * 10 <= count["check"] + count["missed"]
