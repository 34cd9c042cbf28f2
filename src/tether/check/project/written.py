"""Expressions as facts keep them: calls, names, literals, lists; plain tuples, without the syntax tree."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from tether.check.lowering.text import annotation_text, dotted

_DEEPEST = 12


class Written(NamedTuple):
    """An expression as it is written.

    Attributes:
        kind: ``constant``, ``name``, ``call``, ``list`` (also a tuple or set), ``dict``, ``lambda``, ``either`` (of
            two values: ``a if t else b``), ``subscript`` (``list[Order]``) or ``other``.
        value: The constant; the dotted name; the dotted name of what is called ("" if it has none); the text of a
            subscript; else None.
        items: Arguments, elements, the two values, or what a lambda returns.
        named: Keyword arguments, or the items of a dictionary whose keys are strings. ``**`` has the name "**".
        line: The line it begins on.
    """

    kind: str
    value: Any = None
    items: tuple[Written, ...] = ()
    named: tuple[tuple[str, Written], ...] = ()
    line: int = 0

    def argument(self, name: str) -> Written | None:
        """Return a keyword argument; None if it is not given."""
        return next((value for given, value in self.named if given == name), None)

    def constant(self, name: str, default: Any = None) -> Any:
        """Return the value of a keyword argument that is a literal; *default* if it is not given, or is no literal."""
        found = self.argument(name)
        return found.value if found is not None and found.kind == "constant" else default

    @property
    def text(self) -> str:
        """A string literal or a dotted name; "" for anything else."""
        if self.kind == "name" or (self.kind == "constant" and isinstance(self.value, str)):
            return str(self.value)
        return ""

    @property
    def last(self) -> str:
        """The last part of the name of what is called: ``relationship`` of ``orm.relationship(...)``."""
        return str(self.value).rpartition(".")[2] if self.kind == "call" else ""


def written(node: ast.expr, depth: int = 0) -> Written:
    """Return an expression as it is written; what is nested deeper than facts need is ``other``."""
    line = node.lineno
    if depth > _DEEPEST:
        return Written("other", line=line)
    if isinstance(node, ast.Constant):
        return Written("constant", node.value, line=line)
    if isinstance(node, ast.Name | ast.Attribute):
        name = dotted(node)
        return Written("name" if name else "other", name or None, line=line)
    if isinstance(node, ast.Call):
        items = tuple([written(one, depth + 1) for one in node.args])
        named = tuple([(one.arg or "**", written(one.value, depth + 1)) for one in node.keywords])
        return Written("call", dotted(node.func), items, named, line)
    return _display(node, depth) or Written("other", line=line)


def _display(node: ast.expr, depth: int) -> Written | None:
    """Return any other expression that is kept; None for those that are not."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return Written("list", None, tuple([written(one, depth + 1) for one in node.elts]), line=node.lineno)
    if isinstance(node, ast.Dict):
        named = tuple([
            (str(key.value) if isinstance(key, ast.Constant) else "", written(value, depth + 1))
            for key, value in zip(node.keys, node.values, strict=True)
        ])  # fmt: skip
        return Written("dict", None, (), named, node.lineno)
    if isinstance(node, ast.Lambda):
        return Written("lambda", None, (written(node.body, depth + 1),), line=node.lineno)
    if isinstance(node, ast.IfExp):
        both = (written(node.body, depth + 1), written(node.orelse, depth + 1))
        return Written("either", None, both, line=node.lineno)
    if isinstance(node, ast.Subscript):
        return Written("subscript", annotation_text(node), line=node.lineno)
    return None
