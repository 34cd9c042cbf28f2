"""The matrix on our own models: every kind of attribute, every edit, every state, on every database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.carry.matrix.models import MAKE, Plain, Versioned
from tether.testing import Case, Matrix, conformance

SEED = int(os.environ.get("TETHER_TEST_SEED", "20261122"))
SAMPLE = 25  # cells for each database and set of models; on SQLite every place of every axis as well

Connect = Callable[[], Engine | AsyncEngine]
MODELS = pytest.mark.parametrize("base", [Plain, Versioned], ids=["without versions", "with versions"])


def failures_of(cases: Iterable[Case]) -> dict[str, str]:
    """Run cases, and return what was wrong, by name."""
    failures = {}
    for case in cases:
        try:
            case.run()
        except AssertionError as error:
            failures[case.id] = str(error)
    return failures


@MODELS
def test_sample(base: Any, open_engine: Connect) -> None:
    """
    A sample of the cells; on SQLite with every place of every axis among them. TETHER_TEST_SEED chooses another.
    """
    engine = open_engine()
    seed = SEED + sum(map(ord, engine.dialect.driver))  # each driver has cells of its own
    cases = conformance(base, engine, MAKE).sample(SAMPLE, seed)
    if engine.dialect.driver != "pysqlite":
        cases = cases[:SAMPLE]
    print(f"{len(cases)} cells, TETHER_TEST_SEED={SEED}")

    assert {} == failures_of(cases)


@pytest.mark.slow
@MODELS
def test_whole_matrix(
    base: Any, open_engine: Connect, record_property: Callable[[str, object], None]
) -> None:
    """
    All cells hold.
    """
    cases = conformance(base, open_engine(), MAKE).cases
    record_property("cells", len(cases))

    assert {} == failures_of(cases)


@pytest.fixture(scope="module")
def matrices() -> list[Matrix]:
    """
    The matrices of both sets of models; nothing is run.
    """
    from sqlalchemy import create_engine

    return [conformance(base, create_engine("sqlite://"), MAKE) for base in (Plain, Versioned)]


KINDS = {
    "column Integer", "column String", "column Text", "column Boolean", "column Numeric", "column Date",
    "column DateTime", "column Time", "column Interval", "column Uuid", "column LargeBinary", "column JSON",
    "column Enum", "column ColourType", "column PickleType", "deferred Text", "composite", "synonym",
    "Mutable column JSON", "column String of joined inheritance", "column String of single inheritance",
    "column String with a composite primary key", "column String with a version",
    "column String of joined inheritance with a version",
    "many-to-one", "one-to-many", "many-to-many", "one-to-one", "many-to-one to itself", "one-to-many to itself",
    "one-to-many with delete-orphan of association objects", "one-to-many with delete-orphan",
    "one-to-many set with delete-orphan", "one-to-many dict with delete-orphan",
    "one-to-many ordered list with delete-orphan", "one-to-many viewonly", "many-to-one to itself with a version",
    "many-to-many with a version", "one-to-many with a composite primary key",
}  # fmt: skip


def test_every_kind_is_there(matrices: list[Matrix]) -> None:
    """
    Each kind of attribute and relationship has cells; a kind that was lost would be missed here.
    """
    kinds = {case.kind for matrix in matrices for case in matrix.cases}

    assert set() == KINDS - kinds


def test_what_is_left_out_has_a_reason(matrices: list[Matrix]) -> None:
    """
    Queries, hybrids, proxies and computed columns are left out, and the list says why.
    """
    reasons = {left.id: left.reason for left in matrices[0].left_out}

    assert "it is a query (lazy='dynamic'): its rows do not travel" == reasons["Order.log"]
    assert "it is a query (lazy='write_only'): its rows do not travel" == reasons["Order.audit"]
    assert "it is computed from other attributes" == reasons["Card.is_titled"]
    assert "it is computed from other attributes" == reasons["Order.tag_names"]
    assert "the database computes it" == reasons["Card.shout"]
    assert "it is viewonly" == reasons["Order.watched / mine"]
    assert all(reasons.values())


def test_names_are_unique(matrices: list[Matrix]) -> None:
    """
    No two cells have one name.
    """
    for matrix in matrices:
        names = [case.id for case in matrix.cases]
        assert len(names) == len(set(names))


def test_sample_has_every_place_of_every_axis(matrices: list[Matrix]) -> None:
    """
    Whatever the seed, no kind, edit, form or state is left out of a sample; one seed gives one sample.
    """
    for matrix in matrices:
        places = {place for case in matrix.cases for place in enumerate(case.axes)}
        for seed in range(5):
            sample = matrix.sample(10, seed)
            assert places == {place for case in sample for place in enumerate(case.axes)}
            assert sample == matrix.sample(10, seed)
