"""What all bodies of a module share while they are lowered: its name, its scopes, its places."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from tether.check.lowering.ops import Span
from tether.check.lowering.scopes import Scopes


class Source:
    """One parsed module.

    Args:
        tree: The parsed module.
        module_name: Its dotted name, which relative imports start from.
        is_package: True for an ``__init__.py``.
        lines: Its lines; without them columns count bytes of UTF-8, as in ``ast``.
    """

    def __init__(self, tree: ast.Module, module_name: str, is_package: bool, lines: Sequence[str]) -> None:
        self.module_name = module_name
        self.is_package = is_package
        self.scopes = Scopes(tree)
        self._wide = {number: line for number, line in enumerate(lines, 1) if not line.isascii()}

    def span(self, node: Any) -> Span:
        """Return where *node* stands."""
        first, last = node.lineno, node.end_lineno
        if self._wide and (first in self._wide or last in self._wide):
            return (
                first,
                self._column(first, node.col_offset) + 1,
                last,
                self._column(last, node.end_col_offset),
            )
        return (first, node.col_offset + 1, last, node.end_col_offset)

    def between(self, node: Any, end: Any) -> Span:
        """Return from the beginning of *node* to the end of *end*."""
        return (*self.span(node)[:2], *self.span(end)[2:])

    def _column(self, line: int, offset: int) -> int:
        """Return how many characters the first *offset* bytes of a line are."""
        text = self._wide.get(line)
        return offset if text is None else len(text.encode()[:offset].decode(errors="replace"))


def absolute_module(importer: str, is_package: bool, module: str | None, level: int) -> str:
    """Return the module that ``from ..module import`` means in the module *importer*.

    What goes above the top package keeps its dots.
    """
    if not level:
        return module or ""
    parts = importer.split(".") if importer else []
    up = level - 1 if is_package else level
    if up > len(parts) or (up == len(parts) and not module):
        return "." * level + (module or "")
    return ".".join([*parts[: len(parts) - up], *([module] if module else [])])
