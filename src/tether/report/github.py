"""Findings as annotations of a GitHub workflow: one ``::error``, ``::warning`` or ``::notice`` command each.

GitHub shows a limited number of annotations for each step; the log shows them all.
Source: GitHub, "Workflow commands for GitHub Actions"; the escapes are those of @actions/core, command.ts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

from tether.core.finding import Finding, Severity
from tether.report import Run
from tether.report._words import safe, summary, with_shown_paths, words_of

COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "hint": "notice"}


def render(findings: Sequence[Finding], **run: Unpack[Run]) -> str:
    """Return one command on each line, and the summary as the last line."""
    lines = [_annotation(with_shown_paths(finding)) for finding in findings]
    title = f"tether {run['tool']}"
    lines += [_command("notice", {"title": title}, safe(note)) for note in run.get("notes", ())]
    return "\n".join([*lines, summary(findings), ""])


def escaped_data(text: str) -> str:
    """Return *text* as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """Return *text* as the value of a property of a command."""
    return escaped_data(text).replace(":", "%3A").replace(",", "%2C")


def _annotation(finding: Finding) -> str:
    where = finding.where
    properties = {
        "file": safe(where.path),
        "line": str(where.line or ""),
        "col": str(where.column or "") if where.known else "",
        "title": safe(finding.hazard),
    }
    return _command(COMMANDS[finding.severity], properties, "\n".join(_story(finding)))


def _story(finding: Finding) -> list[str]:
    """Return the lines of the annotation: the message, the places, what to try."""
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    lines = [f"{safe(finding.message)}{times}"]
    for place in finding.places:
        line = f" {safe(place.path)}:{place.line}" if place.known else ""
        lines.append(f"{safe(place.role)}{line}: {words_of(place)}")
    if finding.help:
        lines.append(f"help: {safe(finding.help)}")
    return lines


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    """Return a workflow command; properties that are empty are left out."""
    written = ",".join(f"{key}={escaped_property(value)}" for key, value in properties.items() if value)
    return f"::{name} {written}::{escaped_data(message)}"
