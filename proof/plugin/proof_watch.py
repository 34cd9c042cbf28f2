"""A pytest plugin that runs another project's tests under watch, with everything that is on by default.

It changes nothing about the tests and fails none. Environment variables say the rest:

TETHER_PROOF_REPORT: The JSON file for what was found, each with the test it was found in.
TETHER_PROOF_LIBRARY: The package under test. It is imported from a source tree here; in a program it is an
    installed package, whose lines are not the program's own.
TETHER_PROOF_RESTART: "1" starts the watch anew for each test: SQLAlchemy's own tests clear all event
    listeners after every test, ours among them.
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

    def __init__(self, file: Path, *, restart: bool) -> None:
        self.file = file
        self.restart = restart
        self.library = tuple(os.environ.get("TETHER_PROOF_LIBRARY", "").split())
        self.report = self.start()
        self.found: list[dict[str, Any]] = []
        self.disabled: set[str] = set()

    def start(self) -> tether.Report:
        """Switch everything on that is on by default."""
        return tether.start(mode="collect", skip=self.library)

    def keep(self, test: str) -> None:
        """Note what was found since the last time as found in *test*."""
        self.found += [{"test": test, **finding.to_dict()} for finding in self.report.drain()]
        self.disabled.update(self.report.disabled)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run one test, its fixtures included, and note what was found meanwhile."""
        result = yield
        self.keep(item.nodeid)
        if self.restart:
            self.finish(item.nodeid)
            self.report = self.start()
        return result

    def finish(self, test: str) -> None:
        """Stop the watch and note what is lost by then."""
        self.report.finish()
        tether.stop()
        self.keep(test)

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        """Stop the watch for good and write what was found."""
        self.finish(AT_THE_END)
        document = {"findings": self.found, "disabled": sorted(self.disabled)}
        self.file.write_text(json.dumps(document))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the watch before any test module is imported, in each process that runs tests."""
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    if worker or not config.getoption("numprocesses", None):
        file = Path(os.environ["TETHER_PROOF_REPORT"] + worker)
        restart = os.environ.get("TETHER_PROOF_RESTART") == "1"
        config.pluginmanager.register(UnderWatch(file, restart=restart), "tether-proof-watch")
