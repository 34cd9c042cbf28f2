"""Fixes: the edits that findings carry, made in files without losing anything else that is in them."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import unified_diff
from io import BytesIO
from tempfile import NamedTemporaryFile
from tokenize import detect_encoding
from typing import NamedTuple

from tether.core.finding import Edit, Finding, Fix

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class Changed(NamedTuple):
    """One file, before and after its fixes.

    Attributes:
        path: As it is shown.
        before: Its text, line breaks as they are.
        after: The text with the edits made.
        encoding: Of the file, with its byte order mark if it has one.
        old: Its bytes when it was read.
        fixes: How many fixes begin in it.
    """

    path: str
    before: str
    after: str
    encoding: str
    old: bytes
    fixes: int


class Plan(NamedTuple):
    """What would be written, and a sentence for each fix that would not be made."""

    files: list[Changed]
    refused: list[str]


def plan_fixes(
    findings: Iterable[Finding], *, unsafe: bool, is_as_checked: Callable[[str, bytes], bool]
) -> Plan:
    """Return the files as the fixes of *findings* would leave them; nothing is written.

    A fix is made as a whole or not at all. Of two that overlap the one that stands first in the file is made.
    A file whose content is no longer the one that was checked is left alone, as is one that would no longer be
    Python.

    Args:
        findings: Those without a fix are passed over.
        unsafe: Also take fixes that may change what the program does.
        is_as_checked: Whether a path's content is what the findings are about.
    """
    fixes = {fix: finding for finding in findings if (fix := finding.fix) and _fits(fix, unsafe=unsafe)}
    taken, refused = _without_conflicts(fixes)
    while True:
        files = [_changed(path, taken, is_as_checked) for path in sorted(_paths(taken))]
        refusals = [refusal for refusal in files if isinstance(refusal, _Refusal)]
        if not refusals:
            return Plan([changed for changed in files if isinstance(changed, Changed)], refused)
        refused += [f"{path}: {why}; it is left as it is" for path, why in refusals]
        # A fix that also edits another file is not made there either.
        taken = [fix for fix in taken if _paths([fix]).isdisjoint(path for path, _ in refusals)]


class _Refusal(NamedTuple):
    """A file that is left as it is, and why."""

    path: str
    why: str


def _paths(fixes: Iterable[Fix]) -> set[str]:
    return {edit.path for fix in fixes for edit in fix.edits}


def _fits(fix: Fix, *, unsafe: bool) -> bool:
    return bool(fix.edits) and (unsafe or fix.applicability == "safe")


def _without_conflicts(fixes: Mapping[Fix, Finding]) -> tuple[list[Fix], list[str]]:
    """Return the fixes that do not overlap, and a sentence for each other one."""
    taken: list[Fix] = []
    refused = []
    for fix in sorted(fixes, key=lambda fix: min(_span(edit) for edit in fix.edits)):
        if any(_overlap(edit, other) for edit in fix.edits for one in taken for other in one.edits):
            finding = fixes[fix]
            refused.append(
                f"{finding.path}:{finding.line}: {finding.hazard} is not fixed: another fix is in its way"
            )
        else:
            taken.append(fix)
    return taken, refused


def _span(edit: Edit) -> tuple[str, int, int, int, int]:
    return edit.path, edit.line, edit.column, edit.end_line, edit.end_column


def _overlap(one: Edit, other: Edit) -> bool:
    """Return whether two edits touch the same text; two insertions at one place do."""
    if one.path != other.path:
        return False
    first, second = sorted((one, other), key=_span)
    end, start = (first.end_line, first.end_column), (second.line, second.column)
    return end > start or (first.line, first.column) == start


def _changed(
    path: str, fixes: Sequence[Fix], is_as_checked: Callable[[str, bytes], bool]
) -> Changed | _Refusal:
    """Return a file with its edits made, or why that cannot be."""
    edits = [edit for fix in fixes for edit in fix.edits if edit.path == path]
    try:
        with open(path, "rb") as file:
            old = file.read()
        if not is_as_checked(path, old):
            return _Refusal(path, "it changed after it was checked")
        encoding, _ = detect_encoding(BytesIO(old).readline)
        before = old.decode(encoding)
        after = edited(before, edits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python would say of the program is not our business
            ast.parse(after.encode(encoding))
    except OSError as error:
        return _Refusal(path, f"it cannot be read: {error.strerror}")
    except (SyntaxError, ValueError, RecursionError) as error:  # ValueError: encodings, null bytes, spans
        return _Refusal(path, f"its fixes cannot be made ({error})")
    count = sum(fix.edits[0].path == path for fix in fixes)
    return Changed(path, before, after, encoding, old, count)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return *text* with *edits* made; what they insert has the line breaks of the text.

    Raises:
        ValueError: An edit is outside the text.
    """
    starts = _starts(text)
    newline = next(iter(re.findall(r"\r\n|\r|\n", text)), "\n")
    for edit in sorted(edits, key=_span, reverse=True):
        start = _offset(starts, edit.line, edit.column)
        end = _offset(starts, edit.end_line, edit.end_column)
        text = text[:start] + edit.text.replace("\n", newline) + text[end:]
    return text


def _starts(text: str) -> list[int]:
    """Return the offset of each line as Python counts lines, and the end of the text."""
    return [0, *(match.end() for match in LINE.finditer(text))]


def _offset(starts: Sequence[int], line: int, column: int) -> int:
    if not 0 < line <= len(starts) or column < 1:
        raise ValueError(f"there is no line {line}")
    offset = starts[line - 1] + column - 1
    if offset > starts[min(line, len(starts) - 1)]:
        raise ValueError(f"there is no column {column} in line {line}")
    return offset


def diff_of(changed: Changed) -> str:
    """Return the change as ``git apply`` and ``patch -p1`` take it."""
    before, after = (LINE.findall(text) for text in (changed.before, changed.after))
    lines = unified_diff(before, after, f"a/{changed.path}", f"b/{changed.path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def write_fixes(files: Iterable[Changed]) -> tuple[list[Changed], list[str]]:
    """Write *files*, each at once or not at all; return those written, and a sentence for each other one."""
    written, refused = [], []
    for changed in files:
        try:
            if _write(changed):
                written.append(changed)
            else:
                refused.append(f"{changed.path}: it changed after it was checked; it is left as it is")
        except OSError as error:
            refused.append(f"{changed.path}: it cannot be written: {error.strerror}")
    return written, refused


def _write(changed: Changed) -> bool:
    """Replace one file, through links, keeping its permissions; False if it is not what was read."""
    path = os.path.realpath(changed.path)
    with NamedTemporaryFile(dir=os.path.dirname(path), prefix=".tether-", delete=False) as unfinished:
        try:
            unfinished.write(changed.after.encode(changed.encoding))
            unfinished.close()
            os.chmod(unfinished.name, os.stat(path).st_mode)
            with open(path, "rb") as file:
                unchanged = file.read() == changed.old
            if unchanged:
                os.replace(unfinished.name, path)
            return unchanged
        finally:
            if os.path.exists(unfinished.name):
                os.unlink(unfinished.name)
