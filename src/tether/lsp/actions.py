"""What an editor offers for a finding: its fix, and a comment that allows it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from tether.check.front.fixing import edited
from tether.core.allow import comments_in
from tether.core.finding import Edit, Finding, Fix

OWN_COMMENT = re.compile(r"(#+\s*tether\s*:\s*allow\s*\[)([^\]]*)(\])")


def fixes_for(finding: Finding, text: str) -> Iterator[Fix]:
    """Yield what can be done about a finding in *text*, the best first."""
    if finding.fix:
        yield finding.fix
    allow = _allow(finding, text)
    if allow:
        yield Fix("safe", f"Allow {finding.hazard} here", (allow,))


def _allow(finding: Finding, text: str) -> Edit | None:
    """Return the first way to write an allow comment that counts for the line and changes no code."""
    for edit in _comments(finding, text):
        after = edited(text, [edit])
        names = {
            name
            for comment in comments_in(after.encode()).get(_line_after(finding, edit), ())
            for name in comment.names
        }
        if finding.hazard in names and _same_code(text, after):
            return edit
    return None


def _line_after(finding: Finding, edit: Edit) -> int:
    """Return the finding's line once a comment stands above it."""
    return finding.line + edit.text.count("\n")


def _comments(finding: Finding, text: str) -> Iterator[Edit]:
    """Yield the places where a comment may go: in one that is there, behind the line, above a line."""
    lines = re.split(r"\r\n|\r|\n", text)
    if not 0 < finding.line <= len(lines):
        return
    path, hazard, number, line = finding.path, finding.hazard, finding.line, lines[finding.line - 1]
    if there := OWN_COMMENT.search(line):
        names = ", ".join([*filter(None, (name.strip() for name in there[2].split(","))), hazard])
        yield Edit(path, number, there.start(2) + 1, number, there.end(2) + 1, names)
    end = len(line.rstrip()) + 1
    yield Edit(path, number, end, number, end, f"  # tether: allow[{hazard}]")
    for above in range(number, 0, -1):
        indent = re.match(r"\s*", lines[above - 1])
        space = indent[0] if indent else ""
        yield Edit(path, above, 1, above, 1, f"{space}# tether: allow[{hazard}]\n")


def _same_code(before: str, after: str) -> bool:
    """Return whether two texts are the same program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
        except (SyntaxError, ValueError, RecursionError):
            return False
