"""Bare and watched runs of another project's tests are compared test by test, not by their counts."""

from __future__ import annotations

from proof.judging import Group, grouped
from proof.suite import Run, comparison, differences


def run_of(**outcomes: str) -> Run:
    """Return a run with these outcomes and no tracebacks."""
    return Run(tests={name: {"outcome": outcome, "trace": ""} for name, outcome in outcomes.items()})


def finding(test: str, *, line: int, fingerprint: str = "f1") -> dict[str, object]:
    """Return a finding as the watched run writes it."""
    place = {"hazard": "write-while-detached", "path": "a.py", "line": line}
    return {"test": test, "fingerprint": fingerprint, **place}


def test_equal_counts_do_not_hide_two_tests_that_swapped_their_outcomes() -> None:
    """
    One test that broke and one that was mended are two differences, though the counts are equal.
    """
    bare = run_of(one="passed", two="failed")
    watched = run_of(one="failed", two="passed")

    assert bare.counts() == watched.counts()
    assert [("one", "passed", "failed", ""), ("two", "failed", "passed", "")] == list(
        differences(bare, watched)
    )


def test_a_test_that_was_not_run_is_a_difference() -> None:
    """
    A test that watch kept from running is named.
    """
    assert [("two", "passed", "not run", "")] == list(
        differences(run_of(one="passed", two="passed"), run_of(one="passed"))
    )


def test_the_traceback_of_a_broken_test_is_shown() -> None:
    """
    What a person needs first is the traceback under watch.
    """
    watched = Run(tests={"one": {"outcome": "failed", "trace": "KeyError: 'x'"}})

    assert "one: passed bare, failed under watch\nKeyError: 'x'" in comparison(run_of(one="passed"), watched)


def test_a_finding_of_two_tests_is_judged_once() -> None:
    """
    Findings with one fingerprint are one row, and the row names both tests.
    """
    groups = grouped("sqlmodel", [finding("t1", line=3), finding("t2", line=3)])

    assert [Group("sqlmodel", finding("t1", line=3), ("t1", "t2"))] == groups


def test_findings_come_in_the_order_of_their_places() -> None:
    """
    Line 9 stands before line 10, whatever the order of the tests.
    """
    groups = grouped(
        "sqlmodel", [finding("t1", line=10, fingerprint="a"), finding("t2", line=9, fingerprint="b")]
    )

    assert [9, 10] == [group.finding["line"] for group in groups]
