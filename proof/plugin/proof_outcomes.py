"""A pytest plugin that writes the outcome of every test to the JSON file named by TETHER_PROOF_OUTCOMES.

It is loaded the same way in the bare and in the watched run, so it cannot be the difference between them.
Standard library and pytest only: the environment it runs in belongs to another project.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

# Worse outcomes win: a test whose call passed and whose teardown failed is an error.
RANK = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")
LONGEST_TRACE = 6_000  # characters kept of one traceback; its end is what names the cause


class Outcomes:
    """The worst outcome of each test seen so far, with the traceback of those that broke."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, str]] = {}

    def note(self, nodeid: str, outcome: str, trace: str) -> None:
        """Keep *outcome* unless a worse one is known for the test."""
        known = self.tests.get(nodeid)
        if known is None or RANK.index(known["outcome"]) < RANK.index(outcome):
            self.tests[nodeid] = {"outcome": outcome, "trace": trace[-LONGEST_TRACE:]}

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of one test."""
        self.note(report.nodeid, _outcome(report), report.longreprtext if report.failed else "")

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be collected, as if it were a test."""
        if report.failed:
            self.note(f"{report.nodeid} (collection)", "error", report.longreprtext)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        Path(os.environ["TETHER_PROOF_OUTCOMES"]).write_text(json.dumps(self.tests))


def _outcome(report: pytest.TestReport) -> str:
    """Return the outcome of one phase of one test, expected failures told apart."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    return report.outcome


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """Listen where all outcomes arrive: in the controller under pytest-xdist, else in this process."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(), "tether-proof-outcomes")
