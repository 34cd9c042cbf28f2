"""What the modules of `src` import, read from their source. Used by test_architecture.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
OWN = ("tether", "_tether_pytest")


@dataclass(frozen=True)
class Import:
    """One imported module or name.

    Attributes:
        importer: Dotted name of the module that imports.
        imported: Dotted name of what is imported; a module of ours is named in full.
        line: Where.
        lazy: True inside a function: it happens when the function is called.
        for_types: True inside `if TYPE_CHECKING`: it never happens.
    """

    importer: str
    imported: str
    line: int
    lazy: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def name_of(path: Path) -> str:
    """Return the dotted name of the module in *path*."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of each module of `src` by dotted name."""
    return {name_of(path): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


@cache
def all_imports() -> tuple[Import, ...]:
    """Return every import in `src`, those for the type checker included."""
    return tuple(found for name, tree in modules().items() for found in imports_of(name, tree))


def imports_of(importer: str, tree: ast.Module) -> Iterator[Import]:
    """Yield each import statement of a module, and each `import_module("...")` with a literal name."""

    def below(node: ast.AST, lazy: bool, for_types: bool) -> Iterator[Import]:
        for name in names_imported(node):
            yield Import(importer, resolve(name), node.lineno, lazy, for_types)
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            guarded = isinstance(node, ast.If) and is_type_checking(node.test) and child in node.body
            yield from below(child, lazy, for_types or guarded)

    yield from below(tree, lazy=False, for_types=False)


def names_imported(node: ast.AST) -> list[str]:
    """Return the dotted names that one node imports; relative imports are not used here (ruff TID252)."""
    match node:
        case ast.Import(names=aliases):
            return [alias.name for alias in aliases]
        case ast.ImportFrom(module=str(module), names=aliases):
            return [f"{module}.{alias.name}" for alias in aliases]
        case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(name)), *_]):
            return [name]
    return []


def is_type_checking(test: ast.expr) -> bool:
    """Return whether *test* is `TYPE_CHECKING`."""
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def resolve(name: str) -> str:
    """Return the module of ours that *name* means, without the name inside it; other names unchanged.

    `tether.__version__` counts as a module: the package itself is imported with any part of it.
    """
    if name == "tether.__version__":
        return name
    if name.partition(".")[0] in OWN and name not in modules():
        return name.rpartition(".")[0]
    return name


def room_of(module: str) -> str:
    """Return the room: `tether.watch.site` is in `watch`, `tether` itself is `tether`."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] or first
