"""What a person says of each finding of ``tether check`` in other projects, kept as facts without source text.

``proof/check/judged/PROJECT.jsonl`` holds one JSON object a line. A finding is the same as a judged one if path,
function, hazard, subject and fingerprint are: the fingerprint stands for the expression, and no line number is part
of it, so that a verdict survives edits elsewhere in the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).with_name("check") / "judged"
VERDICTS = ("true", "false", "unclear")
ENOUGH = 0.9  # of the judged findings of a hazard, for it to be on by default

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Judged:
    """One finding and what was found out about it.

    Attributes:
        project: Name of the distribution.
        version: Its version when the finding was looked at last.
        path: Of the file, from the project's folder.
        line: Where it was then; not compared.
        function: Around the line.
        hazard: Name in the catalogue.
        subject: What it happens to, such as ``User.orders``.
        fingerprint: Of the expression and all of the above but the line.
        verdict: ``true``: what the finding says does happen there; ``false``; or ``unclear``: not judged yet.
        why: One sentence.
    """

    project: str
    version: str
    path: str
    line: int
    function: str
    hazard: str
    subject: str
    fingerprint: str
    verdict: str = "unclear"
    why: str = ""

    @property
    def key(self) -> Key:
        """What makes two findings the same."""
        return self.path, self.function, self.hazard, self.subject, self.fingerprint


class Comparison(NamedTuple):
    """The findings of now beside those that were judged.

    Attributes:
        new: Not judged before.
        gone: Judged, and not found any more.
        kept: Judged and found, with the line and version of now.
    """

    new: list[Judged]
    gone: list[Judged]
    kept: list[Judged]


class Share(NamedTuple):
    """How many findings of a hazard have which verdict."""

    true: int
    false: int
    unclear: int

    @property
    def of_judged(self) -> float | None:
        """True ones as a part of those that have a verdict; None if none has."""
        judged = self.true + self.false
        return self.true / judged if judged else None


def as_judged(project: str, version: str, finding: dict[str, Any]) -> Judged:
    """Return a finding of the JSON report as one that awaits its verdict."""
    path, line = finding["path"], finding["line"]
    own = [place for place in finding["places"] if (place.get("path"), place.get("line")) == (path, line)]
    function = own[-1].get("function", "") if own else ""
    about = (finding["hazard"], finding["subject"], finding["fingerprint"])
    return Judged(project, version, path, line, function, *about)


def compare(judged: Iterable[Judged], found: Iterable[Judged]) -> Comparison:
    """Return what is new, gone and kept. Two findings with the same key are one."""
    before = {entry.key: entry for entry in judged}
    now = {entry.key: entry for entry in found}
    return Comparison(
        new=[entry for key, entry in now.items() if key not in before],
        gone=[entry for key, entry in before.items() if key not in now],
        kept=[
            replace(before[key], line=entry.line, version=entry.version)
            for key, entry in now.items()
            if key in before
        ],
    )


def shares(entries: Iterable[Judged]) -> dict[str, Share]:
    """Return the verdicts of each hazard, in alphabetical order."""
    counted = Counter((entry.hazard, entry.verdict) for entry in entries)
    hazards = sorted({hazard for hazard, _ in counted})
    return {hazard: Share(*(counted[hazard, verdict] for verdict in VERDICTS)) for hazard in hazards}


def read(project: str, folder: Path = FOLDER) -> list[Judged]:
    """Return the judged findings of a project.

    Raises:
        ValueError: A line has a verdict that is none, or one without a reason; the message names the line.
    """
    path = folder / f"{project}.jsonl"
    if not path.exists():
        return []
    entries = [Judged(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    for number, entry in enumerate(entries, 1):
        if entry.verdict not in VERDICTS:
            raise ValueError(f"{path.name}:{number}: {entry.verdict!r} is none of {', '.join(VERDICTS)}")
        if entry.verdict != "unclear" and not entry.why:
            raise ValueError(f"{path.name}:{number}: the verdict has no reason")
    return entries


def write(project: str, entries: Iterable[Judged], folder: Path = FOLDER) -> None:
    """Write the judged findings of a project, in the order of path, line and hazard."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(entries, key=lambda entry: (entry.path, entry.line, entry.hazard, entry.key))
    text = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in ordered)
    (folder / f"{project}.jsonl").write_text(text, encoding="utf-8")
