"""pytest under the watch: ``pytest --tether``, or ``tether = true`` in the ini file.

Switched off, which is the default, it imports nothing and costs nothing. Switched on, each test is told
what went wrong with its data, the terminal shows every finding once with its tests, and with
``--tether-fail`` an error fails its test. Under pytest-xdist the findings travel with the test reports.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from tether.core.finding import Finding
    from tether.watch import Report

MARKER: Final = "tether_allow"
COLLECTING: Final = "(while the tests were collected)"
AFTERWARDS: Final = "(after the last test)"
MAXIMUM_TESTS: Final = 5  # named with one finding

_body_failed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the ini file has those that a project decides once."""
    group = parser.getgroup("tether", "tether: what goes wrong with the data of SQLAlchemy programs")
    group.addoption(
        "--tether", action="store_true", help="watch every test, report what went wrong with its data"
    )
    group.addoption(
        "--tether-fail", action="store_true", help="the same, and fail each test that has an error"
    )
    group.addoption("--tether-out", metavar="FILE", help="also write the report to FILE")
    group.addoption("--tether-format", metavar="FORMAT", default="json", help="format of FILE (json)")
    parser.addini("tether", "watch every test", type="bool", default=False)
    parser.addini("tether_fail", "fail each watched test that has an error", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and start work if it is asked for."""
    config.addinivalue_line(
        "markers", f"{MARKER}(*hazards, reason=...): tether does not report these hazards in the test"
    )
    if config.getoption("tether") or config.getoption("tether_fail") or config.getini("tether"):
        config.pluginmanager.register(Watching(config), "tether-watching")


class Watching:
    """The plugin, switched on: in the one process of pytest, or in each xdist worker and their controller.

    Attributes:
        tests: Each finding with a count of 1, the tests it was made in, and how often.
        report: What the watch knows; None in a controller, which runs no tests.
    """

    def __init__(self, config: pytest.Config) -> None:
        from tether.core.baseline import read_baseline
        from tether.core.config import read_config
        from tether.errors import ConfigError
        from tether.hazards import all_hazards
        from tether.report import formats

        try:
            self.settings = read_config(config.rootpath, all_hazards())
            self.known = read_baseline(self.settings.baseline) if self.settings.baseline else {}
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from None
        if config.getoption("tether_format") not in formats():
            raise pytest.UsageError(f"--tether-format is one of {', '.join(formats())}")
        self.config = config
        self.fails = bool(config.getoption("tether_fail") or config.getini("tether_fail"))
        self.began = time.monotonic()
        self.report: Report | None = None
        self.tests: dict[Finding, dict[str, int]] = {}
        self.notes: dict[str, None] = {}
        self.late: list[tuple[str, Finding]] = []
        self.held_by: str | None = None  # a failed test, whose traceback keeps its local variables alive

    # ------------------------------------------------------------------ the run

    def pytest_report_header(self) -> str:
        """Say that the watch is on."""
        return "tether: watching, an error fails its test" if self.fails else "tether: watching"

    def pytest_sessionstart(self) -> None:
        """Start the watch in every process that runs tests."""
        if self.config.pluginmanager.has_plugin("dsession"):  # xdist's controller
            return
        from tether.watch import start

        # Installed packages are not the user's code anyway; these also where pytest runs from a checkout.
        settings = replace(self.settings, skip=(*self.settings.skip, "_pytest", "pluggy"), baseline=None)
        # Tests roll back on purpose, to leave the database as it was.
        self.report = start(mode="collect", config=settings, rollback=False)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check every marker before the first test runs."""
        if hasattr(self.config, "workerinput"):
            return  # xdist would make an internal error of it; there each test speaks for itself
        for problem in filter(None, map(_misnamed, items)):
            raise pytest.UsageError(problem)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """In a worker, stop a test whose marker cannot be used."""
        if problem := _misnamed(item):
            pytest.fail(problem, pytrace=False)

    def pytest_collection_finish(self) -> None:
        """Take what importing the test modules did out of the first test's account."""
        self._gather(COLLECTING)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End the watch, and write the file; trylast, so that every fixture is torn down."""
        if self.report is not None:
            from tether.watch import stop

            self.report.finish()
            self._gather(AFTERWARDS)
            self.notes.update(dict.fromkeys(self.report.disabled))
            stop()
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["tether"] = {"findings": _packed(self.late), "notes": list(self.notes)}
            return
        self._add(self.late)
        if self.fails and session.exitstatus == 0 and any(one.severity == "error" for one in self.tests):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write_file()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker found outside its tests."""
        output = getattr(node, "workeroutput", {}).get("tether")
        if output is not None:
            self._add(_unpacked(output["findings"]))
            self.notes.update(dict.fromkeys(output["notes"]))

    # ------------------------------------------------------------------ one test

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self) -> None:
        """Give what a failed test still held to that test; pytest let go of its traceback just now."""
        if self.held_by is not None:
            self._gather(self.held_by)
            self.held_by = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the test's findings to the report of its teardown; tryfirst: after what other plugins do."""
        report = yield
        if report.when != "teardown":
            if not report.passed:
                item.stash[_body_failed] = True
            return report
        failed = item.stash.get(_body_failed, False)
        if failed:
            self.held_by = item.nodeid
        _let_go_of_fixtures(item)
        if self.report is not None:
            allowed = _allowed(item)
            found = [finding for finding in self._drained() if finding.hazard not in allowed]
            self._tell(report, found, failed=failed)
        return report

    def _tell(self, report: pytest.TestReport, found: list[Finding], *, failed: bool) -> None:
        if not found:
            return
        vars(report)["tether"] = _packed((report.nodeid, finding) for finding in found)  # what xdist sends on
        text = self._text(found)
        if self.fails and not failed and report.passed and any(one.severity == "error" for one in found):
            report.outcome = "failed"
            report.longrepr = text
        else:
            # The terminal shows a section with this word in its name under the test, if that failed.
            report.sections.append(("tether, after teardown", text))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take over what a test found, wherever it ran."""
        self._add(_unpacked(getattr(report, "tether", "[]")))

    # ------------------------------------------------------------------ the summary

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show every finding once, with its tests."""
        if not self.tests and not self.notes:
            return
        terminalreporter.section("tether")
        terminalreporter.write_line(self._text(self._folded(), notes=self.notes))

    def _folded(self) -> list[Finding]:
        """Return each finding once, with its count and its tests, gravest first."""
        from tether.core.finding import Place, sort_key

        folded = []
        for finding, tests in self.tests.items():
            names = list(tests)
            more = len(names) - MAXIMUM_TESTS
            shown = names[:MAXIMUM_TESTS] + ([f"and {more} more"] if more > 0 else [])
            places = (*finding.places, *(Place("test", note=name) for name in shown))
            folded.append(replace(finding, places=places, count=sum(tests.values())))
        return sorted(folded, key=sort_key)

    def _text(self, findings: list[Finding], *, format: str = "text", notes: Iterable[str] = ()) -> str:
        from tether.hazards import all_hazards
        from tether.report import render

        seconds = time.monotonic() - self.began
        return render(
            format, findings, tool="watch", hazards=all_hazards(), seconds=seconds, notes=list(notes)
        )

    def _write_file(self) -> None:
        name = self.config.getoption("tether_out")
        if not name:
            return
        text = self._text(self._folded(), format=self.config.getoption("tether_format"), notes=self.notes)
        try:
            Path(self.config.invocation_params.dir, name).write_text(text, encoding="utf-8")
        except OSError as error:
            self.notes[f"the report cannot be written to {name}: {error.strerror}"] = None

    # ------------------------------------------------------------------ the account

    def _gather(self, test: str) -> None:
        """Take what was found since the last time into the account of *test*, which has no report to come."""
        if self.report is not None:
            self.late += [(test, finding) for finding in self._drained()]

    def _drained(self) -> list[Finding]:
        """Return what was found since the last time and is not in the baseline.

        How often does not matter here: any number of tests may reach one line.
        """
        assert self.report is not None
        return [
            finding for finding in self.report.drain(collect=True) if finding.fingerprint not in self.known
        ]

    def _add(self, found: Iterable[tuple[str, Finding]]) -> None:
        for test, finding in found:
            tests = self.tests.setdefault(finding.times(1), {})
            tests[test] = tests.get(test, 0) + finding.count


def _allowed(item: pytest.Item) -> set[str]:
    """Return the hazards that the test's markers allow."""
    return {name for marker in item.iter_markers(MARKER) for name in marker.args}


def _misnamed(item: pytest.Item) -> str:
    """Return what is wrong with the test's markers, or ""."""
    from tether.core.hazard_names import no_such_hazard
    from tether.hazards import all_hazards

    if not all(marker.args for marker in item.iter_markers(MARKER)):
        return f'{item.nodeid}: which hazards? As in {MARKER}("session-shared")'
    for name in map(str, _allowed(item)):
        if name not in all_hazards():
            return f"{item.nodeid}: {no_such_hazard(name, all_hazards())}"
    return ""


def _let_go_of_fixtures(item: pytest.Item) -> None:
    """Drop the values of fixtures, torn down by now, so that losses show in this test and not in the next.

    pytest does the same a moment later (``_pytest.runner.runtestprotocol``), after the reports were made.
    """
    if isinstance(item, pytest.Function):
        item.funcargs = {}


def _packed(found: Iterable[tuple[str, Finding]]) -> str:
    """Return findings as a text, which every version of xdist can send."""
    return json.dumps([(test, finding.to_dict()) for test, finding in found])


def _unpacked(text: str) -> list[tuple[str, Finding]]:
    from tether.core.finding import finding_from_dict

    return [(test, finding_from_dict(data)) for test, data in json.loads(text)]
