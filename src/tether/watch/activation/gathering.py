"""The findings of every process as one list."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tether.core.finding import Finding, Place, finding_from_dict, sort_key


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What all processes of a program wrote.

    Attributes:
        findings: Folded and sorted; equal findings of several processes are one, with their counts added.
        notes: Sentences for the user, each once: why a process was not watched, which detector is off.
        watched: True if the watch began in at least one process.
        complete: False if the first process was watched and did not write its last record.
    """

    findings: list[Finding]
    notes: list[str]
    watched: bool
    complete: bool


def gather(folder: Path, first: int) -> Gathered:
    """Return what the processes wrote in *folder*; *first* is the number of the program's first process.

    Paths that a process wrote relative to its own working directory become
    relative to that of the caller. A last line that a process could not
    finish writing is left out.
    """
    findings: list[Finding] = []
    notes: dict[str, None] = {}
    watched, complete = False, True
    for file in sorted(folder.glob("*.jsonl")):
        records = list(_records(file))
        findings += _findings(records)
        notes.update(dict.fromkeys(note for record in records for note in _notes(record)))
        began = any("watching" in record for record in records)
        watched = watched or began
        if began and file.name.startswith(f"{first}-"):  # after an exec there is a second file, which counts
            complete = any("final" in record for record in records)
    return Gathered(findings=fold(findings), notes=list(notes), watched=watched, complete=complete)


def fold(findings: Iterable[Finding]) -> list[Finding]:
    """Return equal findings as one, with their counts added, gravest first."""
    counts: dict[Finding, int] = {}
    for finding in findings:
        key = finding.times(1)
        counts[key] = counts.get(key, 0) + finding.count
    return sorted((finding.times(count) for finding, count in counts.items()), key=sort_key)


def _records(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:  # the process was killed, or the disk was full, while it wrote
            continue


def _findings(records: list[dict[str, Any]]) -> list[Finding]:
    """Return what one process found: its last word if there is one, else what it wrote on the way."""
    final = next((record for record in reversed(records) if "final" in record), None)
    if final is not None:
        return [_from_here(data, final["at"]) for data in final["final"]]
    return [_from_here(record["finding"], record["at"]) for record in records if "finding" in record]


def _notes(record: dict[str, Any]) -> list[str]:
    return [record["note"]] if "note" in record else record.get("notes", [])


def _from_here(data: dict[str, Any], directory: str) -> Finding:
    """Return the finding with its paths as seen from this process's working directory."""
    finding = finding_from_dict(data)
    here = os.getcwd()
    if directory in ("", here):
        return finding
    places = tuple(_moved(place, directory, here) for place in finding.places)
    return replace(finding, where=_moved(finding.where, directory, here), places=places)


def _moved(place: Place, directory: str, here: str) -> Place:
    if not place.path or place.path.startswith("<"):
        return place
    full = os.path.join(directory, place.path)
    below = full.startswith(here + os.sep)
    return replace(place, path=(os.path.relpath(full, here) if below else full).replace(os.sep, "/"))
