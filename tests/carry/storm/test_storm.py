"""Processes that edit the same rows: by attach() no acknowledged edit is lost, by merge() many are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proof.storm.databases import PLACES, Place
from proof.storm.running import Result, Run, Size, Storm, processes, run
from tests import servers
from tests.conftest import need

SAMPLE = Size(processes=3, things=4, copies=20)
WHOLE = Size(processes=8, things=50, copies=125)
SERVERS = {"PostgreSQL": servers.POSTGRESQL, "MariaDB": servers.MARIADB}
SAMPLES = [PLACES[1], PLACES[4], PLACES[5]]  # one of each database


@pytest.fixture(scope="module")
def three() -> Iterator[Run]:
    """
    Three processes that are started once.
    """
    with processes(SAMPLE.processes) as run_tasks:
        yield run_tasks


@pytest.fixture(scope="module")
def eight() -> Iterator[Run]:
    """
    Eight processes that are started once.
    """
    with processes(WHOLE.processes) as run_tasks:
        yield run_tasks


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """
    A place whose server answers.
    """
    wanted: Place = request.param
    if wanted.database in SERVERS:
        need(SERVERS[wanted.database], request)
    return wanted


def words(place: Place) -> str:
    """Return a place for the name of a test."""
    return f"{place.database}, {place.isolation}"


def check(result: Result, size: Size) -> None:
    """Assert that something was written and something refused, and that nothing is missing."""
    least = size.processes * size.copies

    assert ([], [], []) == (result.verdict.lost, result.verdict.unexplained, result.untrue)
    assert result.acknowledged + result.reported >= least
    assert result.acknowledged > least / 2
    assert result.reported > 0


@pytest.mark.parametrize("place", SAMPLES, ids=words, indirect=True)
@pytest.mark.parametrize("versioned", [False, True], ids=["plain", "versioned"])
def test_sample_of_attach(place: Place, versioned: bool, three: Run) -> None:
    """
    Three processes, four rows: every acknowledged edit is there, or was written over by somebody who had seen it.
    """
    check(run(Storm(place, versioned, "attach"), SAMPLE, three), SAMPLE)


@pytest.mark.parametrize("place", SAMPLES, ids=words, indirect=True)
def test_sample_of_merge(place: Place, three: Run) -> None:
    """
    The same storm with merge() loses edits, so the check sees losses.
    """
    result = run(Storm(place, False, "merge"), SAMPLE, three)

    assert result.verdict.lost


@pytest.mark.storm
@pytest.mark.parametrize("place", PLACES, ids=words, indirect=True)
@pytest.mark.parametrize("versioned", [False, True], ids=["plain", "versioned"])
def test_attach(place: Place, versioned: bool, eight: Run) -> None:
    """
    Eight processes, fifty rows, thousands of edits: none that was acknowledged is lost, and no conflict is untrue.
    """
    check(run(Storm(place, versioned, "attach"), WHOLE, eight), WHOLE)


@pytest.mark.storm
@pytest.mark.parametrize("place", PLACES, ids=words, indirect=True)
@pytest.mark.parametrize("versioned", [False, True], ids=["plain", "versioned"])
def test_merge(place: Place, versioned: bool, eight: Run) -> None:
    """
    merge() loses acknowledged edits, also with a version column: children that somebody added.
    """
    result = run(Storm(place, versioned, "merge"), WHOLE, eight)

    assert result.verdict.lost
