"""A small engine for the tests of what stands in front of one: calls of functions that use ``query.get``.

It follows imports through files, so that what is found in one file depends on others; a module is looked for
below every folder, and the shortest path is taken.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property

from tether.check.front.analysis import Analysis, Read, read_file
from tether.core.config import Config
from tether.core.finding import Finding, Place

HAZARD = "lazy-load-in-loop"  # stands in: the front does not look at what a hazard is about


class ImportingEngine:
    """Reports each call of an imported function whose body has ``.query.get(``, through any re-export."""

    def __init__(
        self, paths: Sequence[str], root: str = "", config: Config | None = None, read: Read = read_file
    ) -> None:
        self.paths = paths
        self.read = read
        self.not_parsed: dict[str, str] = {}
        self.analysed: list[str] = []

    @cached_property
    def modules(self) -> dict[str, str]:
        """Path by each dotted name it can be imported under."""
        found: dict[str, str] = {}
        for path in sorted(self.paths, key=lambda path: (-len(path), path)):
            parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
            found |= {".".join(parts[first:]): path for first in range(len(parts))}
        return found

    def analyse(self, path: str) -> Analysis:
        """Return the findings in one file."""
        self.analysed.append(path)
        used: set[str] = {path}
        tree = self._parse(path)
        lines = self.read(path).decode().splitlines()
        findings = []
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and (loaded := self._gets(path, call.func.id, used, ())):
                name, text = call.func.id, lines[call.lineno - 1].strip()
                place = Place("used", path, call.lineno, call.col_offset + 1, text=text)
                findings.append(
                    Finding(HAZARD, "warning", f"{name}() gets", place, (loaded, place), subject=name)
                )
        return Analysis(tuple(findings), frozenset(used))

    def states(self, path: str, line: int, column: int) -> str | None:
        """Return the name under the cursor."""
        names = (node for node in ast.walk(self._parse(path)) if isinstance(node, ast.Name))
        return next(
            (
                f"{node.id}: seen in line {node.lineno}"
                for node in names
                if node.lineno == line and node.col_offset < column <= node.col_offset + len(node.id)
            ),
            None,
        )

    def _parse(self, path: str) -> ast.Module:
        try:
            return ast.parse(self.read(path).decode())
        except SyntaxError as error:
            self.not_parsed[path] = f"it is not Python: {error.msg} in line {error.lineno}"
            return ast.Module([], [])

    def _gets(self, path: str, name: str, used: set[str], above: tuple[tuple[str, str], ...]) -> Place | None:
        """Return where *name*, as *path* imports or defines it, gets by a key; note what was looked at."""
        used.add(path)
        if (path, name) in above:
            return None
        for node in self._parse(path).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                text = ast.unparse(node).replace("\n   ", "")
                return Place("loaded", path, node.lineno, text=text) if ".query.get(" in text else None
            if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
                target = self.modules.get(str(node.module))
                if target is None:
                    used.add(str(node.module))
                    return None
                return self._gets(target, name, used, (*above, (path, name)))
        return None
