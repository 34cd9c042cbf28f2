"""Which names a function, class or comprehension binds, and where a name that it reads comes from."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Fields that hold no nodes, or none that matter to scopes.
_WITHOUT_NODES = frozenset(
    ("ctx", "op", "ops", "id", "attr", "name", "names", "arg", "lineno", "kind", "level", "module", "conversion",
     "type_comment", "type_ignores", "is_async", "simple", "asname", "str", "tag",
     "kwd_attrs")
)  # fmt: skip


class Scope:
    """One module, class, function, lambda or comprehension.

    Attributes:
        kind: ``module``, ``class``, ``function`` or ``inner``: a comprehension, or the type parameters of a generic
            class or function. What an inner scope binds is a variable of the body around it, under another name.
        owner: The scope whose body this is lowered in: itself, except for an inner one.
        index: The number of that body; of an inner scope its own number, which its variables carry: ``x@3``.
        names: Identifiers that occur in its body.
        yields: True if it is a generator.
    """

    __slots__ = (
        "_found", "bound", "globals", "index", "kind", "names", "node", "nonlocals", "owner", "parent", "private",
        "qualname", "yields",
    )  # fmt: skip

    def __init__(self, kind: str, node: ast.AST, parent: Scope | None, index: int) -> None:
        self.kind = kind
        self.node = node
        self.parent = parent
        self.owner: Scope = parent.owner if kind == "inner" and parent else self
        self.index = index
        self.bound: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.names: set[str] = self.owner.names if kind == "inner" else set()
        self.yields = False
        self.private: str = parent.private if parent else ""
        if isinstance(node, ast.ClassDef) and kind == "class":
            self.private = node.name.lstrip("_")
        self.qualname = _qualname(kind, node, parent)
        self._found: dict[str, tuple[str, str]] = {}

    def mangle(self, name: str) -> str:
        """Return *name* as Python stores it: ``__x`` inside ``class A`` is ``_A__x``."""
        if name[:2] != "__" or name[-2:] == "__" or not self.private or "." in name:
            return name
        return f"_{self.private}{name}"

    def resolve(self, name: str) -> tuple[str, str]:
        """Return the variable that *name* means here, and ``local``, ``free`` or ``global``."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._resolve(self.mangle(name))
        return found

    def _resolve(self, name: str) -> tuple[str, str]:
        scope: Scope | None = self
        while scope is not None and scope.kind != "module":
            if scope.kind != "class" or scope is self:  # functions inside a class do not see its names
                if name in scope.globals:
                    break
                if name in scope.bound and name not in scope.nonlocals:
                    stored = f"{name}@{scope.index}" if scope.kind == "inner" else name
                    return stored, "local" if scope.owner is self.owner else "free"
            scope = scope.parent
        return name, "global"


def _qualname(kind: str, node: ast.AST, parent: Scope | None) -> str:
    """Return the ``__qualname__`` of a scope; "" for the module."""
    if parent is None:
        return ""
    if kind == "inner":
        return parent.qualname
    name = getattr(node, "name", "<lambda>")
    around = parent.owner
    if around.kind == "module" or name in around.globals:
        return str(name)
    return f"{around.qualname}.{'<locals>.' if around.kind == 'function' else ''}{name}"


class Scopes:
    """The scopes of one module.

    Attributes:
        bodies: Those that become bodies, in the order of the source; the module first.
        of: The scope that belongs to a node.
        types: The scope of the type parameters of a node, where it has any.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.bodies: list[Scope] = []
        self.of: dict[ast.AST, Scope] = {}
        self.types: dict[ast.AST, Scope] = {}
        self._inner = 0
        self._stack: list[tuple[ast.AST, Scope]] = []
        module = self._open("module", tree, None)
        self._push(tree.body, module)
        self._walk()

    def _open(self, kind: str, node: ast.AST, parent: Scope | None) -> Scope:
        """Return a new scope that belongs to *node*."""
        scope = Scope(kind, node, parent, len(self.bodies))
        self.bodies.append(scope)
        self.of[node] = scope
        return scope

    def _open_inner(self, node: ast.AST, parent: Scope) -> Scope:
        """Return a new scope whose variables belong to the body around it."""
        self._inner += 1
        return Scope("inner", node, parent, self._inner)

    def _push(self, nodes: list[Any], scope: Scope) -> None:
        """Look at *nodes* next, the first one first. Nothing here is recursive: code may be nested deeply."""
        self._stack.extend([(node, scope) for node in reversed(nodes) if node is not None])

    def _walk(self) -> None:
        """Look at every node. The most frequent kinds are handled here: this is a quarter of all lowering."""
        stack = self._stack
        node: Any
        while stack:
            node, scope = stack.pop()
            kind = type(node)
            while kind in _FIRST_CHILD:  # down the left side of `a.b(c).d`
                if kind is ast.Attribute:
                    scope.names.add(node.attr)
                elif kind is ast.Call:
                    stack.extend([(child, scope) for child in reversed(node.keywords)])
                    stack.extend(
                        [(child, scope) for child in reversed(node.args) if type(child) is not _LITERAL]
                    )
                node = getattr(node, _FIRST_CHILD[kind])
                kind = type(node)
            if kind is ast.Name:
                scope.names.add(node.id)
                if type(node.ctx) is not ast.Load:
                    scope.bound.add(scope.mangle(node.id))
                continue
            if (special := _SPECIAL.get(kind)) is not None:
                special(self, node, scope)
                continue
            for field in _fields(kind):
                value = getattr(node, field, None)
                if isinstance(value, list):
                    stack.extend([(child, scope) for child in reversed(value) if child is not None])
                elif value is not None:
                    stack.append((value, scope))

    def _function(self, node: Any, scope: Scope) -> None:
        """A ``def`` or ``lambda``: decorators and defaults belong to the scope around it."""
        named = not isinstance(node, ast.Lambda)
        if named:
            _bind(scope, node.name)
        outer = self._type_parameters(node, scope)
        arguments = node.args
        inside = self._open("function", node, outer)
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        parameters += [one for one in (arguments.vararg, arguments.kwarg) if one]
        for parameter in parameters:
            _bind(inside, parameter.arg)
        self._push(node.body if named else [node.body], inside)
        self._push([parameter.annotation for parameter in parameters], inside)
        if named:
            self._push([node.returns], inside)
            self._push(node.decorator_list, scope)
        self._push([*arguments.defaults, *arguments.kw_defaults], scope)

    def _class(self, node: Any, scope: Scope) -> None:
        _bind(scope, node.name)
        outer = self._type_parameters(node, scope)
        self._push(node.body, self._open("class", node, outer))
        self._push([*node.decorator_list, *node.bases, *node.keywords], outer)

    def _type_parameters(self, node: Any, scope: Scope) -> Scope:
        """Return the scope of ``[T]`` behind a name (Python 3.12), or *scope* if there is none."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return scope
        inner = self.types[node] = self._open_inner(node, scope)
        for parameter in parameters:
            _bind(inner, parameter.name)
        return inner

    def _comprehension(self, node: Any, scope: Scope) -> None:
        """A comprehension: its first source is read in the scope around it."""
        inner = self.of[node] = self._open_inner(node, scope)
        if isinstance(node, ast.DictComp):
            self._push([node.key, node.value], inner)
        else:
            self._push([node.elt], inner)
        first, *others = node.generators
        for generator in others:
            self._push([generator.target, generator.iter, *generator.ifs], inner)
        self._push([first.target, *first.ifs], inner)
        self._push([first.iter], scope)

    def _walrus(self, node: Any, scope: Scope) -> None:
        """``:=`` in a comprehension binds a variable of the function around it."""
        target = scope
        while target.kind == "inner" and target.parent is not None:
            target = target.parent
        scope.names.add(node.target.id)
        if node.target.id not in target.nonlocals | target.globals:
            target.bound.add(target.mangle(node.target.id))
        self._push([node.value], scope)

    def _import(self, node: Any, scope: Scope) -> None:
        for alias in node.names:
            if alias.name != "*":
                _bind(scope, alias.asname or alias.name.partition(".")[0])

    def _names_only(self, node: Any, scope: Scope) -> None:
        """``global`` and ``nonlocal``."""
        kept = scope.globals if isinstance(node, ast.Global) else scope.nonlocals
        kept.update(scope.mangle(name) for name in node.names)

    def _named(self, node: Any, scope: Scope) -> None:
        """An ``except`` clause or a pattern, which may bind a name."""
        if name := getattr(node, "rest" if isinstance(node, ast.MatchMapping) else "name", None):
            _bind(scope, name)
        scope.names.update(getattr(node, "kwd_attrs", ()))
        self._push([child for field in _fields(type(node)) for child in _children(node, field)], scope)

    def _keyword(self, node: Any, scope: Scope) -> None:
        if node.arg:
            scope.names.add(node.arg)
        self._stack.append((node.value, scope))

    def _yield(self, node: Any, scope: Scope) -> None:
        scope.owner.yields = True
        self._push([node.value], scope)

    def _constant(self, node: Any, scope: Scope) -> None:
        """A literal has neither names nor children."""


def _bind(scope: Scope, name: str) -> None:
    scope.names.add(name)
    scope.bound.add(scope.mangle(name))


def _children(node: ast.AST, field: str) -> Iterator[Any]:
    """Yield what a field of a node holds, one or several."""
    value = getattr(node, field, None)
    if isinstance(value, list):
        yield from value
    elif isinstance(value, ast.AST):
        yield value


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a kind of node that hold nodes."""
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = tuple(field for field in kind._fields if field not in _WITHOUT_NODES)
        if kind.__name__ == "TypeAlias":  # its name is a node
            fields = ("name", *fields)
        _FIELDS[kind] = fields = tuple(
            reversed(fields)
        )  # the stack gives them back in the order of the source
    return fields


_LITERAL = ast.Constant
_FIRST_CHILD = {ast.Attribute: "value", ast.Call: "func", ast.Expr: "value", ast.Await: "value"}
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {ast.MatchMapping: ("patterns", "keys")}
_SPECIAL: dict[type[ast.AST], Callable[[Scopes, Any, Scope], None]] = {
    ast.FunctionDef: Scopes._function,
    ast.AsyncFunctionDef: Scopes._function,
    ast.Lambda: Scopes._function,
    ast.ClassDef: Scopes._class,
    **dict.fromkeys(COMPREHENSIONS, Scopes._comprehension),
    ast.NamedExpr: Scopes._walrus,
    ast.Import: Scopes._import,
    ast.ImportFrom: Scopes._import,
    ast.Global: Scopes._names_only,
    ast.Nonlocal: Scopes._names_only,
    ast.ExceptHandler: Scopes._named,
    ast.MatchAs: Scopes._named,
    ast.MatchStar: Scopes._named,
    ast.MatchClass: Scopes._named,
    ast.MatchMapping: Scopes._named,
    ast.keyword: Scopes._keyword,
    ast.Yield: Scopes._yield,
    ast.YieldFrom: Scopes._yield,
    ast.Constant: Scopes._constant,
    ast.MatchSingleton: Scopes._constant,
}
