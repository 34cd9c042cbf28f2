"""A relationship that was not loaded: ask for it where the rows are loaded. It changes the SQL, so it is unsafe."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tether.check.fixes.file import File, names_in, stores_in
from tether.core.finding import Edit, Finding, Fix

HAZARDS = ("lazy-load-after-close", "implicit-io-in-async", "lazy-load-in-loop")
OPTION = "selectinload"


def fix(finding: Finding, file: File) -> Fix | None:
    """Return ``.options(selectinload(User.orders))`` on the ``select(User)`` or ``get(User, ...)`` that loaded."""
    model, _, relationship = finding.subject.partition(".")
    loaded = next((place for place in finding.places if place.role == "loaded"), None)
    if not relationship.isidentifier() or loaded is None or loaded.path != finding.path:
        return None
    loads = list(loads_at(file, loaded.line, model))
    if len(loads) != 1:
        return None
    option = f"{OPTION}({model}.{relationship})"
    edit = with_option(file, finding.path, loads[0], option)
    imported = import_edits(file, finding.path)
    if edit is None or imported is None:
        return None
    return Fix("unsafe", f"Load `{finding.subject}` with the rows", (*imported, edit))


def loads_at(file: File, line: int, model: str) -> Iterator[ast.Call]:
    """Yield the calls that make the statement: on the line that loads, or anywhere in its function."""
    suites = file.suites_to(line)
    statement = suites[-1][0][suites[-1][1]] if suites else None
    here = list(loads_in(statement, model)) if isinstance(statement, ast.stmt) else []
    function = file.function_at(line)
    yield from here or (loads_in(function, model) if function else ())


def loads_in(node: ast.AST, model: str) -> Iterator[ast.Call]:
    """Yield ``select(User)``, ``session.query(User)`` and ``session.get(User, key)``."""
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Name(id="select") | ast.Attribute(attr="select" | "query"), args=[one]):
                pass
            case ast.Call(func=ast.Attribute(attr="get" | "get_one"), args=[one, _]):
                pass
            case _:
                continue
        if isinstance(one, ast.Name) and one.id == model and isinstance(call, ast.Call):
            yield call


def with_option(file: File, path: str, call: ast.Call, option: str) -> Edit | None:
    """Return the edit that adds an option to a call; None where it has options of its own."""
    end = file.text.place(file.text.end(call))
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "get_one"):
        if call.keywords:
            return None
        last = file.text.place(file.text.end(call.args[-1]))
        return Edit(path, *last, *last, f", options=[{option}]")
    return Edit(path, *end, *end, f".options({option})")


def import_edits(file: File, path: str) -> tuple[Edit, ...] | None:
    """Return what imports the option behind the other imports of SQLAlchemy's; None where there are none."""
    imports = [node for node in file.tree.body if isinstance(node, ast.ImportFrom) and not node.level]
    if any(name.name == OPTION and name.asname is None for node in imports for name in node.names):
        return ()
    ours = [node for node in imports if (node.module or "").partition(".")[0] == "sqlalchemy"]
    if not ours or OPTION in names_in([file.tree]) | stores_in([file.tree]):
        return None
    return (file.addition(path, ours[-1], f"from sqlalchemy.orm import {OPTION}"),)
