"""A file that fixes are made for: its tree, and where things stand in it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tether.check.project.source_text import SourceText
from tether.core.finding import Edit

Definition = ast.FunctionDef | ast.AsyncFunctionDef
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class File:
    """One file.

    Attributes:
        text: Its source.
        tree: The source parsed.
    """

    text: SourceText
    tree: ast.Module

    def functions(self) -> Iterator[Definition]:
        """Yield each function, the outer ones first."""
        for node in ast.walk(self.tree):
            if isinstance(node, Definition):
                yield node

    def function_at(self, line: int) -> Definition | None:
        """Return the innermost function around a line; None at the top of the module."""
        around = [node for node in self.functions() if node.lineno <= line <= last_line(node)]
        return max(around, key=lambda node: node.lineno, default=None)

    def suites_to(self, line: int) -> list[tuple[Sequence[ast.stmt], int]]:
        """Return the suites around a line, from the function's own inwards, with the index of the statement there."""
        function = self.function_at(line)
        suite: Sequence[ast.stmt] = function.body if function else self.tree.body
        found: list[tuple[Sequence[ast.stmt], int]] = []
        while True:
            index = next(
                (at for at, node in enumerate(suite) if first_line(node) <= line <= last_line(node)), -1
            )
            if index < 0:
                return found
            found.append((suite, index))
            inner = [part for part in suites_of(suite[index]) if last_line(part[-1]) >= line]
            suite = next((part for part in inner if first_line(part[0]) <= line), ())

    def insertion(self, path: str, before: ast.stmt, text: str) -> Edit:
        """Return the edit that writes text before a statement; a line of its own ends with a line break."""
        line, column = self.text.place(self.text.start(before))
        return Edit(path, line, column, line, column, text.replace("\n", "\n" + self.indentation(before)))

    def addition(self, path: str, after: ast.stmt, text: str) -> Edit:
        """Return the edit that writes a line behind a statement."""
        line = last_line(after)
        column = len(self.text.lines[line - 1].rstrip("\r\n")) + 1  # behind a comment
        return Edit(path, line, column, line, column, f"\n{self.indentation(after)}{text}")

    def indentation(self, node: ast.stmt) -> str:
        """Return the blanks before a statement that begins its line."""
        return str(self.text.lines[node.lineno - 1].encode()[: node.col_offset], "utf-8")

    def replacement(self, path: str, node: ast.expr, text: str) -> Edit:
        """Return the edit that writes *text* instead of an expression."""
        start, end = self.text.place(self.text.start(node)), self.text.place(self.text.end(node))
        return Edit(path, *start, *end, text)


def read_file(source: str) -> File | None:
    """Return a file to fix; None if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python would say of the program is not our business
            return File(SourceText(source), ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def first_line(node: ast.stmt) -> int:
    """Return the first line of a statement, its decorators included."""
    lines: list[int] = [one.lineno for one in getattr(node, "decorator_list", ())]
    return min([node.lineno, *lines])


def last_line(node: ast.stmt) -> int:
    """Return the last line of a statement."""
    return node.end_lineno or node.lineno


def suites_of(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the suites inside a statement, those of functions and classes left out."""
    if isinstance(node, SCOPES):
        return
    for name in ("body", "orelse", "finalbody"):
        if suite := getattr(node, name, None):
            yield suite
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def names_in(nodes: Sequence[ast.AST]) -> set[str]:
    """Return every identifier in some nodes."""
    return {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}


def stores_in(nodes: Sequence[ast.AST]) -> set[str]:
    """Return every identifier that some nodes bind or delete."""
    found = set()
    for one in (inner for node in nodes for inner in ast.walk(node)):
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            found.add(one.id)
        elif isinstance(one, NAMED) and one.name:
            found.add(one.name)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            found |= {(name.asname or name.name).partition(".")[0] for name in one.names}
        elif isinstance(one, ast.Global | ast.Nonlocal):
            found |= set(one.names)
    return found


def is_plain(node: ast.stmt, text: SourceText) -> bool:
    """Return whether a statement has its lines for itself: nothing before it and no ``;`` behind it."""
    before = text.lines[node.lineno - 1].encode()[: node.col_offset]
    behind = text.lines[last_line(node) - 1].encode()[node.end_col_offset or 0 :].strip()
    return not before.strip() and (not behind or behind.startswith(b"#"))
