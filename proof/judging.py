"""Verdicts on what watch finds in other projects' suites, and the table made of them.

A person writes ``judged.toml`` after looking at the source: one entry for each finding, found again by its
fingerprint, which holds no line number and so survives small changes of the other project.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proof.environment import ROOT, version_in
from proof.suite import Run, Suite, differences

JUDGED = Path(__file__).with_name("judged.toml")
TABLE = ROOT / "docs" / "proof" / "third-party.md"

Key = tuple[str, str]  # suite, fingerprint


@dataclass(frozen=True)
class Group:
    """One finding and all the tests it was found in."""

    suite: str
    finding: dict[str, Any]
    tests: tuple[str, ...]

    @property
    def key(self) -> Key:
        """What a verdict is looked up by."""
        return self.suite, self.finding["fingerprint"]


@dataclass(frozen=True)
class Verdict:
    """What a person found out about one finding: ``true`` or ``false alarm``, and one sentence why."""

    verdict: str
    why: str


def grouped(suite: str, findings: list[dict[str, Any]]) -> list[Group]:
    """Return the findings of a suite, each once, in the order of hazard and place."""
    tests: dict[str, list[str]] = {}
    first: dict[str, dict[str, Any]] = {}
    for finding in findings:
        first.setdefault(finding["fingerprint"], finding)
        tests.setdefault(finding["fingerprint"], []).append(finding["test"])
    groups = [
        Group(suite, finding, tuple(dict.fromkeys(tests[fingerprint])))
        for fingerprint, finding in first.items()
    ]
    return sorted(groups, key=lambda group: [group.finding[name] for name in ("hazard", "path", "line")])


def verdicts() -> dict[Key, Verdict]:
    """Return every verdict written in ``judged.toml``."""
    if not JUDGED.exists():
        return {}
    entries = tomllib.loads(JUDGED.read_text()).get("finding", [])
    return {
        (entry["suite"], entry["fingerprint"]): Verdict(entry["verdict"], entry["why"]) for entry in entries
    }


def document(
    suites: Mapping[str, Suite], runs: Mapping[str, tuple[Run, Run]], known: dict[Key, Verdict]
) -> None:
    """Write ``docs/proof/third-party.md``: counts first, then every finding with its verdict."""
    lines = [
        "# Other projects' own tests under watch",
        "",
        "Written by `python -m proof.third_party --write`; the verdicts are from `proof/judged.toml`,",
        "each made after reading the place in the source. A test suite does hazardous things on purpose:",
        "*true* means that what the finding says did happen there, and is worth knowing in a program.",
        "A test that fails bare fails because its project's release is older than the SQLAlchemy it runs on.",
        "",
        "| suite | SQLAlchemy | bare | under watch | outcomes that differ | findings |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, (bare, watched) in runs.items():
        lines.append(_counts(suites[name], bare, watched))
    for name, (_, watched) in runs.items():
        lines += ["", f"## {suites[name].source.replace('==', ' ')}", ""]
        lines += _judged(grouped(name, watched.findings), known)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n")


def _counts(suite: Suite, bare: Run, watched: Run) -> str:
    cells = (
        suite.source.replace("==", " "),
        version_in(suite.python, "sqlalchemy"),
        bare.words(),
        watched.words(),
        str(sum(1 for _ in differences(bare, watched))),
        str(len(grouped(suite.name, watched.findings))),
    )
    return f"| {' | '.join(cells)} |"


def _judged(groups: list[Group], known: dict[Key, Verdict]) -> list[str]:
    """Return the rows of one suite."""
    if not groups:
        return ["No findings."]
    rows = ["| hazard | where | of | tests | verdict | why |", "| --- | --- | --- | --- | --- | --- |"]
    for group in groups:
        finding = group.finding
        verdict = known.get(group.key, Verdict("not judged", ""))
        where = f"{finding['path']}:{finding['line']}"
        cells = (finding["hazard"], f"`{where}`", f"`{finding['subject']}`", str(len(group.tests)))
        rows.append(f"| {' | '.join((*cells, verdict.verdict, verdict.why))} |")
    return rows
