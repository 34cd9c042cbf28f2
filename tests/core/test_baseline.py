"""The baseline file: what it holds, that it is stable, and what is new beside it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.findings import findings
from tether.core.baseline import read_baseline, without_known, write_baseline
from tether.core.finding import Finding, Place
from tether.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finding(line: int = 1, function: str = "save", count: int = 1) -> Finding:
    return Finding(
        "change-discarded", "error", "m", Place("used", "app/ü.py", line, 0, function, "a = 1"), count=count
    )


@given(st.lists(findings(), max_size=6))
def test_there_and_back(found: list[Finding]) -> None:
    """
    Of the findings a baseline was written from, none is new; without it, all are.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "baseline.json"
        write_baseline(file, found)
        baseline = read_baseline(file)

    assert Counter(one.fingerprint for one in found) == baseline
    assert [] == without_known(found, baseline)
    assert found == without_known(found, Counter())


@given(st.lists(findings(), max_size=6), st.randoms())
def test_order_does_not_matter(found: list[Finding], shuffler: random.Random) -> None:
    """
    The same findings in another order give the same bytes.
    """
    shuffled = list(found)
    shuffler.shuffle(shuffled)
    with TemporaryDirectory() as folder:
        one, two = Path(folder) / "one.json", Path(folder) / "two.json"
        write_baseline(one, found)
        write_baseline(two, shuffled)

        assert one.read_bytes() == two.read_bytes()


def test_what_a_person_reads(here: Path) -> None:
    """
    The file has one line for each fingerprint, with file, function and how many findings share it.
    """
    write_baseline("b.json", [finding(3, "store"), finding(1), finding(2)])
    fingerprints = (finding().fingerprint, finding(function="store").fingerprint)

    assert f"""\
{{
  "version": 1,
  "findings": [
    {{"hazard": "change-discarded", "path": "app/ü.py", "function": "save", \
"fingerprint": "{fingerprints[0]}", "count": 2}},
    {{"hazard": "change-discarded", "path": "app/ü.py", "function": "store", \
"fingerprint": "{fingerprints[1]}", "count": 1}}
  ]
}}
""" == Path("b.json").read_text(encoding="utf-8")


def test_more_than_it_holds(here: Path) -> None:
    """
    Of more alike findings than the baseline holds, the last ones are new.
    """
    write_baseline("b.json", [finding(1), finding(2)])

    assert [finding(9)] == without_known([finding(1), finding(2), finding(9)], read_baseline("b.json"))


def test_how_often_is_not_recorded(here: Path) -> None:
    """
    A finding that was seen more often than before is not new.
    """
    write_baseline("b.json", [finding(count=3)])

    assert [] == without_known([finding(count=500)], read_baseline("b.json"))


def test_nothing_else_is_left_behind(here: Path) -> None:
    """
    Writing leaves the baseline and no other file.
    """
    write_baseline("b.json", [])
    write_baseline("b.json", [finding()])

    assert ["b.json"] == [path.name for path in here.iterdir()]


def test_path_that_cannot_be_decoded(here: Path) -> None:
    """
    A finding in a file whose name cannot be decoded is recorded like any other.
    """
    odd = replace(finding(), where=Place("used", "app/\udcff.py", 1))
    write_baseline("b.json", [odd])

    assert [] == without_known([odd], read_baseline("b.json"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "b.json:1: this is not a baseline ('Expecting value', says json); "),
        (
            '{"version": 1,\n"findings": [}',
            "b.json:2: this is not a baseline ('Expecting value', says json); ",
        ),
        (
            '{"version": 9, "findings": []}',
            "b.json: this is not a baseline (its version is 9, and this tether reads 1); ",
        ),
        ("[]", "b.json: this is not a baseline (a part is missing or not what it should be); "),
        ('{"version": 1}', "b.json: this is not a baseline (a part is missing or not what it should be); "),
        (
            '{"version": 1, "findings": [{"fingerprint": "a", "count": true}]}',
            "b.json: this is not a baseline (a part is missing or not what it should be); ",
        ),
        (
            '{"version": 1, "findings": [{"fingerprint": 1, "count": 1}]}',
            "b.json: this is not a baseline (a part is missing or not what it should be); ",
        ),
        ("[" * 100_000, "b.json: this is not a baseline (it is not JSON in UTF-8); "),
        ("\udcff", "b.json: this is not a baseline (it is not JSON in UTF-8); "),
    ],
)
def test_broken_file(here: Path, content: str, sentence: str) -> None:
    """
    A file that is no baseline is refused by name, with what to do.
    """
    Path("b.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        read_baseline("b.json")

    assert f"{sentence}write it again with `tether run --write-baseline`." == str(caught.value)


def test_missing_file(here: Path) -> None:
    """
    A baseline that does not exist is refused with how to write one.
    """
    with pytest.raises(ConfigError) as caught:
        read_baseline("none.json")

    assert "none.json: there is no such baseline; write one with `tether run --write-baseline FILE`." == str(
        caught.value
    )


def test_place_that_cannot_be_written(here: Path) -> None:
    """
    A baseline that cannot be written is refused by name.
    """
    with pytest.raises(ConfigError) as caught:
        write_baseline("missing/b.json", [])

    assert "missing/b.json: the baseline cannot be written here: No such file or directory." == str(
        caught.value
    )
