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
    "guard-that-does-not-guard": "warning",
    "implicit-io-in-async": "error",
    "instance-handed-over": "warning",
    "instance-kept": "warning",
    "instance-of-another-session": "error",
    "instance-returned-from-session": "warning",
    "lazy-load-after-close": "error",
    "lazy-load-in-loop": "warning",
    "legacy-query-get": "warning",
    "merge-over-newer-row": "error",
    "merge-result-ignored": "error",
    "module-level-session": "warning",
    "never-committed": "error",
    "one-to-one-not-enforced": "warning",
    "outdated-read": "warning",
    "read-after-rollback": "error",
    "sent-before-commit": "warning",
    "session-never-closed": "warning",
    "session-shared": "error",
    "swallowed-database-error": "warning",
    "transient-copy-of-row": "error",
    "write-while-detached": "error",
}

# What only one of the lenses can see. A declaration, a guard or a return does nothing at run time that could be
# told from any other, and a number that is sent is no key; what another transaction wrote, the source does not say.
CHECK_ONLY = {
    "guard-that-does-not-guard",
    "instance-returned-from-session",
    "legacy-query-get",
    "module-level-session",
    "one-to-one-not-enforced",
    "sent-before-commit",
}
WATCH_ONLY = {"merge-over-newer-row", "outdated-read"}

# StaleDataError is SQLAlchemy's, an orphan is a cascade's, an Engine is what can be unbound, and so on.
FORBIDDEN = re.compile(
    r"\b(stale|orphan\w*|unbound|dirty|entit(y|ies)|fields?|invalid|illegal|wrong|forgot\w*|simply)\b|!",
    re.IGNORECASE,
)


KINDS = ("check", "missed", "watch", "library")  # of promises that name a hazard


def names_in(folder: str, pattern: str) -> set[str]:
    """Return the names a folder holds, spelled with hyphens."""
    stems = {path.stem for path in (ROOT / folder).glob(pattern)}
    return {stem.replace("_", "-") for stem in stems if not stem.startswith("_")}


def test_each_hazard_has_a_case_file() -> None:
    """
    The hazards are those that have cases, and no others.
    """
    assert set(all_hazards()) == {path.name.partition(".")[0] for path in CASE_FILES}


def test_each_hazard_has_a_detector() -> None:
    """
    The hazards are those that a detector finds, and those that only the static lens can see.
    """
    assert set(all_hazards()) - CHECK_ONLY == names_in("src/tether/watch/detectors", "*.py") - {"base"}


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
    assert hazard.name in {name for lens in ("check", "watch") for _, name in first.promises(lens)}


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
@pytest.mark.parametrize("lens", ["check", "watch"])
def test_each_hazard_has_harmful_cases(hazard: Hazard, lens: str) -> None:
    """
    Each lens promises a hazard in at least three of its cases, and never where only the other can see it.
    """
    own = [case for case in CASES if case.hazard == hazard.name]
    kinds = (
        ("check", "missed") if lens == "check" else ("watch",)
    )  # what check misses is promised all the same
    harmful = [case for case in own if hazard.name in {n for kind in kinds for _, n in case.promises(kind)}]
    blind = hazard.name in (WATCH_ONLY if lens == "check" else CHECK_ONLY)

    assert (len(harmful) == 0) if blind else (len(harmful) >= 3)


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
def test_each_hazard_has_silent_cases(hazard: Hazard) -> None:
    """
    At least three cases of a hazard are silent, and no title stands twice.
    """
    own = [case for case in CASES if case.hazard == hazard.name]
    silent = [case for case in own if case.title.endswith(": silent")]

    assert len({case.title for case in own}) == len(own)
    assert len(silent) >= 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path.stem}: {case.title}")
def test_promises_can_be_kept(case: Case) -> None:
    """
    A promise names a hazard or an exception that exists, and a title says "silent" where none is promised.
    """
    hazards = {name for kind in KINDS for _, name in case.promises(kind)}
    errors = {name for _, name in case.promises("raises")}

    assert hazards <= SEVERITIES.keys()
    assert all(is_an_error(name) for name in errors)
    assert len(errors) <= 1
    assert case.title.endswith(": silent") == (not hazards)


def is_an_error(name: str) -> bool:
    """True if Python or SQLAlchemy has an exception of this name."""
    homes = (builtins, sqlalchemy.exc, sqlalchemy.orm.exc)
    return any(issubclass(getattr(home, name), Exception) for home in homes if hasattr(home, name))
