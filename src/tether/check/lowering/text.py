"""Parts of the source as text: dotted names, annotations, decorators."""

from __future__ import annotations

import ast


def dotted(node: ast.expr | None) -> str:
    """Return ``a.b.c`` as text; "" for what is no plain or dotted name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def decorator_text(node: ast.expr) -> str:
    """Return a decorator as dotted text; of one that is called, what is called and ``()``."""
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        return f"{called}()" if called else ""
    return dotted(node)


def annotation_text(node: ast.expr | None) -> str:
    """Return an annotation as it is written but for its spaces, a quoted one with its quotes; "" for none."""
    if node is None:
        return ""
    text = _simple_text(node)
    return ast.unparse(node) if text is None else text  # slow


def _simple_text(node: ast.expr) -> str | None:
    """Return the text of names, subscripts and unions; None for an annotation that has other things in it."""
    text: str | None = None
    if isinstance(node, ast.Name | ast.Attribute):
        text = dotted(node) or None
    elif isinstance(node, ast.Constant):
        text = "..." if node.value is ... else repr(node.value)
    elif isinstance(node, ast.Subscript):
        text = _joined("{}[{}]", node.value, node.slice)
    elif isinstance(node, ast.Tuple) and node.elts:
        text = _joined(", ".join(["{}"] * len(node.elts)), *node.elts)
    elif isinstance(node, ast.List):
        text = _joined(f"[{', '.join(['{}'] * len(node.elts))}]", *node.elts)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        text = _joined("{} | {}", node.left, node.right)
    return text


def _joined(form: str, *nodes: ast.expr) -> str | None:
    """Return *form* filled with the texts of *nodes*; None if one of them has none."""
    texts = [_simple_text(node) for node in nodes]
    return None if None in texts else form.format(*texts)
