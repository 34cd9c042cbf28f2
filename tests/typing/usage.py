"""A program that uses every public name. Type checkers read it (`make types`); it is not run."""

from __future__ import annotations

from typing import assert_type

import tether
from tether import ConfigError, Finding, HazardError, Place, Report


def watch_a_part() -> list[Finding]:
    """A with block gives a report of findings."""
    with tether.watching() as report:
        assert_type(report, Report)
    assert_type(report.disabled, list[str])
    return report.findings


def watch_from_here_to_there() -> Report:
    """Options are keywords, and are checked."""
    assert_type(tether.start("warn", only=["never-committed"], sample=0.5, values=False), Report)
    return tether.stop()


def story(finding: Finding) -> list[str]:
    """A finding has places, and plain values only."""
    assert_type(finding.places, tuple[Place, ...])
    assert_type(finding.line, int)
    return [f"{place.path}:{place.line} {place.text}" for place in finding.places]


def fails() -> str:
    """Errors carry facts."""
    try:
        with tether.watching(mode="raise"):
            pass
    except HazardError as error:
        assert_type(error.findings, tuple[Finding, ...])
    except ConfigError as error:
        return f"{error.where}: {error.problem}"
    return ""
