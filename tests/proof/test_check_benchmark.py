"""What `tether check` costs is measured beside ruff and flake8, in one run, and what cannot run is named."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from bench.check import Cost, UnavailableError, Variant, figures, in_turn, measure, size, table, timed


def test_the_ratio_is_of_median_cpu_time() -> None:
    """
    One slow round moves nothing, and lines are counted for each second of CPU time.
    """
    samples = {
        "ruff": [Cost(1.0, 0.5)] * 3,
        "tether cold": [Cost(2.0, 2.0), Cost(3.0, 3.0), Cost(90.0, 90.0)],
    }

    row = figures(samples, lines=300_000)["tether cold"]
    assert (3.0, 3.0, 100.0) == (row["cpu_s"], row["ratio_to_ruff"], row["klines_per_cpu_s"])


def test_without_ruff_there_are_no_ratios() -> None:
    """
    Where ruff cannot run, the seconds are shown and no ratio.
    """
    of = figures({"flake8": [Cost(2.0, 1.0)]}, lines=1_000)

    assert "| flake8 | 2.00 | 1.00 | 0 |  |" == table(of).splitlines()[-1]


def test_warm_follows_the_run_that_fills_its_cache() -> None:
    """
    The order is random, and "tether warm" always comes right after "tether first".
    """
    names = ["ruff", "flake8", "tether cold", "tether first", "tether warm"]
    ready = [Variant(name, ()) for name in names]

    for seed in range(20):
        order = [variant.name for variant in in_turn(ready, random.Random(seed))]
        assert sorted(names) == sorted(order)
        assert order.index("tether first") + 1 == order.index("tether warm")


def test_the_cpu_time_of_a_child_is_counted() -> None:
    """
    A process that computes has used CPU time.
    """
    assert timed([sys.executable, "-c", "sum(range(2_000_000))"]).cpu > 0


def test_a_command_that_fails_says_why() -> None:
    """
    A status other than 0 and 1 is no measurement; the last line of its errors is the reason.
    """
    failing = [sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(2)"]
    with pytest.raises(UnavailableError, match="status 2: why"):
        timed(failing)
    with pytest.raises(UnavailableError):
        timed(["no-such-program-at-all"])


def test_what_cannot_run_is_named_and_the_rest_measured() -> None:
    """
    One variant that fails does not keep the others from being measured.
    """
    wanted = [
        Variant("ruff", (sys.executable, "-c", "0")),
        Variant("tether cold", (sys.executable, "-c", "raise SystemExit(2)")),
    ]
    samples, unavailable = measure(wanted, [], rounds=1, seed=1)

    assert (["ruff"], ["tether cold"]) == (list(samples), list(unavailable))
    assert 1 == len(samples["ruff"])


def test_files_and_lines_are_counted(tmp_path: Path) -> None:
    """
    Only Python files count.
    """
    (tmp_path / "a.py").write_text("one\ntwo\n")
    (tmp_path / "b.txt").write_text("three\n")

    assert {"files": 1, "lines": 2} == size([str(tmp_path)])
