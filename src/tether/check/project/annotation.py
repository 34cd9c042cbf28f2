"""What an annotation says: which types, whether None is one of them, in which container."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import NamedTuple

from tether.check.lowering.text import dotted
from tether.check.project.written import Written, written

# By the last part of the name: `typing.List`, `collections.abc.Sequence`, SQLAlchemy's annotations of relationships.
_CONTAINERS = {
    "list": "list", "List": "list", "Sequence": "list", "MutableSequence": "list", "Collection": "list",
    "set": "set", "Set": "set", "AbstractSet": "set", "MutableSet": "set", "FrozenSet": "set", "frozenset": "set",
    "dict": "dict", "Dict": "dict", "Mapping": "dict", "MutableMapping": "dict", "DefaultDict": "dict",
    "tuple": "tuple", "Tuple": "tuple", "deque": "list", "Deque": "list", "KeyFuncDict": "dict",
    "Iterator": "iterator", "Iterable": "iterator", "Generator": "iterator", "AsyncIterator": "iterator",
    "AsyncIterable": "iterator", "AsyncGenerator": "iterator",
    "type": "type", "Type": "type", "Callable": "callable",
    "WriteOnlyMapped": "write only", "DynamicMapped": "dynamic",
    "AppenderQuery": "dynamic", "WriteOnlyCollection": "write only", "InstrumentedList": "list",
}  # fmt: skip
_WRAPPERS = {
    "Mapped", "Annotated", "Awaitable", "Coroutine", "Final", "ClassVar", "InitVar", "Required", "NotRequired",
    "WriteOnlyMapped", "DynamicMapped", "AsyncContextManager", "ContextManager", "AbstractContextManager",
    "AbstractAsyncContextManager", "AssociationProxy", "Relationship", "hybrid_property", "Depends",
}  # fmt: skip
_LAST_ARGUMENT = {
    "Coroutine",
    "dict",
    "Dict",
    "Mapping",
    "MutableMapping",
    "DefaultDict",
    "KeyFuncDict",
    "Callable",
}


class Annotation(NamedTuple):
    """An annotation, taken apart.

    Attributes:
        names: Dotted names of the types, as written; of a container those of its elements (of a dictionary its
            values, of a callable what it returns). Empty where the annotation is not understood.
        optional: True if it may be None.
        container: ``list``, ``set``, ``dict``, ``tuple``, ``iterator``, ``type``, ``callable``, ``dynamic``,
            ``write only``, or "".
        wrappers: Last parts of the names around it, the outermost first: ``Mapped``, ``Annotated``, ``Awaitable``...
        metadata: The other arguments of ``Annotated``.
    """

    names: tuple[str, ...] = ()
    optional: bool = False
    container: str = ""
    wrappers: tuple[str, ...] = ()
    metadata: tuple[Written, ...] = ()


NOT_UNDERSTOOD = Annotation()


@lru_cache(maxsize=4096)
def parse_annotation(text: str) -> Annotation:
    """Return what an annotation says; quoted parts are read as if they were not. Of one that is no Python: nothing."""
    node = _parsed(text)
    try:
        return _taken_apart(node) if node is not None else NOT_UNDERSTOOD
    except RecursionError:
        return NOT_UNDERSTOOD


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _taken_apart(node: ast.expr) -> Annotation:
    if isinstance(node, ast.Constant):
        if node.value is None:
            return Annotation(optional=True)
        inside = _parsed(node.value) if isinstance(node.value, str) else None
        return _taken_apart(inside) if inside is not None else NOT_UNDERSTOOD
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right])
    if isinstance(node, ast.Subscript):
        return _subscript(node)
    name = dotted(node)
    if name in {"dict", "list", "set", "tuple"}:  # of anything
        return Annotation(container=name)
    return Annotation((name,) if name else ())


def _union(nodes: list[ast.expr]) -> Annotation:
    parts = [_taken_apart(node) for node in nodes]
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    containers = {part.container for part in parts if part.names or part.container}
    if len(containers) > 1:  # `list[A] | A`: neither is right
        return Annotation(names, any(part.optional for part in parts), "either")
    return Annotation(
        names,
        any(part.optional for part in parts),
        containers.pop() if containers else "",
        tuple(wrapper for part in parts for wrapper in part.wrappers),
        tuple(one for part in parts for one in part.metadata),
    )


def _subscript(node: ast.Subscript) -> Annotation:
    last = dotted(node.value).rpartition(".")[2]
    arguments = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if last in {"Optional", "Union"}:
        found = _union(arguments)
        return found._replace(optional=found.optional or last == "Optional")
    if not arguments or (last == "Literal"):
        return NOT_UNDERSTOOD
    inner = arguments[-1 if last in _LAST_ARGUMENT else 0]
    if last in _WRAPPERS:
        found = _taken_apart(inner)
        if last == "Annotated":
            found = found._replace(metadata=tuple([written(one) for one in arguments[1:]]) + found.metadata)
        container = found.container or _CONTAINERS.get(last, "")
        return found._replace(wrappers=(last, *found.wrappers), container=container)
    if last in _CONTAINERS:
        found = _union(arguments) if last in {"tuple", "Tuple"} else _taken_apart(inner)
        return found._replace(container=_CONTAINERS[last], optional=False)
    name = dotted(node.value)
    return Annotation((name,) if name else ())  # a generic class of somebody's: `Page[Order]`
