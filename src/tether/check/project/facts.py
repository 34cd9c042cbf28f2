"""What a module says about its names: imports, classes, functions, assignments; from one walk over its statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

from tether.check.lowering.ops import Span
from tether.check.lowering.source import absolute_module
from tether.check.lowering.text import annotation_text, decorator_text, dotted
from tether.check.project.written import Written, written


class Field(NamedTuple):
    """An assignment or declaration in a class body: ``name: annotation = value``."""

    name: str
    annotation: str
    value: Written | None
    line: int


class Method(NamedTuple):
    """A function in a class body.

    Attributes:
        decorators: As dotted text; of one that is called, what is called and ``()``.
        reads: Attributes of its first parameter that it reads or sets, in the order of the source.
        returned: What its last statement returns. This and *reads* are kept for those that are read like attributes.
    """

    name: str
    decorators: tuple[str, ...]
    returns: str
    reads: tuple[str, ...]
    returned: Written | None
    asynchronous: bool
    line: int


class ClassFacts(NamedTuple):
    """A class as it is written.

    Attributes:
        bases: The base classes; ``Generic[T]`` and the like as ``other``, without their arguments as ``name``.
        keywords: ``table=True``, ``metaclass=...``.
        fields: Assignments and declarations in its body, in order; a name may come twice.
        span: Of the whole class.
    """

    name: str
    qualname: str
    bases: tuple[Written, ...]
    keywords: tuple[tuple[str, Written], ...]
    decorators: tuple[str, ...]
    fields: tuple[Field, ...]
    methods: tuple[Method, ...]
    span: Span


class Binding(NamedTuple):
    """One way in which a module binds a name.

    Attributes:
        kind: ``class``, ``function``, ``import`` or ``assignment``.
        module: Of an import: the module, absolute.
        name: Of an import: the name taken from it, or ""; of a class or function its qualified name.
        value: Of an assignment, what is assigned; None for a declaration without a value.
        annotation: Of an assignment.
    """

    kind: str
    module: str = ""
    name: str = ""
    value: Written | None = None
    annotation: str = ""
    line: int = 0


class Facts(NamedTuple):
    """What a module says about its names.

    Attributes:
        names: How each name of the module is bound, in the order of the source: `try: import` has several ways.
        stars: Modules of ``from module import *``.
        public: ``__all__``, or None where there is none.
        classes: By qualified name, those in functions too.
        calls: Calls that stand alone at the level of the module, and imperative mappings wherever they stand.
    """

    names: dict[str, tuple[Binding, ...]]
    stars: tuple[str, ...]
    public: tuple[str, ...] | None
    classes: dict[str, ClassFacts]
    calls: tuple[Written, ...]


def collect_facts(tree: ast.Module, module_name: str, is_package: bool = False) -> Facts:
    """Return the facts of a module whose name for imports is *module_name*."""
    return _Collector(module_name, is_package).collect(tree)


class _Collector:
    def __init__(self, module_name: str, is_package: bool) -> None:
        self.module_name = module_name
        self.is_package = is_package
        self.names: dict[str, list[Binding]] = {}
        self.stars: list[str] = []
        self.public: list[str] | None = None
        self.classes: dict[str, ClassFacts] = {}
        self.calls: list[Written] = []

    def collect(self, tree: ast.Module) -> Facts:
        for node in statements(tree.body):
            self._module_level(node)
        names = {name: tuple(bindings) for name, bindings in self.names.items()}
        public = None if self.public is None else tuple(self.public)
        return Facts(names, tuple(self.stars), public, self.classes, tuple(self.calls))

    def _bind(self, name: str, binding: Binding) -> None:
        self.names.setdefault(name, []).append(binding)

    def _module_level(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node, "")
            self._bind(node.name, Binding("class", name=node.name, line=node.lineno))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._inside_function(node, "")
            self._bind(node.name, Binding("function", name=node.name, line=node.lineno))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self._call(written(node.value))
        else:
            self._assignment(node)

    def _assignment(self, node: ast.stmt) -> None:
        for name, annotation, value in assigned(node):
            found = None if value is None else written(value)
            if name == "__all__" and found is not None:
                augmented = isinstance(node, ast.AugAssign)
                self.public = [
                    *((self.public or []) if augmented else []),
                    *[one.text for one in found.items],
                ]
            else:
                self._bind(name, Binding("assignment", value=found, annotation=annotation, line=node.lineno))

    def _call(self, call: Written) -> None:
        if call.value in {"__all__.extend", "__all__.append"} and call.items:
            added = call.items[0].items if call.items[0].kind == "list" else call.items
            self.public = [*(self.public or []), *[one.text for one in added]]
        elif call.value:
            self.calls.append(call)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                module = alias.name if alias.asname else name
                self._bind(name, Binding("import", module, "", line=node.lineno))
            return
        module = absolute_module(self.module_name, self.is_package, node.module, node.level)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self._bind(
                    alias.asname or alias.name, Binding("import", module, alias.name, line=node.lineno)
                )

    def _inside_function(self, function: ast.FunctionDef | ast.AsyncFunctionDef, around: str) -> None:
        """Look for classes inside a function."""
        prefix = f"{around}{function.name}.<locals>."
        for node in statements(function.body):
            if isinstance(node, ast.ClassDef):
                self._class(node, prefix)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._inside_function(node, prefix)
            elif isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
                called = dotted(node.value.func).rpartition(".")[2]
                if called in {"map_imperatively", "mapper"}:
                    self.calls.append(written(node.value))

    def _class(self, node: ast.ClassDef, prefix: str) -> None:
        qualname = prefix + node.name
        fields: list[Field] = []
        methods: list[Method] = []
        for inside in statements(node.body):
            if isinstance(inside, ast.FunctionDef | ast.AsyncFunctionDef):
                methods.append(_method(inside))
                self._inside_function(inside, f"{qualname}.")
            elif isinstance(inside, ast.ClassDef):
                self._class(inside, f"{qualname}.")
            else:
                fields += [
                    Field(name, annotation, None if value is None else written(value), inside.lineno)
                    for name, annotation, value in assigned(inside)
                ]
        bases = tuple(
            [written(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases]
        )
        keywords = tuple([(one.arg or "**", written(one.value)) for one in node.keywords])
        decorators = tuple([decorator_text(one) for one in node.decorator_list])
        span = (node.lineno, node.col_offset + 1, node.end_lineno or node.lineno, node.end_col_offset or 1)
        found = ClassFacts(
            node.name, qualname, bases, keywords, decorators, tuple(fields), tuple(methods), span
        )
        self.classes[qualname] = found


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, also those inside ``if``, ``try``, ``with``, loops and ``match``."""
    stack: list[Any] = list(reversed(body))
    while stack:
        node = stack.pop()
        inside = _SUITES.get(type(node))
        if inside is None:
            yield node
            continue
        for field in inside:
            for child in reversed(getattr(node, field)):
                stack.extend(reversed(child.body) if type(child) in _CLAUSES else [child])


_CLAUSES = (ast.ExceptHandler, ast.match_case)
_LOOP = ("orelse", "body")
_TRY = ("finalbody", "orelse", "handlers", "body")
_SUITES: dict[type[ast.AST], tuple[str, ...]] = {
    ast.If: _LOOP, ast.For: _LOOP, ast.While: _LOOP, ast.AsyncFor: _LOOP, ast.With: ("body",),
    ast.AsyncWith: ("body",), ast.Try: _TRY, ast.TryStar: _TRY, ast.Match: ("cases",),
}  # fmt: skip


def assigned(node: ast.stmt) -> Iterator[tuple[str, str, ast.expr | None]]:
    """Yield the plain names that a statement assigns: name, annotation, value (None: only declared, or unpacked)."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, "", node.value
            elif isinstance(target, ast.Tuple | ast.List):
                yield from _unpacked(target, node.value)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, annotation_text(node.annotation), node.value
    elif (
        isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == "__all__"
    ):
        yield node.target.id, "", node.value
    elif type(node).__name__ == "TypeAlias":  # Python 3.12
        yield node.name.id, "", node.value  # type: ignore[attr-defined]


def _unpacked(target: ast.Tuple | ast.List, value: ast.expr) -> Iterator[tuple[str, str, ast.expr | None]]:
    """Yield the names of ``a, b = x, y``; of what is unpacked from one value only the names."""
    values: list[ast.expr | None] = [None] * len(target.elts)
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
        values = list(value.elts)
    for one, part in zip(target.elts, values, strict=True):
        if isinstance(one, ast.Name):
            yield one.id, "", part


_LIKE_ATTRIBUTES = {
    "property", "cached_property", "memoized_property", "hybrid_property", "hybrid_method", "declared_attr",
    "directive", "cascading", "computed_field",
}  # fmt: skip


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Method:
    """Return what a class says about one of its functions."""
    decorators = tuple([decorator_text(one) for one in node.decorator_list])
    parameters = [*node.args.posonlyargs, *node.args.args]
    reads: list[str] = []
    returned = None
    if any(one.removesuffix("()").rpartition(".")[2] in _LIKE_ATTRIBUTES for one in decorators):
        first = parameters[0].arg if parameters else ""
        reads = [
            one.attr
            for inside in node.body
            for one in ast.walk(inside)
            if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == first
        ]
        last = node.body[-1]
        if isinstance(last, ast.Return) and last.value is not None:
            returned = written(last.value)
    return Method(
        node.name,
        decorators,
        annotation_text(node.returns),
        tuple(dict.fromkeys(reads)),
        returned,
        isinstance(node, ast.AsyncFunctionDef),
        node.lineno,
    )
