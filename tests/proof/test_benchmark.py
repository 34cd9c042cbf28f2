"""The figures of the benchmark are ratios to bare SQLAlchemy, measured in the same run."""

from __future__ import annotations

from bench.watch import summary, table


def samples(workload: str, **seconds: list[float]) -> dict[str, dict[str, list[float]]]:
    """Return what a run of one workload measured."""
    return {workload: seconds}


def test_the_ratio_is_of_medians_and_the_one_in_brackets_of_minima() -> None:
    """
    One slow round moves neither figure.
    """
    figures = summary(samples("reads", bare=[0.010, 0.020, 0.900], tether=[0.011, 0.030, 0.031]))

    assert (1.5, 1.1) == (figures["reads"]["tether"]["ratio"], figures["reads"]["tether"]["ratio_min"])


def test_the_cost_of_one_query_is_in_microseconds() -> None:
    """
    A thousand queries that take two milliseconds longer cost two microseconds more each.
    """
    figures = summary(samples("small_queries", bare=[0.100], tether=[0.102]))

    assert 2.0 == figures["small_queries"]["tether"]["added_us_per_query"]


def test_a_row_of_the_table_shows_every_variant_but_bare_as_a_ratio() -> None:
    """
    Bare itself is shown in milliseconds, the scale of the ratios.
    """
    figures = summary(samples("reads", bare=[0.010], tether=[0.011], queryspy=[0.020]))

    assert (
        "| reads | 10.00 | 1.10 (1.10) | 2.00 (2.00) |"
        == table(figures, ["bare", "tether", "queryspy"]).splitlines()[-1]
    )
