"""Findings as dictionaries, and their fingerprints."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.findings import findings
from tether.core.finding import Finding, Place, finding_from_dict, sort_key

FINDING = Finding(
    "write-while-detached",
    "error",
    "m",
    Place("used", "app/views.py", 42, 5, "save", 'user.name = "Ada"'),
    subject="User.name",
)


@given(findings())
def test_there_and_back(finding: Finding) -> None:
    """
    A finding that went through JSON is the finding it was.
    """
    document = json.loads(json.dumps(finding.to_dict()))

    assert finding == finding_from_dict(document)


@given(st.integers(1, 10_000), st.integers(0, 200), st.integers(1, 9))
def test_fingerprint_has_no_line_number(line: int, column: int, count: int) -> None:
    """
    A finding that moved to another line, or was seen more often, keeps its fingerprint.
    """
    moved = replace(FINDING, where=replace(FINDING.where, line=line, column=column), count=count)

    assert FINDING.fingerprint == moved.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(FINDING, hazard="change-discarded"),
        replace(FINDING, subject="User.email"),
        replace(FINDING, where=replace(FINDING.where, path="app/jobs.py")),
        replace(FINDING, where=replace(FINDING.where, function="store")),
        replace(FINDING, where=replace(FINDING.where, text='user.name = "Bob"')),
    ],
)
def test_fingerprint_tells_apart(other: Finding) -> None:
    """
    Another hazard, subject, file, function or expression is another fingerprint.
    """
    assert FINDING.fingerprint != other.fingerprint


def test_fingerprint_of_a_path_that_cannot_be_decoded() -> None:
    """
    A file name that is not in the file system's encoding has a fingerprint like any other.
    """
    odd = replace(FINDING, where=replace(FINDING.where, path="app/\udcff.py"))

    assert FINDING.fingerprint != odd.fingerprint


def test_gravest_first() -> None:
    """
    Findings are sorted by severity, then by file and line.
    """
    hint = replace(FINDING, severity="hint")
    later = replace(FINDING, where=replace(FINDING.where, line=43))

    assert [FINDING, later, hint] == sorted([hint, later, FINDING], key=sort_key)
