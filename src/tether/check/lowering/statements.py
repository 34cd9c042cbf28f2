"""Statements as ops, and whole bodies."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from tether.check.lowering.flow import Flow
from tether.check.lowering.ops import (
    NONE,
    Call,
    Class,
    Import,
    Parameter,
    Raise,
    Register,
    Return,
    Span,
    Store,
)
from tether.check.lowering.source import absolute_module
from tether.check.lowering.text import annotation_text, decorator_text


class Statements(Flow):
    """Writes the statements of one body."""

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Write a suite, up to where it is left."""
        for node in body:
            if self.here is None:
                return
            _STATEMENTS[type(node)](self, node)

    def end(self, span: Span) -> None:
        """Write the return at the end of a body."""
        self.emit(Return(NONE, span))

    def returned(self, value: ast.expr) -> None:
        """Write the body of a lambda."""
        self.emit(Return(self.expression(value), self.source.span(value)))

    # ------------------------------------------------------------------ simple ones

    def _expression(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring does nothing
            self.expression(node.value)

    def _return(self, node: ast.Return) -> None:
        value = NONE if node.value is None else self.expression(node.value)
        self.leave(0)
        self.emit(Return(value, self.source.span(node)))
        self.here = None

    def _raise(self, node: ast.Raise) -> None:
        source = self.exception_here() if node.exc is None else self.expression(node.exc)
        if node.cause is not None:
            self.expression(node.cause)
        self.emit(Raise(source, self.source.span(node)))
        self.here = None

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.delete(target)

    def _nothing(self, node: ast.stmt) -> None:
        """``pass``, ``global`` and ``nonlocal`` do nothing when they are met."""

    def _assert(self, node: ast.Assert) -> None:
        """A branch that raises; it is written as if Python ran without -O."""
        yes, no = self.branches(node.test)
        self.meet(no)
        span = self.source.span(node)
        kind = self.load("AssertionError", span)
        arguments = () if node.msg is None else (self.expression(node.msg),)
        to = self.register()
        self.emit(Call(to, kind, arguments, (), (), (), span))
        self.emit(Raise(to, span))
        self.meet(yes)

    def _if(self, node: ast.If) -> None:
        """A chain of ``elif`` may be long: it is nested in the tree, not here."""
        ends = []
        while True:
            yes, no = self.branches(node.test)
            self.meet(yes)
            self.statements(node.body)
            ends.append(self.here)
            self.meet(no)
            if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
                break
            node = node.orelse[0]
        self.statements(node.orelse)
        self.join([*ends, self.here])

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        self.with_(node.items, node.body, asynchronous=isinstance(node, ast.AsyncWith))

    # ------------------------------------------------------------------ modules

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            span = self.source.span(alias)
            module = self._import_op(alias.name, "", span)
            if alias.asname is None and "." in alias.name:
                module = self._import_op(alias.name.partition(".")[0], "", span)
            self.store(alias.asname or alias.name.partition(".")[0], module, span)

    def _import_from(self, node: ast.ImportFrom) -> None:
        source = self.source
        module = absolute_module(source.module_name, source.is_package, node.module, node.level)
        for alias in node.names:
            span = self.source.span(alias)
            value = self._import_op(module, alias.name, span)
            if alias.name != "*":
                self.store(alias.asname or alias.name, value, span)

    def _import_op(self, module: str, name: str, span: Span) -> Register:
        to = self.register()
        self.emit(Import(to, module, name, span))
        return to

    # ------------------------------------------------------------------ functions and classes

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [self.expression(decorator) for decorator in node.decorator_list]
        with_types = self._type_parameters(node)
        value = self.function(node)
        if with_types and self.scope.parent is not None:
            self.scope = self.scope.parent
        self._decorate(node, decorators, value)

    def _class(self, node: ast.ClassDef) -> None:
        decorators = [self.expression(decorator) for decorator in node.decorator_list]
        with_types = self._type_parameters(node)
        bases = tuple([self._inside_star(base) for base in node.bases])
        named = tuple([(keyword.arg or "**", self.expression(keyword.value)) for keyword in node.keywords])
        value = self.register()
        index = self.source.scopes.of[node].index
        self.emit(Class(value, index, bases, named, self.source.span(node)))
        if with_types and self.scope.parent is not None:
            self.scope = self.scope.parent
        self._decorate(node, decorators, value)

    def _type_parameters(self, node: ast.AST) -> bool:
        """Declare ``[T]`` behind a name and enter its scope; return False if there is none."""
        inner = self.source.scopes.types.get(node)
        if inner is None:
            return False
        self.scope = inner
        for parameter in node.type_params:  # type: ignore[attr-defined]
            self.store(parameter.name, NONE, self.source.span(parameter))
        return True

    def _decorate(self, node: Any, decorators: list[Register], value: Register) -> None:
        """Write the calls of the decorators, the last one first, and the binding of the name."""
        for decorator, written in zip(reversed(decorators), reversed(node.decorator_list), strict=True):
            to = self.register()
            self.emit(Call(to, decorator, (value,), (), (), (), self.source.span(written)))
            value = to
        self.store(node.name, value, self.source.span(node))

    def _type_alias(self, node: Any) -> None:
        """``type X = ...`` (Python 3.12) binds what it names at once; Python does so when it is asked."""
        self.emit(
            Store(*self.scope.resolve(node.name.id), self.expression(node.value), "", self.source.span(node))
        )


def parameters_of(arguments: ast.arguments) -> tuple[Parameter, ...]:
    """Return the parameters of a function in the order in which they are written."""
    found = [("positional", one) for one in (*arguments.posonlyargs, *arguments.args)]
    if arguments.vararg:
        found.append(("*", arguments.vararg))
    found += [("keyword", one) for one in arguments.kwonlyargs]
    if arguments.kwarg:
        found.append(("**", arguments.kwarg))
    return tuple([Parameter(one.arg, kind, annotation_text(one.annotation)) for kind, one in found])


def decorators_of(node: Any) -> tuple[str, ...]:
    """Return the decorators of a function or class as text."""
    return tuple([decorator_text(one) for one in getattr(node, "decorator_list", ())])


_STATEMENTS: dict[type[ast.AST], Callable[[Any, Any], None]] = {
    ast.Expr: Statements._expression,
    ast.Assign: Statements.assignment,
    ast.AnnAssign: Statements.annotated,
    ast.AugAssign: Statements.augmented,
    ast.Return: Statements._return,
    ast.Raise: Statements._raise,
    ast.Delete: Statements._delete,
    ast.Pass: Statements._nothing,
    ast.Global: Statements._nothing,
    ast.Nonlocal: Statements._nothing,
    ast.Assert: Statements._assert,
    ast.If: Statements._if,
    ast.For: Statements.for_,
    ast.AsyncFor: Statements.for_,
    ast.While: Statements.while_,
    ast.Break: Statements.break_,
    ast.Continue: Statements.continue_,
    ast.With: Statements._with,
    ast.AsyncWith: Statements._with,
    ast.Try: Statements.try_,
    ast.TryStar: Statements.try_,
    ast.Match: Statements.match,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import_from,
    ast.FunctionDef: Statements._function,
    ast.AsyncFunctionDef: Statements._function,
    ast.ClassDef: Statements._class,
}
if hasattr(ast, "TypeAlias"):  # Python 3.12
    _STATEMENTS[ast.TypeAlias] = Statements._type_alias
