"""``session.merge(x)`` whose result is dropped, while ``x`` is used on: keep the result under the same name."""

from __future__ import annotations

import ast

from tether.check.fixes.file import File, is_plain
from tether.core.finding import Finding, Fix

HAZARDS = ("merge-result-ignored",)


def fix(finding: Finding, file: File) -> Fix | None:
    """Return ``x = session.merge(x)`` if ``x`` is the plain name that is changed afterwards."""
    merged = next((place for place in finding.places if place.role == "merged"), None)
    if merged is None or (merged.path, merged.function) != (finding.path, finding.where.function):
        return None
    suites = file.suites_to(merged.line)
    statement = suites[-1][0][suites[-1][1]] if suites else None
    if not isinstance(statement, ast.Expr) or not is_plain(statement, file.text):
        return None
    call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    match call:
        case ast.Call(func=ast.Attribute(attr="merge"), args=[ast.Name(id=name), *_]) if name == changed_name(
            finding, file
        ):
            edit = file.insertion(finding.path, statement, f"{name} = ")
            return Fix("safe", f"Keep what merge() gives in `{name}`", (edit,))
    return None


def changed_name(finding: Finding, file: File) -> str:
    """Return the variable whose attribute is set on the line of the finding, "" if it is no plain variable."""
    suites = file.suites_to(finding.line)
    statement = suites[-1][0][suites[-1][1]] if suites else None
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name))]):
            return name
        case ast.AugAssign(target=ast.Attribute(value=ast.Name(id=name))):
            return name
    return ""
