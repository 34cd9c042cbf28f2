"""Findings for code scanners: SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format", errata 01).

Section numbers in the comments are those of that document.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Unpack
from urllib.parse import quote

from tether.core.finding import Finding, Fix, Place, Severity
from tether.core.hazard import Hazard
from tether.core.paths import shown_path
from tether.core.version import version
from tether.report import Run
from tether.report._words import with_shown_paths, words_of
from tether.report.json import encoded

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "hint": "note"}
BASE = "%SRCROOT%"  # what relative paths are relative to; the name is the one used in the standard's examples
FINGERPRINT = "tether/v1"


def render(findings: Sequence[Finding], **run: Unpack[Run]) -> str:
    """Return a log of one run, with the whole catalogue as its rules and each story as a code flow."""
    hazards = run["hazards"]
    names = sorted(hazards)
    told: dict[str, Any] = {
        "tool": {"driver": _driver([hazards[name] for name in names])},
        "invocations": [_invocation(run.get("notes", ()))],
        "automationDetails": {"id": f"tether/{run['tool']}/"},
        "originalUriBaseIds": {BASE: {"description": {"text": "The working directory of the run."}}},
        "columnKind": "unicodeCodePoints",  # 3.14.17
        "results": [_result(finding, names) for finding in findings],
    }
    return encoded({"$schema": SCHEMA, "version": "2.1.0", "runs": [told]})


def _driver(hazards: Sequence[Hazard]) -> dict[str, Any]:
    return {"name": "tether", "version": version(), "rules": [_rule(hazard) for hazard in hazards]}


def _rule(hazard: Hazard) -> dict[str, Any]:
    """Return a hazard of the catalogue as a reportingDescriptor (3.49)."""
    return {
        "id": hazard.name,
        "name": "".join(word.capitalize() for word in hazard.name.split("-")),
        "shortDescription": {"text": hazard.summary},
        "fullDescription": {"text": hazard.why},
        "help": {"text": f"{hazard.why}\n\n{hazard.instead}", "markdown": _markdown(hazard)},
        "defaultConfiguration": {"level": LEVELS[hazard.severity], "enabled": hazard.default},
    }


def _markdown(hazard: Hazard) -> str:
    parts = [hazard.why, hazard.instead]
    if hazard.example:
        parts.append(f"```python\n{hazard.example.strip()}\n```")
    if hazard.better:
        parts.append(f"Better:\n\n```python\n{hazard.better.strip()}\n```")
    return "\n\n".join(parts)


def _invocation(notes: Sequence[str]) -> dict[str, Any]:
    """Return the run itself; what tether could not do in it is a notification (3.20.21)."""
    notifications = [{"level": "warning", "message": {"text": note}} for note in notes]
    return {"executionSuccessful": True, "toolExecutionNotifications": notifications}


def _result(raw: Finding, rules: Sequence[str]) -> dict[str, Any]:
    finding = with_shown_paths(raw)
    text = f"{finding.message}\nhelp: {finding.help}" if finding.help else finding.message
    result: dict[str, Any] = {"ruleId": finding.hazard}
    if finding.hazard in rules:
        result["ruleIndex"] = rules.index(finding.hazard)
    result |= {
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(finding.where)] if finding.where.known else [],
        "relatedLocations": [
            {"id": number} | _location(place, told=True) for number, place in enumerate(finding.places)
        ],
        "partialFingerprints": {FINGERPRINT: raw.fingerprint},
        "occurrenceCount": finding.count,
        "properties": {"subject": finding.subject},
    }
    if finding.places:
        result["codeFlows"] = [{"threadFlows": [{"locations": [_step(place) for place in finding.places]}]}]
    if finding.fix:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    """Return a fix (3.55); whether it is safe is a property of ours."""
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        region = {
            "startLine": edit.line,
            "startColumn": edit.column,
            "endLine": edit.end_line,
            "endColumn": edit.end_column,
        }
        replacement = {"deletedRegion": region, "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.path, []).append(replacement)
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": _artifact(shown_path(path)), "replacements": replacements}
            for path, replacements in changes.items()
        ],
        "properties": {"applicability": fix.applicability},
    }


def _step(place: Place) -> dict[str, Any]:
    """Return a place as one step of a code flow (3.38)."""
    return {"location": _location(place, told=True), "kinds": [place.role]}


def _location(place: Place, *, told: bool = False) -> dict[str, Any]:
    """Return a place as a location (3.28), with the words about it if *told*."""
    location: dict[str, Any] = {}
    if place.known:
        location["physicalLocation"] = {"artifactLocation": _artifact(place.path), "region": _region(place)}
    if place.function:
        location["logicalLocations"] = [{"fullyQualifiedName": place.function, "kind": "function"}]
    if told:
        location["message"] = {"text": f"{place.role}: {words_of(place)}"}
    return location


def _artifact(path: str) -> dict[str, Any]:
    """Return a path as a URI: below the working directory a relative one (3.4.4), else a file URI."""
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(path).is_absolute():
            return {"uri": kind(path).as_uri()}
    return {"uri": quote(path, errors="replace"), "uriBaseId": BASE}


def _region(place: Place) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.line}
    if place.column:
        region["startColumn"] = place.column
    if place.text:
        region["snippet"] = {"text": place.text}
    return region
