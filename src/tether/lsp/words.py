"""Findings in the words of the Language Server Protocol."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lsprotocol import types

from tether.core.finding import Finding, Fix, Place, Severity
from tether.lsp.pages import Page
from tether.report import place_words

LEVELS: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "hint": types.DiagnosticSeverity.Hint,
}
NAME = re.compile(r"[\w.]+")

PageOf = Callable[[str], Page]  # the text of a file, by its path


def diagnostic(finding: Finding, page_of: PageOf) -> types.Diagnostic:
    """Return a finding as the editor shows it, with the places of its story as related information."""
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uri_of(place.path), range_of(place, page_of(place.path))),
            f"{place.role}: {place_words(place)}",
        )
        for place in finding.places
        if place.known and place != finding.where
    ]
    return types.Diagnostic(
        range=range_of(finding.where, page_of(finding.path)),
        message=f"{finding.message}\nhelp: {finding.help}" if finding.help else finding.message,
        severity=LEVELS[finding.severity],
        code=finding.hazard,
        source="tether",
        related_information=related,
    )


def workspace_edit(fix: Fix, page_of: PageOf) -> types.WorkspaceEdit:
    """Return a fix as edits by document."""
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in fix.edits:
        page = page_of(edit.path)
        span = types.Range(
            page.position(edit.line, edit.column), page.position(edit.end_line, edit.end_column)
        )
        changes.setdefault(uri_of(edit.path), []).append(types.TextEdit(span, edit.text))
    return types.WorkspaceEdit(changes=changes)


def range_of(place: Place, page: Page) -> types.Range:
    """Return the dotted name at a place; where the column is not known, the line without its indentation."""
    line = page.line(place.line)
    first = place.column - 1 if place.column else len(line) - len(line.lstrip())
    name = NAME.match(line, first) if place.column else None
    last = name.end() if name else max(len(line.rstrip()), first)
    return types.Range(page.position(place.line, first + 1), page.position(place.line, last + 1))


def path_of(uri: str) -> str:
    """Return the path of a file, "" for what is none, such as a text that was never saved."""
    parts = urlsplit(uri)
    return url2pathname(parts.path) if parts.scheme == "file" else ""


def uri_of(path: str) -> str:
    """Return the address of a file."""
    return Path(path).absolute().as_uri()
