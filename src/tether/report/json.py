"""Findings for a program: one JSON document, version 1. Unknown keys are to be ignored by who reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Unpack

from tether.core.finding import JSON_VERSION, Finding
from tether.report import Run
from tether.report._words import files_with, with_shown_paths


def render(findings: Sequence[Finding], **run: Unpack[Run]) -> str:
    """Return the document, indented; the same findings give the same bytes, but for the seconds.

    ``summary.notes`` is there only if there are any.
    """
    facts: dict[str, Any] = {
        "files": run.get("files", files_with(findings)),
        "seconds": round(run["seconds"], 3),
    }
    if notes := run.get("notes"):
        facts["notes"] = list(notes)
    document = {
        "version": JSON_VERSION,
        "tool": run["tool"],
        "findings": [_entry(finding) for finding in findings],
        "summary": facts,
    }
    return encoded(document)


def encoded(document: Any) -> str:
    """Return *document* as indented JSON that every decoder takes."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")  # a path of undecodable bytes has lone surrogates


def _entry(finding: Finding) -> dict[str, Any]:
    """Return one finding; its fingerprint is the one a baseline holds, whatever way its path is shown."""
    return with_shown_paths(finding).to_dict() | {"fingerprint": finding.fingerprint}
