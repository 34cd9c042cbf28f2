"""A source text and the places of its nodes in it, for what is written into files."""

from __future__ import annotations

import ast
import re


class SourceText:
    """A source, its lines as Python counts them, and offsets of what ast says in bytes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", source)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def offset(self, line: int, byte: int) -> int:
        """Return the offset in characters of a byte in a line."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:byte].decode())

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset of the first character of a node."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset behind the last character of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of an expression."""
        return self.source[self.start(node) : self.end(node)]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, counted from 1."""
        line = next(number for number, start in enumerate(self.starts) if start > offset)
        return line, offset - self.starts[line - 1] + 1
