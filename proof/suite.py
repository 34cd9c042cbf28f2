"""One suite of another project, run bare and under watch, and the two runs compared test by test."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proof.environment import CACHE, ROOT, python_with, source

PLUGINS = ROOT / "proof" / "plugin"
RESULTS = CACHE / "results"
ENDS = (".outcomes.json", ".report.json", ".log")
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")

Tests = dict[str, dict[str, str]]  # test id -> outcome and traceback


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Where a suite comes from and how its project runs it.

    Attributes:
        name: Names the folders of its environment and its results.
        source: ``distribution==version`` whose source distribution holds the tests.
        requirements: What its environment holds beside tether.
        parts: Arguments of pytest, once for each time it has to run.
        library: Packages under test, whose own lines are not the program's.
        variables: Environment variables the project's own runs set.
    """

    name: str
    source: str
    requirements: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    library: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The interpreter the tests run with."""
        return python_with(self.name, self.requirements)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of one run: the outcome of each test, and what watch found, if it was on."""

    tests: Tests
    findings: list[dict[str, Any]] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """Return how many tests had each outcome."""
        return Counter(test["outcome"] for test in self.tests.values())

    def words(self) -> str:
        """Return the counts for a table, such as ``450 passed, 2 failed``."""
        counts = self.counts()
        return ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if counts[name])


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How a suite is run.

    Attributes:
        watched: With everything in watch on; False: bare.
        workers: Processes of pytest-xdist; 0: none.
    """

    watched: bool
    workers: int = 0

    def options(self) -> list[str]:
        """Return the arguments of pytest for it."""
        plugins = [
            "-p",
            "no:cacheprovider",
            "-p",
            "proof_outcomes",
            *(["-p", "proof_watch"] if self.watched else []),
        ]
        return [*plugins, *(["-n", str(self.workers)] if self.workers else [])]


def run(suite: Suite, mode: Mode) -> Run:
    """Run a suite once and return what came of it; its output goes to ``build/proof/results``."""
    (RESULTS / suite.name).mkdir(parents=True, exist_ok=True)
    for number, arguments in enumerate(suite.parts):
        _part(suite, arguments, _stem(suite, number, mode), mode)
    return last(suite, mode)


def last(suite: Suite, mode: Mode) -> Run:
    """Return what came of the last run of a suite.

    Raises:
        SystemExit: There was none, or it came to no end.
    """
    runs = [_read(_stem(suite, number, mode)) for number in range(len(suite.parts))]
    return Run(
        tests={test: outcome for each in runs for test, outcome in each.tests.items()},
        findings=[finding for each in runs for finding in each.findings],
        disabled=sorted({sentence for each in runs for sentence in each.disabled}),
    )


def _stem(suite: Suite, number: int, mode: Mode) -> Path:
    """Return the path of the results of one part, without the end that says what a file holds."""
    return RESULTS / suite.name / f"{'watched' if mode.watched else 'bare'}-{number}"


def _part(suite: Suite, arguments: tuple[str, ...], stem: Path, mode: Mode) -> None:
    """Run pytest once, in the folder of the source distribution."""
    outcomes, report, log = (stem.with_suffix(end) for end in ENDS)
    for old in (outcomes, *report.parent.glob(f"{report.name}*")):
        old.unlink(missing_ok=True)
    variables = _variables(suite) | {
        "TETHER_PROOF_OUTCOMES": str(outcomes),
        "TETHER_PROOF_REPORT": str(report),
        "TETHER_PROOF_LIBRARY": suite.library,
    }
    # Named, so that pytest does not go on looking upwards and take tether's own configuration.
    configuration = ("-c", "pyproject.toml")
    command = [str(suite.python), "-m", "pytest", *configuration, *mode.options(), *arguments]
    with log.open("w") as output:
        subprocess.run(
            command, cwd=source(suite.source), env=variables, stdout=output, stderr=output, check=False
        )


def _read(stem: Path) -> Run:
    """Return what one run of pytest has written."""
    outcomes, report, log = (stem.with_suffix(end) for end in ENDS)
    if not outcomes.exists():
        raise SystemExit(f"pytest came to no end; its last words are in {log}")
    return Run(tests=json.loads(outcomes.read_text()), **_reports(report))


def _variables(suite: Suite) -> dict[str, str]:
    """Return the environment of a run: equal hashes, so that ids made from sets are equal too."""
    without = {name: value for name, value in os.environ.items() if not name.startswith(("TETHER", "PYTEST"))}
    commands = os.pathsep.join((str(suite.python.parent), os.environ["PATH"]))
    # The project's own folder, as after the editable install that its developers test with.
    modules = os.pathsep.join((str(PLUGINS), str(source(suite.source))))
    return {**without, "PATH": commands, "PYTHONPATH": modules, "PYTHONHASHSEED": "0", **suite.variables}


def _reports(report: Path) -> dict[str, list[Any]]:
    """Return the findings and the disabled detectors of all processes of a run."""
    documents = [json.loads(file.read_text()) for file in sorted(report.parent.glob(f"{report.name}*"))]
    return {
        "findings": [finding for document in documents for finding in document["findings"]],
        "disabled": [sentence for document in documents for sentence in document["disabled"]],
    }


def differences(bare: Run, watched: Run) -> Iterator[tuple[str, str, str, str]]:
    """Yield test, outcome bare, outcome under watch and traceback of each test whose outcome differs."""
    nothing = {"outcome": "not run", "trace": ""}
    for test in sorted(bare.tests | watched.tests):
        one, other = bare.tests.get(test, nothing), watched.tests.get(test, nothing)
        if one["outcome"] != other["outcome"]:
            yield test, one["outcome"], other["outcome"], other["trace"] or one["trace"]


def comparison(bare: Run, watched: Run) -> str:
    """Return both counts side by side, then every test whose outcome differs."""
    one, other = bare.counts(), watched.counts()
    lines = [f"{'':10}{'bare':>10}{'watched':>10}"]
    lines += [f"{name:10}{one[name]:>10}{other[name]:>10}" for name in OUTCOMES if one[name] or other[name]]
    for test, before, after, trace in differences(bare, watched):
        lines += ["", f"{test}: {before} bare, {after} under watch", trace]
    lines += [f"switched off: {sentence}" for sentence in watched.disabled]
    hazards = Counter(finding["hazard"] for finding in watched.findings)
    lines.append("findings: " + (", ".join(f"{name} {hazards[name]}" for name in sorted(hazards)) or "none"))
    return "\n".join(lines)
