"""Every hazard is complete: words, cases and a lens, under one name, and nothing else is."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import pytest
import sqlalchemy.exc
import sqlalchemy.orm.exc

from tests.casefile import Case, read_cases
from tether.core.hazard import Hazard
from tether.hazards import all_hazards

ROOT = Path(__file__).parents[1]
CASE_FILES = sorted((ROOT / "tests/cases").glob("*.md"))
CASES = [case for path in CASE_FILES for case in read_cases(path)]
HAZARDS = sorted(all_hazards().values(), key=lambda hazard: hazard.name)

SEVERITIES = {
    "change-discarded": "error",
    "copy-shares-state": "error",
    "everything-loaded-at-once": "warning",
    "expired-instance-serialised": "error",
    "expired-read-after-close": "error",
    "implicit-io-in-async": "error",
    "instance-handed-over": "warning",
    "instance-kept": "warning",
    "instance-of-another-session": "error",
    "lazy-load-after-close": "error",
    "lazy-load-in-loop": "warning",
    "merge-over-newer-row": "error",
    "merge-result-ignored": "error",
    "never-committed": "error",
    "outdated-read": "warning",
    "read-after-rollback": "error",
    "session-never-closed": "warning",
    "session-shared": "error",
    "swallowed-database-error": "warning",
    "transient-copy-of-row": "error",
    "write-while-detached": "error",
}

# StaleDataError is SQLAlchemy's, an orphan is a cascade's, an Engine is what can be unbound, and so on.
FORBIDDEN = re.compile(
    r"\b(stale|orphan\w*|unbound|dirty|entit(y|ies)|fields?|invalid|illegal|wrong|forgot\w*|simply)\b|!",
    re.IGNORECASE,
)


def names_in(folder: str, pattern: str) -> set[str]:
    """Return the names a folder holds, spelled with hyphens."""
    stems = {path.stem for path in (ROOT / folder).glob(pattern)}
    return {stem.replace("_", "-") for stem in stems if not stem.startswith("_")}


def test_each_hazard_has_a_case_file() -> None:
    """
    The hazards are those that have cases, and no others.
    """
    assert set(all_hazards()) == names_in("tests/cases", "*.md")


def test_each_hazard_has_a_detector() -> None:
    """
    The hazards are those that a detector finds, and no others.
    """
    assert set(all_hazards()) == names_in("src/tether/watch/detectors", "*.py") - {"base"}


def test_a_hazard_is_named_as_its_file() -> None:
    """
    A hazard has the name of the file that describes it.
    """
    assert names_in("src/tether/hazards", "*.py") == set(all_hazards())


def test_severities_are_those_of_the_design() -> None:
    """
    A hazard has the severity that was decided for it.
    """
    assert SEVERITIES == {hazard.name: hazard.severity for hazard in HAZARDS}


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
def test_every_sentence_is_there(hazard: Hazard) -> None:
    """
    Summary, why and instead are sentences that end in a full stop.
    """
    for words in (hazard.summary, hazard.why, hazard.instead):
        assert words.endswith(".")


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
def test_words_are_sqlalchemys_and_blame_nobody(hazard: Hazard) -> None:
    """
    No sentence holds a word that means something else in SQLAlchemy, or that blames the reader.
    """
    sentences = " ".join((hazard.summary, hazard.why, hazard.instead))

    assert [] == [match.group() for match in FORBIDDEN.finditer(sentences)]


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
def test_the_examples_are_cases(hazard: Hazard) -> None:
    """
    The example is the first case of the case file and the better way the second, so both are run.
    """
    first, second, *_ = read_cases(ROOT / "tests/cases" / f"{hazard.name}.md")

    assert (first.plain_code, second.plain_code) == (hazard.example, hazard.better)
    assert hazard.name in {name for _, name in first.promises("watch")}


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.stem)
def test_each_case_file_has_harmful_and_silent_cases(path: Path) -> None:
    """
    A case file holds at least three cases that promise its hazard, three that are silent, and no title twice.
    """
    cases = read_cases(path)
    harmful = [case for case in cases if path.stem in {name for _, name in case.promises("watch")}]
    silent = [case for case in cases if case.title.endswith(": silent")]

    assert len({case.title for case in cases}) == len(cases)
    assert min(len(harmful), len(silent)) >= 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path.stem}: {case.title}")
def test_promises_can_be_kept(case: Case) -> None:
    """
    A promise names a hazard or an exception that exists, and a title says "silent" where none is promised.
    """
    hazards = {name for kind in ("check", "watch") for _, name in case.promises(kind)}
    errors = {name for _, name in case.promises("raises")}

    assert hazards <= SEVERITIES.keys()
    assert all(is_an_error(name) for name in errors)
    assert len(errors) <= 1
    assert case.title.endswith(": silent") == (not hazards)


def is_an_error(name: str) -> bool:
    """True if Python or SQLAlchemy has an exception of this name."""
    homes = (builtins, sqlalchemy.exc, sqlalchemy.orm.exc)
    return any(issubclass(getattr(home, name), Exception) for home in homes if hasattr(home, name))
