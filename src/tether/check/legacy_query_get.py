"""legacy-query-get, from the syntax of one file alone: ``Query.get`` where ``Session.get`` does the same.

Missed: a Session whose name tells nothing and that has no annotation; a query that is kept in a variable.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tether.check.project.source_text import SourceText
from tether.core.finding import Edit, Finding, Fix, Place
from tether.hazards.legacy_query_get import HAZARD

SESSION_NAME = re.compile(r"(?:^|_)session\d*$|[a-z]Session$|^Session$|^(?:db|DB)[Ss]ession$", re.ASCII)
SESSION_TYPES = frozenset({"Session", "scoped_session"})
# What a chain that begins with `query` may consist of up to its `get`; a comment in it may hold anything.
CHAIN = re.compile(r"\bquery\b([\w.,()\\\s]*+)(#?)")
GAP = r"(?:\s|\\\n)*"  # between the parts of a chain; a comment in it would be lost, so it is no gap


class Get(NamedTuple):
    """One call of ``Query.get``.

    Attributes:
        call: The whole expression.
        start: Offset of what the fix replaces.
        end: Offset of the end of it, behind ``get(``; -1: there is no fix.
        text: What it is replaced with.
        model: The mapped class, as written.
    """

    call: ast.Call
    start: int
    end: int
    text: str
    model: str


def find(path: str, source: str, tree: ast.Module | None = None) -> list[Finding]:
    """Return each call of ``Query.get`` in a file, with its fix where it is certain.

    Args:
        path: As it is shown.
        source: The text; one that does not parse has no findings.
        tree: The text parsed, where that has been done.
    """
    if ".get" not in source or not any(rest or "get" in chain for chain, rest in CHAIN.findall(source)):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python would say of the program is not our business
            tree = tree or ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        _finding(path, text, get, function)
        for text in [SourceText(source)]
        for get, function in _gets(tree, text)
    ]


class _Scope(NamedTuple):
    """What is known where an expression stands.

    Attributes:
        function: Dotted name of the function, ``<module>`` at the top.
        sessions: Names annotated as a Session.
        has_db: Whether ``db`` is Flask-SQLAlchemy's object of the module.
    """

    function: str
    sessions: frozenset[str]
    has_db: bool


def _gets(tree: ast.Module, text: SourceText) -> Iterator[tuple[Get, str]]:
    """Yield each call with the name of the function it stands in."""
    for node, scope in _calls(tree, _Scope("<module>", frozenset(), _imports_db(tree, text.source))):
        get = _of_session(node, scope, text) or _of_model(node, scope, text)
        if get:
            yield get, scope.function


def _calls(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.Call, _Scope]]:
    """Yield each call below *node* that looks like ``get(key)``, with what is known there."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = _inside(child, scope)
        elif isinstance(child, ast.Call) and _is_get(child):
            yield child, scope
        yield from _calls(child, inner)


def _inside(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: _Scope) -> _Scope:
    name = node.name if scope.function == "<module>" else f"{scope.function}.{node.name}"
    if isinstance(node, ast.ClassDef):
        return scope._replace(function=name)
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    stored = {
        one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    own = stored | {one.arg for one in given}
    annotated = {one.arg for one in given if _last(one.annotation) in SESSION_TYPES}
    return _Scope(name, (scope.sessions - own) | annotated, scope.has_db and "db" not in own)


def _is_get(call: ast.Call) -> bool:
    """Return whether a call is ``x.get(key)`` with one argument that stays one when another comes before it."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "get":
        return False
    if call.keywords:
        return not call.args and [keyword.arg for keyword in call.keywords] == ["ident"]
    return len(call.args) == 1 and not isinstance(call.args[0], ast.Starred | ast.GeneratorExp)


def _of_session(call: ast.Call, scope: _Scope, text: SourceText) -> Get | None:
    """Return ``session.query(User).get(key)``."""
    match call.func:
        case ast.Attribute(
            value=ast.Call(
                func=ast.Attribute(value=session, attr="query"), args=[model], keywords=[]
            ) as query
        ) if _is_class(model) and _is_session(session, scope):
            start, written = text.end(session), text.of(model)
            chain = f"{GAP}\\.{GAP}query{GAP}\\({GAP}{re.escape(written)}{GAP},?{GAP}\\){GAP}\\.{GAP}get{GAP}\\({GAP}"
            found = re.compile(chain).match(text.source, start)
            fits = found is not None and found.end() > text.end(query)
            return Get(call, start, found.end() if found and fits else -1, f".get({written}, ", written)
    return None


def _of_model(call: ast.Call, scope: _Scope, text: SourceText) -> Get | None:
    """Return ``User.query.get(key)``, which Flask-SQLAlchemy has; the fix needs its ``db``."""
    match call.func:
        case ast.Attribute(value=ast.Attribute(value=ast.Name() as model, attr="query")) if scope.has_db and (
            _is_class(model) or model.id == "cls"
        ):
            chain = f"{model.id}{GAP}\\.{GAP}query{GAP}\\.{GAP}get{GAP}\\({GAP}"
            found = re.compile(chain).match(text.source, text.start(model))
            end = found.end() if found else -1
            return Get(call, text.start(model), end, f"db.session.get({model.id}, ", model.id)
    return None


def _is_class(node: ast.expr) -> bool:
    """Return whether an expression is a name with a capital letter, a module before it allowed."""
    name = _last(node)
    return isinstance(node, ast.Name | ast.Attribute) and name[:1].isupper() and not name.isupper()


def _is_session(node: ast.expr, scope: _Scope) -> bool:
    """Return whether a name, the annotation of a parameter, or the name of a factory says Session."""
    if isinstance(node, ast.Call):
        return SESSION_NAME.search(_last(node.func)) is not None
    if isinstance(node, ast.Name) and node.id in scope.sessions:
        return True
    return isinstance(node, ast.Name | ast.Attribute) and SESSION_NAME.search(_last(node)) is not None


def _last(node: ast.expr | None) -> str:
    """Return the last name of a dotted one, "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rpartition(".")[2]
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _imports_db(tree: ast.Module, source: str) -> bool:
    """Return whether the module has Flask-SQLAlchemy's ``db``: it makes it, or imports one and uses it as that."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="db")], value=ast.Call(func=made)) if (
                _last(made) == "SQLAlchemy"
            ):
                return True
            case ast.ImportFrom(names=names) if any((one.asname or one.name) == "db" for one in names):
                return re.search(r"\bdb\.(?:session|Model)\b", source) is not None
    return False


def _finding(path: str, text: SourceText, get: Get, function: str) -> Finding:
    line, column = text.place(text.start(get.call))
    where = Place("used", path, line, column, function, text.lines[line - 1].strip())
    fix = None
    if get.end >= 0:
        edit = Edit(path, *text.place(get.start), *text.place(get.end), get.text)
        fix = Fix("safe", f"Use Session.get({get.model}, ...)", (edit,))
    message = f"`Query.get()` is legacy since SQLAlchemy 2.0; `Session.get({get.model}, ...)` does the same"
    return replace(HAZARD.at(where, message, subject=get.model), fix=fix)
