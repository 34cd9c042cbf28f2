"""Source in, op graph out: see ``tether.check.lowering.ops`` for what an op graph is."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from tether.check.lowering.graph import TooLongError
from tether.check.lowering.ops import Block, Body, Span
from tether.check.lowering.scopes import Scope
from tether.check.lowering.source import Source
from tether.check.lowering.statements import Statements, decorators_of, parameters_of
from tether.check.lowering.text import annotation_text


def lower(
    tree: ast.Module, module_name: str, is_package: bool = False, lines: Sequence[str] = ()
) -> tuple[Body, ...]:
    """Return the bodies of a module: the module itself, then its functions, lambdas and classes as they are written.

    Args:
        tree: What `ast.parse` made of it.
        module_name: Its dotted name, which relative imports start from.
        is_package: True for an ``__init__.py``.
        lines: Its lines. Without them columns behind letters that are not ASCII are too high.

    A function that is nested too deeply or too long comes back without blocks, and says so in ``cut_short``.
    """
    source = Source(tree, module_name, is_package, lines)
    return tuple([_lower_body(source, scope) for scope in source.scopes.bodies])


def _lower_body(source: Source, scope: Scope) -> Body:
    """Return the op graph of one body."""
    writer = Statements(source, scope)
    cut_short = ""
    blocks: tuple[Block, ...] = ()
    try:
        blocks = _blocks(writer, scope)
    except RecursionError:
        cut_short = "nested too deeply"
    except TooLongError:
        cut_short = "too long"
    node: Any = scope.node
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    return Body(
        kind=_kind(scope),
        name=getattr(node, "name", "<lambda>" if function else "<module>"),
        qualname=scope.qualname,
        parent=scope.parent.owner.index if scope.parent else -1,
        parameters=parameters_of(node.args) if function else (),
        returns=annotation_text(getattr(node, "returns", None)),
        decorators=decorators_of(node),
        blocks=blocks,
        registers=writer.registers,
        names=frozenset(scope.names),
        span=_span(source, node),
        cut_short=cut_short,
    )


def _blocks(writer: Statements, scope: Scope) -> tuple[Block, ...]:
    """Write all that a body does."""
    node = scope.node
    if isinstance(node, ast.Lambda):
        writer.returned(node.body)
    else:
        writer.statements(node.body)  # type: ignore[attr-defined]
        writer.end(_span(writer.source, node))
    return writer.finish()


def _kind(scope: Scope) -> str:
    """Return the kind of a body."""
    if scope.kind != "function":
        return scope.kind
    if isinstance(scope.node, ast.AsyncFunctionDef):
        return "async generator" if scope.yields else "async"
    if scope.yields:
        return "generator"
    return "lambda" if isinstance(scope.node, ast.Lambda) else "function"


def _span(source: Source, node: ast.AST) -> Span:
    """Return where a body stands; a module reaches from its first line to the end of its last statement."""
    if not isinstance(node, ast.Module):
        return source.span(node)
    if not node.body:
        return (1, 1, 1, 1)
    return (1, 1, *source.span(node.body[-1])[2:])
