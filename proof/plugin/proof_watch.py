"""A pytest plugin that runs another project's tests under watch, with everything that is on by default.

It changes nothing about the tests and fails none. A hook of ours that raises is off from then on; so that no test
runs with less than everything, the watch then starts anew. Environment variables:

TETHER_PROOF_REPORT: The JSON file for what was found, each with the test it was found in.
TETHER_PROOF_LIBRARY: The package under test. It is imported from a source tree here; in a program it is an
    installed package, whose lines are not the program's own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import tether

AT_THE_END = "(at the end)"


class UnderWatch:
    """Starts and stops the watch and keeps what it finds."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.library = tuple(os.environ.get("TETHER_PROOF_LIBRARY", "").split())
        self.report = self.start()
        self.found: list[dict[str, Any]] = []
        self.disabled: dict[str, str] = {}  # sentence -> the first test after which it stood in the report

    def start(self) -> tether.Report:
        """Switch everything on that is on by default."""
        return tether.start(mode="collect", skip=self.library)

    def keep(self, test: str) -> None:
        """Note what was found since the last time as found in *test*."""
        self.found += [{"test": test, **finding.to_dict()} for finding in self.report.drain()]
        for sentence in self.report.disabled:
            self.disabled.setdefault(sentence, test)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run one test, its fixtures included, and note what was found meanwhile."""
        result = yield
        self.keep(item.nodeid)
        if self.report.disabled:
            tether.stop()
            self.report = self.start()
        return result

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        """Stop the watch for good, and write what was found and what is lost by now."""
        self.report.finish()
        tether.stop()
        self.keep(AT_THE_END)
        disabled = [f"{sentence} (in {test})" for sentence, test in self.disabled.items()]
        document = {"findings": self.found, "disabled": disabled}
        self.file.write_text(json.dumps(document))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the watch before any test module is imported, in each process that runs tests."""
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    if worker or not config.getoption("numprocesses", None):
        file = Path(os.environ["TETHER_PROOF_REPORT"] + worker)
        config.pluginmanager.register(UnderWatch(file), "tether-proof-watch")
