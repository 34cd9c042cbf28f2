"""Which of the findings are told: the hazards asked for, what is allowed, how grave."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tether.check.front.cache import Answer
from tether.check.front.stored import StoredComment, finding_from_stored
from tether.core.config import Config
from tether.core.finding import SEVERITIES, Finding, Severity, sort_key
from tether.core.hazard_names import no_such_hazard
from tether.core.paths import matcher


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be told.

    Attributes:
        hazards: Names of the hazards that are looked for.
        level: The least grave severity that is told.
        known: Names of all hazards.
        config: What is allowed.
        paths: The files whose findings are told; None: all.
    """

    hazards: Collection[str]
    level: Severity
    known: Collection[str]
    config: Config = field(default_factory=Config)
    paths: Collection[str] | None = None


class Judged(NamedTuple):
    """What is told.

    Attributes:
        findings: Gravest first.
        unused: ``app/views.py:12 hazard`` for each name in an allow comment that allows nothing found.
        faults: A sentence for each allow comment that cannot be used.
    """

    findings: list[Finding]
    unused: list[str]
    faults: list[str]


def judge(answers: Mapping[str, Answer], wanted: Wanted) -> Judged:
    """Return which findings of *answers* are told, and what is to be said of the comments.

    What happens in one file may be found from several, its callers: it is told once.
    """
    comments = {path: answer.get("comments", []) for path, answer in answers.items()}
    findings = list(_findings(answers, wanted))
    is_allowed = _Allowed(wanted.config)
    gravest = SEVERITIES.index(wanted.level)
    told = [
        finding
        for finding in findings
        if SEVERITIES.index(finding.severity) <= gravest
        and not is_allowed(finding)
        and not _is_commented(finding, comments.get(finding.path, []))
    ]
    found = {(finding.path, finding.line, finding.hazard) for finding in findings}
    return Judged(
        sorted(told, key=sort_key),
        list(_unused(comments, found, wanted.hazards)),
        list(_faults(comments, wanted.known)),
    )


def _findings(answers: Mapping[str, Answer], wanted: Wanted) -> Iterator[Finding]:
    """Yield each finding of a hazard that is wanted, in a file that is, once."""
    seen = set()
    for path in sorted(answers):
        for data in answers[path].get("findings", []):
            key = (data["hazard"], data["path"], data["line"], data["column"], data["subject"])
            in_scope = wanted.paths is None or data["path"] in wanted.paths
            if key not in seen and in_scope and data["hazard"] in wanted.hazards:
                seen.add(key)
                yield finding_from_stored(data)


class _Allowed:
    """Whether the configuration allows a finding."""

    def __init__(self, config: Config) -> None:
        self.allow = config.allow
        self.per_file = [(matcher((glob,), config.root), names) for glob, names in config.per_file]
        # The analyser knows a class by its name only, so the name at the end of the path decides.
        self.per_class = [(name.rpartition(".")[2], names) for name, names in config.per_class]

    def __call__(self, finding: Finding) -> bool:
        hazard, owner = finding.hazard, finding.subject.partition(".")[0]
        return (
            hazard in self.allow
            or any(hazard in names and matches(finding.path) for matches, names in self.per_file)
            or any(hazard in names and owner == name for name, names in self.per_class)
        )


def _is_commented(finding: Finding, comments: list[StoredComment]) -> bool:
    return any(finding.hazard in names and finding.line in lines for _, names, lines in comments)


Comments = Mapping[str, list[StoredComment]]  # by path


def _unused(
    comments: Comments, found: Collection[tuple[str, int, str]], hazards: Collection[str]
) -> Iterator[str]:
    """Yield each name in a comment that was looked for and is on none of its lines."""
    for path, own_line, names, lines in _each(comments):
        for name in names:
            if name in hazards and not any((path, line, name) in found for line in lines):
                yield f"{path}:{own_line} {name}"


def _faults(comments: Comments, known: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each comment without names, and each name that is no hazard."""
    for path, line, names, _ in _each(comments):
        if not names:
            yield f"{path}:{line}: `# tether: allow` names no hazard; write it in brackets."
        for name in names:
            if name not in known:
                yield f"{path}:{line}: {no_such_hazard(name, known)}"


def _each(comments: Comments) -> Iterator[tuple[str, int, list[str], list[int]]]:
    for path in sorted(comments):
        for line, names, lines in comments[path]:
            yield path, line, names, lines
