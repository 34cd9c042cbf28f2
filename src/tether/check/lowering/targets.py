"""What is assigned to, and comprehensions, which assign to their variables."""

from __future__ import annotations

import ast
from typing import Any

from tether.check.lowering.expressions import OPERATORS, Expressions
from tether.check.lowering.ops import (
    NONE,
    Append,
    Build,
    Delete,
    DeleteAttribute,
    DeleteItem,
    GetAttribute,
    GetItem,
    Iterate,
    Next,
    Register,
    SetAttribute,
    SetItem,
    Unpack,
)
from tether.check.lowering.text import annotation_text

_COMPREHENSIONS = {
    ast.ListComp: "list",
    ast.SetComp: "set",
    ast.DictComp: "dict",
    ast.GeneratorExp: "generator",
}


class Targets(Expressions):
    """Writes assignments, deletions and comprehensions."""

    def assign(self, target: ast.expr, source: Register, annotation: str = "") -> None:
        """Write the binding of one target."""
        span = self.source.span(target)
        if isinstance(target, ast.Name):
            self.store(target.id, source, span, annotation)
        elif isinstance(target, ast.Attribute):
            of = self.expression(target.value)
            self.emit(SetAttribute(of, self.scope.mangle(target.attr), source, span))
        elif isinstance(target, ast.Subscript):
            of = self.expression(target.value)
            self.emit(SetItem(of, self.expression(target.slice), source, span))
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, source)

    def _unpack(self, target: ast.Tuple | ast.List, source: Register) -> None:
        stars = [position for position, one in enumerate(target.elts) if isinstance(one, ast.Starred)]
        parts = tuple([self.register() for _ in target.elts])
        self.emit(Unpack(parts, source, stars[0] if stars else -1, self.source.span(target)))
        for part, register in zip(target.elts, parts, strict=True):
            self.assign(part.value if isinstance(part, ast.Starred) else part, register)

    def assignment(self, node: ast.Assign) -> None:
        """Write ``a = b = value``."""
        value = self.expression(node.value)
        for target in node.targets:
            self.assign(target, value)

    def annotated(self, node: ast.AnnAssign) -> None:
        """Write ``a: int = value``; without a value a name is only declared."""
        if node.value is not None:
            self.assign(node.target, self.expression(node.value), annotation_text(node.annotation))
        elif isinstance(node.target, ast.Name):
            self.assign(node.target, NONE, annotation_text(node.annotation))

    def augmented(self, node: ast.AugAssign) -> None:
        """Write ``a += value``, which reads the target first."""
        target, span = node.target, self.source.span(node)
        operator = f"{OPERATORS[type(node.op)]}="
        place = self.source.span(target)
        if isinstance(target, ast.Name):
            value = self.load(target.id, place)
            value = self.operate(operator, value, self.expression(node.value), span=span)
            self.store(target.id, value, place)
        elif isinstance(target, ast.Attribute):
            of, name = self.expression(target.value), self.scope.mangle(target.attr)
            value = self.register()
            self.emit(GetAttribute(value, of, name, place))
            value = self.operate(operator, value, self.expression(node.value), span=span)
            self.emit(SetAttribute(of, name, value, place))
        else:
            of = self.expression(target.value)
            key, value = self.expression(target.slice), self.register()
            self.emit(GetItem(value, of, key, place))
            value = self.operate(operator, value, self.expression(node.value), span=span)
            self.emit(SetItem(of, key, value, place))

    def delete(self, target: ast.expr) -> None:
        """Write ``del`` of one target."""
        span = self.source.span(target)
        if isinstance(target, ast.Name):
            self.emit(Delete(*self.scope.resolve(target.id), span))
        elif isinstance(target, ast.Attribute):
            of = self.expression(target.value)
            self.emit(DeleteAttribute(of, self.scope.mangle(target.attr), span))
        elif isinstance(target, ast.Subscript):
            of = self.expression(target.value)
            self.emit(DeleteItem(of, self.expression(target.slice), span))
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.delete(part)

    # ------------------------------------------------------------------ loops

    def iterate(self, source: ast.expr, *, asynchronous: bool) -> Register:
        """Write the beginning of a loop over *source*; return the register of the iterator."""
        value = self.expression(source)
        iterator = self.register()
        self.emit(Iterate(iterator, value, asynchronous, self.source.span(source)))
        return iterator

    def comprehension(self, node: Any) -> Register:
        """Write a comprehension: an empty collection, and a loop that fills it."""
        outside, inside = self.scope, self.source.scopes.of[node]
        span = self.source.span(node)
        to = self.register()
        first = self.iterate(node.generators[0].iter, asynchronous=bool(node.generators[0].is_async))
        self.emit(Build(to, _COMPREHENSIONS[type(node)], (), (), (), span))
        self.scope = inside
        self._loop(node, 0, first, to)
        self.scope = outside
        return to

    def _loop(self, node: Any, depth: int, iterator: Register, to: Register) -> None:
        """Write the loop of one ``for`` of a comprehension, and those inside it."""
        generator = node.generators[depth]
        head = self.block()
        self.start(head)
        element = self.register()
        self.emit(Next(element, iterator, self.source.span(generator.target)))
        body, after = self.block(), self.block()
        head.then = (body.index, after.index)
        self.here = body
        self.assign(generator.target, element)
        for test in generator.ifs:
            yes, no = self.branches(test)
            for draft, _ in no:
                draft.then = (head.index,)
            self.meet(yes)
        if depth + 1 < len(node.generators):
            following = node.generators[depth + 1]
            self._loop(
                node, depth + 1, self.iterate(following.iter, asynchronous=bool(following.is_async)), to
            )
        else:
            self._append(node, to)
        self.go(head)
        self.here = after

    def _append(self, node: Any, to: Register) -> None:
        """Write the adding of one element."""
        key = NONE
        if isinstance(node, ast.DictComp):
            key, value = self.expression(node.key), self.expression(node.value)
            span = self.source.between(node.key, node.value)
        else:
            value, span = self.expression(node.elt), self.source.span(node.elt)
        self.emit(Append(to, value, key, span))
