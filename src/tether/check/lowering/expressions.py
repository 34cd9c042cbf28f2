"""Expressions as ops."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tether.check.lowering.graph import Exit, Graph
from tether.check.lowering.ops import (
    NONE,
    Await,
    Build,
    Call,
    Constant,
    Function,
    GetAttribute,
    GetItem,
    Load,
    Operate,
    Register,
    Span,
    Store,
    Yield,
)
from tether.check.lowering.scopes import Scope
from tether.check.lowering.source import Source

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "@", ast.Div: "/", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.FloorDiv: "//",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
}  # fmt: skip


class Expressions(Graph):
    """Writes the ops of expressions; each method returns the register of the value.

    Attributes:
        scope: The scope that names are looked up in: that of the body, or of a comprehension in it.
    """

    def __init__(self, source: Source, scope: Scope) -> None:
        super().__init__()
        self.source = source
        self.scope = scope
        self._temporaries = 0

    def expression(self, node: ast.expr) -> Register:
        """Write the ops of any expression."""
        return _EXPRESSIONS[type(node)](self, node)

    def constant(self, value: Any, span: Span) -> Register:
        """Write a literal."""
        to = self.register()
        self.emit(Constant(to, value, span))
        return to

    def operate(self, operator: str, *operands: Register, span: Span) -> Register:
        """Write an operator."""
        to = self.register()
        self.emit(Operate(to, operator, operands, span))
        return to

    def load(self, name: str, span: Span) -> Register:
        """Write the reading of a variable."""
        to = self.register()
        self.emit(Load(to, *self.scope.resolve(name), span))
        return to

    def store(self, name: str, source: Register, span: Span, annotation: str = "") -> None:
        """Write the binding of a variable."""
        self.emit(Store(*self.scope.resolve(name), source, annotation, span))

    def comprehension(self, node: Any) -> Register:
        """Write a comprehension as a loop."""
        raise NotImplementedError

    # ------------------------------------------------------------------ names, literals

    def _name(self, node: ast.Name) -> Register:
        to = self.register()
        name, scope = self.scope.resolve(node.id)
        self.emit(Load(to, name, scope, self.source.span(node)))
        return to

    def _constant(self, node: ast.Constant) -> Register:
        to = self.register()
        self.emit(Constant(to, node.value, self.source.span(node)))
        return to

    def _walrus(self, node: ast.NamedExpr) -> Register:
        value = self.expression(node.value)
        scope = self.scope
        while scope.kind == "inner" and scope.parent is not None:  # it binds outside comprehensions
            scope = scope.parent
        self.emit(Store(*scope.resolve(node.target.id), value, "", self.source.span(node.target)))
        return value

    # ------------------------------------------------------------------ chains

    def _chain(self, node: Any) -> Register:
        """Write ``a.b(c)[d] + e``, however long: from the inside out, without a call for each link."""
        chain = []
        while (inside := _INSIDE.get(type(node))) is not None:
            chain.append(node)
            node = getattr(node, inside)
        value = self.expression(node)
        for link in reversed(chain):
            value = _LINKS[type(link)](self, link, value)
        return value

    def _attribute(self, node: ast.Attribute, of: Register) -> Register:
        to = self.register()
        self.emit(GetAttribute(to, of, self.scope.mangle(node.attr), self.source.span(node)))
        return to

    def _subscript(self, node: ast.Subscript, of: Register) -> Register:
        key = self.expression(node.slice)
        to = self.register()
        self.emit(GetItem(to, of, key, self.source.span(node)))
        return to

    def _binary(self, node: ast.BinOp, left: Register) -> Register:
        right = self.expression(node.right)
        return self.operate(OPERATORS[type(node.op)], left, right, span=self.source.span(node))

    def _await(self, node: ast.Await, source: Register) -> Register:
        to = self.register()
        self.emit(Await(to, source, self.source.span(node)))
        return to

    def _call(self, node: ast.Call, function: Register) -> Register:
        positional, star = self._arguments(node.args)
        named, stars = [], []
        for keyword in node.keywords:
            value = self.expression(keyword.value)
            if keyword.arg is None:
                stars.append(value)
            else:
                named.append((keyword.arg, value))
        to = self.register()
        span = self.source.span(node)
        self.emit(Call(to, function, tuple(positional), tuple(named), star, tuple(stars), span))
        return to

    def _arguments(self, nodes: list[ast.expr]) -> tuple[list[Register], tuple[Register, ...]]:
        """Return the positional arguments, and those from the first star on."""
        starred = [position for position, node in enumerate(nodes) if isinstance(node, ast.Starred)]
        if not starred:
            return [_EXPRESSIONS[type(node)](self, node) for node in nodes], ()
        first = starred[0]
        positional = [self.expression(node) for node in nodes[:first]]
        rest = nodes[first:]
        if len(starred) == len(rest):
            return positional, tuple([self._inside_star(node) for node in rest])
        return positional, (self._build("list", rest, self.source.between(rest[0], rest[-1])),)

    def _inside_star(self, node: ast.expr) -> Register:
        return self.expression(node.value if isinstance(node, ast.Starred) else node)

    # ------------------------------------------------------------------ displays

    def _build(self, kind: str, nodes: list[ast.expr], span: Span) -> Register:
        elements = tuple([self._inside_star(node) for node in nodes])
        starred = tuple([position for position, node in enumerate(nodes) if isinstance(node, ast.Starred)])
        to = self.register()
        self.emit(Build(to, kind, elements, (), starred, span))
        return to

    def _display(self, node: Any) -> Register:
        return self._build(_DISPLAYS[type(node)], node.elts, self.source.span(node))

    def _dictionary(self, node: ast.Dict) -> Register:
        keys, values = [], []
        for key, value in zip(node.keys, node.values, strict=True):
            keys.append(NONE if key is None else self.expression(key))
            values.append(self.expression(value))
        to = self.register()
        self.emit(Build(to, "dict", tuple(values), tuple(keys), (), self.source.span(node)))
        return to

    def _slice(self, node: ast.Slice) -> Register:
        parts = [
            NONE if part is None else self.expression(part) for part in (node.lower, node.upper, node.step)
        ]
        to = self.register()
        self.emit(Build(to, "slice", tuple(parts), (), (), self.source.span(node)))
        return to

    def _text(self, node: Any) -> Register:
        """An f-string (or a template string)."""
        return self._build("text", node.values, self.source.span(node))

    def _formatted(self, node: Any) -> Register:
        """One ``{value!r:format}`` of an f-string."""
        value, span = self.expression(node.value), self.source.span(node)
        if node.conversion >= 0:
            value = self.operate(f"!{chr(node.conversion)}", value, span=span)
        if node.format_spec is not None:
            value = self.operate("format", value, self.expression(node.format_spec), span=span)
        return value

    # ------------------------------------------------------------------ functions

    def _lambda(self, node: ast.Lambda) -> Register:
        return self.function(node)

    def function(self, node: Any) -> Register:
        """Write the defaults of a ``def`` or ``lambda``, and the function."""
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args]
        given = list(zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True))
        given += [
            (parameter, default)
            for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        defaults = tuple([(parameter.arg, self.expression(default)) for parameter, default in given])
        to = self.register()
        self.emit(Function(to, self.source.scopes.of[node].index, defaults, self.source.span(node)))
        return to

    def _yield(self, node: Any) -> Register:
        source = NONE if node.value is None else self.expression(node.value)
        to = self.register()
        self.emit(Yield(to, source, isinstance(node, ast.YieldFrom), self.source.span(node)))
        return to

    # ------------------------------------------------------------------ tests and branches

    def _unary(self, node: ast.UnaryOp) -> Register:
        value = self.expression(node.operand)
        return self.operate(OPERATORS[type(node.op)], value, span=self.source.span(node))

    def _compare(self, node: ast.Compare) -> Register:
        if len(node.ops) > 1:
            return self._value_of_branches(node)
        left, right = self.expression(node.left), self.expression(node.comparators[0])
        return self.operate(OPERATORS[type(node.ops[0])], left, right, span=self.source.span(node))

    def _either(self, node: ast.IfExp) -> Register:
        """Write ``a if test else b``."""
        name, span = self.temporary(), self.source.span(node)
        yes, no = self.branches(node.test)
        ends = []
        for exits, value in ((yes, node.body), (no, node.orelse)):
            self.meet(exits)
            self.emit(Store(name, "local", self.expression(value), "", span))
            ends.append(self.here)
        self.join(ends)
        return self.load_temporary(name, span)

    def temporary(self) -> str:
        """Return the name of a variable that Python does not have."""
        self._temporaries += 1
        return f"@{self._temporaries}"

    def load_temporary(self, name: str, span: Span) -> Register:
        """Write the reading of such a variable."""
        to = self.register()
        self.emit(Load(to, name, "local", span))
        return to

    def _value_of_branches(self, node: ast.expr) -> Register:
        """Write ``a and b``, ``a or b`` or ``a < b < c`` where its value is used."""
        name, span = self.temporary(), self.source.span(node)
        yes, no = self._tests(node, wanted=True)
        for exits, truth in ((yes, True), (no, False)):
            for draft, value in exits:
                self.here = draft
                self.emit(
                    Store(name, "local", self.constant(truth, span) if value == NONE else value, "", span)
                )
        self.meet(yes + no)
        return self.load_temporary(name, span)

    def branches(self, test: ast.expr) -> tuple[list[Exit], list[Exit]]:
        """Write a test; return the branches where it is true and where it is false.

        Each begins with an Assume about one plain test: `not`, `and`, `or`, `a if b else c` and `a < b < c` are
        taken apart.
        """
        return self._tests(test, wanted=False)

    def _tests(self, test: ast.expr, *, wanted: bool) -> tuple[list[Exit], list[Exit]]:
        """As *branches*; where the value is *wanted*, the last operand of all is a value and not yet a test."""
        if isinstance(test, ast.BoolOp):
            return self._and_or(test, wanted=wanted)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yes, no = self.branches(test.operand)
            return [(draft, NONE) for draft, _ in no], [(draft, NONE) for draft, _ in yes]
        if isinstance(test, ast.Compare) and len(test.ops) > 1:
            return self._compare_chain(test)
        if isinstance(test, ast.IfExp) and not wanted:
            yes, no = self.branches(test.test)
            self.meet(yes)
            first_yes, first_no = self.branches(test.body)
            self.meet(no)
            other_yes, other_no = self.branches(test.orelse)
            return first_yes + other_yes, first_no + other_no
        return self.branch(self.expression(test), self.source.span(test))

    def _and_or(self, test: ast.BoolOp, *, wanted: bool) -> tuple[list[Exit], list[Exit]]:
        conjunction = isinstance(test.op, ast.And)
        left: list[Exit] = []  # the branches where the rest is not looked at
        for operand in test.values[:-1]:
            yes, no = self.branches(operand)
            left += no if conjunction else yes
            self.meet(yes if conjunction else no)
        last = test.values[-1]
        if wanted and not isinstance(last, ast.BoolOp):
            value = self.expression(last)
            yes, no = [(self.here, value)] if self.here else [], []
        else:
            yes, no = self._tests(last, wanted=wanted)
        return (yes, left + no) if conjunction else (left + yes, no)

    def _compare_chain(self, test: ast.Compare) -> tuple[list[Exit], list[Exit]]:
        left, no = self.expression(test.left), []
        yes: list[Exit] = []
        span = self.source.span(test)
        for operator, node in zip(test.ops, test.comparators, strict=True):
            self.meet(yes) if yes else None
            right = self.expression(node)
            yes, failed = self.branch(self.operate(OPERATORS[type(operator)], left, right, span=span), span)
            no += failed
            left = right
        return yes, no


_INSIDE: dict[type[ast.AST], str] = {
    ast.Attribute: "value", ast.Subscript: "value", ast.Call: "func", ast.BinOp: "left", ast.Await: "value",
}  # fmt: skip
_LINKS: dict[type[ast.AST], Callable[[Expressions, Any, Register], Register]] = {
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.Call: Expressions._call,
    ast.BinOp: Expressions._binary,
    ast.Await: Expressions._await,
}
_DISPLAYS: dict[type[ast.AST], str] = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}
_EXPRESSIONS: dict[type[ast.AST], Callable[[Any, Any], Register]] = {
    ast.Name: Expressions._name,
    ast.Constant: Expressions._constant,
    ast.NamedExpr: Expressions._walrus,
    **dict.fromkeys(_INSIDE, Expressions._chain),
    **dict.fromkeys(_DISPLAYS, Expressions._display),
    ast.Dict: Expressions._dictionary,
    ast.Slice: Expressions._slice,
    ast.JoinedStr: Expressions._text,
    ast.FormattedValue: Expressions._formatted,
    ast.Lambda: Expressions._lambda,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.BoolOp: Expressions._value_of_branches,
    ast.IfExp: Expressions._either,
    **dict.fromkeys(
        (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
        lambda self, node: self.comprehension(node),
    ),
}
# Python 3.14 has them; the type checker is told of an older one.
if hasattr(ast, "TemplateStr"):
    _EXPRESSIONS[ast.TemplateStr] = Expressions._text
    _EXPRESSIONS[vars(ast)["Interpolation"]] = Expressions._formatted
