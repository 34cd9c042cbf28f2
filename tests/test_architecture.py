"""The shape of the source: which room may import which, what may touch SQLAlchemy, how long things are."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.imports import OWN, SOURCE, Import, all_imports, imports_of, modules, room_of

ROOT = SOURCE.parent
EVERY_ROOM = {
    "core",
    "hazards",
    "orm",
    "lifecycle",
    "check",
    "lsp",
    "report",
    "explaining",
    "watch",
    "carry",
    "aio",
    "testing",
    "demo",
    "errors",
    "tether",
    "__version__",
}

# Which room may import which other one; imports for the type checker and inside functions count.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "hazards": {"core"},
    "orm": {"core", "errors"},
    "report": {"core", "hazards", "errors", "__version__"},
    "lifecycle": {"core", "errors"},
    "check": {"core", "hazards", "lifecycle", "errors"},
    "lsp": {"core", "hazards", "check", "report", "errors"},
    "explaining": {"core", "orm", "errors"},
    "watch": {"core", "hazards", "orm", "errors"},
    "carry": {"core", "orm", "errors"},
    "aio": {"carry", "orm"},
    "testing": {"aio", "carry", "orm", "errors"},
    "demo": EVERY_ROOM,
    "tether": EVERY_ROOM,
    "cli": EVERY_ROOM,
    "__main__": {"cli"},
    "_tether_pytest": {"tether", "watch", "report", "hazards", "core", "errors"},
}
# The same inside check: files at its top, such as the engine, put these together and may import them all.
CHECK_MAY_IMPORT: dict[str, set[str]] = {
    "front": set(),
    "lowering": set(),
    "project": {"lowering"},
    "models": {"project"},
    "fixes": {"project"},
    "abstract": set(),
    "interpreting": {"abstract", "project", "lowering"},
    "orm": {"interpreting", "abstract", "models", "lowering"},
    "python": {"orm", "interpreting", "abstract", "project", "lowering"},
    "callers": {"python", "orm", "interpreting", "abstract", "project", "lowering"},
    "telling": {"callers", "interpreting", "abstract"},
    "rules": {"telling", "callers", "orm", "interpreting", "abstract", "models"},
}
# One module that may do more than its room, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("tether.watch.run", "report"): "`tether run` writes the report of what it watched",
    ("tether.check.front.run", "report"): "`tether check` writes the report of what it read",
}
# For the type checker only, so nothing is imported when the program runs.
TYPES_ONLY: dict[tuple[str, str], str] = {
    ("tether.errors", "tether.core.finding"): "HazardError carries findings",
}
# Rooms that import others only inside functions: a quick start, and a switched-off plugin that costs nothing.
LAZY = {"tether", "cli", "_tether_pytest"}
# Who may import what from outside the standard library.
FROM_OUTSIDE: dict[str, set[str]] = {
    "orm": {"sqlalchemy"},
    "watch": {"sqlalchemy"},
    "explaining": {"sqlalchemy"},
    "carry": {"sqlalchemy", "msgspec"},
    "aio": {"sqlalchemy"},
    "testing": {"sqlalchemy"},
    "demo": {"sqlalchemy", "rich"},
    "report": {"rich"},
    "lsp": {"pygls", "lsprotocol"},
    "cli": {"rich"},
    "_tether_pytest": {"pytest", "xdist"},
}
# `tether run` puts these on the path of child processes, where they are modules of the top level.
TOP_LEVEL_IN_CHILDREN = {"_tether_hook", "sitecustomize"}
# SQLAlchemy, or Python for a NamedTuple, documents these in spite of their underscore.
PUBLIC_IN_SPITE = {"_asdict", "_fields", "_mapping", "_replace", "_tuple", "_t"}
LONGEST_FILE = 500
LONGEST_FUNCTION = 60


def test_every_room_is_in_the_table_and_on_disk() -> None:
    """
    The import table lists exactly the rooms there are.
    """
    rooms = {room_of(module) for module in modules()}

    assert sorted(rooms) == sorted(MAY_IMPORT)


def forbidden(found: Import) -> bool:
    """Return whether the import table lacks this import between two rooms of ours."""
    importer, imported = room_of(found.importer), room_of(found.imported)
    allowed = MAY_IMPORT.get(importer, set()) | {importer}
    if found.imported.partition(".")[0] not in OWN or imported in allowed:
        return False
    by_type = found.for_types and (found.importer, found.imported) in TYPES_ONLY
    return not by_type and (found.importer, imported) not in EXCEPTIONS


def test_rooms_import_only_what_the_table_allows() -> None:
    """
    No room imports a room that the table does not give it.
    """
    assert [] == [str(found) for found in all_imports() if forbidden(found)]


def room_in_check(module: str) -> str:
    """Return the room inside check: `tether.check.orm.mapped` is in `orm`, `tether.check.engine` in ``."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["tether", "check"] and len(parts) > 2 else ""


def test_rooms_inside_check_import_only_what_their_table_allows() -> None:
    """
    The rooms of check form layers too: none imports a room that its table does not give it.
    """
    inside = [
        (found, room_in_check(found.importer), room_in_check(found.imported)) for found in all_imports()
    ]

    assert [] == [
        str(found)
        for found, importer, imported in inside
        if importer in CHECK_MAY_IMPORT
        and imported
        and imported not in CHECK_MAY_IMPORT[importer] | {importer}
    ]
    assert CHECK_MAY_IMPORT.keys() == {
        room_in_check(module) for module in modules() if module.count(".") > 2 and room_in_check(module)
    }


def test_exceptions_are_used() -> None:
    """
    Each exception to the table is one that the source needs.
    """
    by_room = {(found.importer, room_of(found.imported)) for found in all_imports()}
    by_module = {(found.importer, found.imported) for found in all_imports() if found.for_types}

    assert set() == EXCEPTIONS.keys() - by_room
    assert set() == TYPES_ONLY.keys() - by_module


def test_front_doors_import_rooms_only_inside_functions() -> None:
    """
    `import tether`, the command line and the pytest plugin import a room when it is needed, not before.
    """
    at_once = [
        str(found)
        for found in all_imports()
        if room_of(found.importer) in LAZY
        and found.imported.partition(".")[0] in OWN
        and room_of(found.imported) not in {room_of(found.importer), "errors", "__version__"}
        and not (found.lazy or found.for_types)
    ]

    assert [] == at_once


def outsiders() -> Iterator[tuple[Import, str]]:
    """Yield each import from neither us nor the standard library, with the package it is from."""
    for found in all_imports():
        package = found.imported.partition(".")[0]
        if package not in {*OWN, *TOP_LEVEL_IN_CHILDREN, *sys.stdlib_module_names}:
            yield found, package


def test_each_room_uses_only_its_packages() -> None:
    """
    SQLAlchemy is imported in the rooms that need it, and core and hazards get by with the standard library.
    """
    surprises = [
        str(found)
        for found, package in outsiders()
        if package not in FROM_OUTSIDE.get(room_of(found.importer), set())
    ]

    assert [] == surprises


def test_dependencies_are_those_that_are_imported() -> None:
    """
    Every dependency of the distribution and of its extras is imported somewhere, and the reverse.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    declared = {Requirement(line).name for line in lines}
    # the plugin is loaded by pytest, which is then there
    imported = {package for found, package in outsiders() if found.importer != "_tether_pytest"}

    assert sorted(declared) == sorted(imported)


def test_no_import_cycles() -> None:
    """
    Modules have an order in which each imports only earlier ones, type checking and functions included.
    """
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for found in all_imports():
        if (found.importer, found.imported) not in TYPES_ONLY and found.imported != found.importer:
            graph[found.importer] |= {found.imported} & graph.keys()

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " <- ".join(error.args[1]), pytrace=False)


@cache
def own_private_names() -> set[str]:
    """Return each name with one leading underscore that our own source defines."""
    names = set()
    for node in (node for tree in modules().values() for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store(), value=ast.Name(id="self" | "cls")):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
    return names


def roots(module: str, tree: ast.Module) -> dict[str, str]:
    """Return which package each name that *tree* imports comes from."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(a.asname or a.name.partition(".")[0]): a.name.partition(".")[0] for a in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {(a.asname or a.name): str(node.module).partition(".")[0] for a in node.names}
    return found


def is_private(name: str) -> bool:
    """Return whether *name* has one leading underscore, and is not what tether itself put on an object."""
    return name.startswith("_") and not name.startswith(("__", "_tether_")) and name not in PUBLIC_IN_SPITE


def private_uses(module: str, tree: ast.Module) -> Iterator[str]:
    """Yield each use of a private name that is neither ours nor the standard library's."""
    ours, origin = own_private_names(), roots(module, tree)
    for found in imports_of(module, tree):
        if found.imported.startswith("sqlalchemy.") and any(map(is_private, found.imported.split("."))):
            yield str(found)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, value=value) if is_private(name):
                base = ast.unparse(value).partition(".")[0]
                package = origin.get(base, "")
                if package == "sqlalchemy" or (name not in ours and package not in sys.stdlib_module_names):
                    yield f"{module}:{node.lineno} uses {ast.unparse(node)}"
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr" | "setattr" | "delattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ) if is_private(name) and name not in ours:
                yield f"{module}:{node.lineno} uses {name}"


def test_private_names_of_sqlalchemy_are_used_in_one_place() -> None:
    """
    A name of SQLAlchemy with an underscore appears in orm/private.py and orm/private_states.py only.

    Seen are imports, attributes, and getattr() and its like with a literal name; an attribute counts as
    somebody else's if no module of ours defines it and it is not read from a module of the standard library.
    """
    rooms = {room for room, packages in FROM_OUTSIDE.items() if "sqlalchemy" in packages}
    uses = [
        use
        for module, tree in modules().items()
        if room_of(module) in rooms and module not in {"tether.orm.private", "tether.orm.private_states"}
        for use in private_uses(module, tree)
    ]

    assert [] == uses


def source_files() -> list[Path]:
    """Return the Python files of the repository that people write."""
    folders = ("src", "tests", "tools", "bench", "proof")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_file_is_longer_than_500_lines() -> None:
    """
    A file can be read in one sitting.
    """
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source_files()}

    assert {} == {path: length for path, length in lengths.items() if length > LONGEST_FILE}


def test_no_function_is_longer_than_60_lines() -> None:
    """
    A function fits on a screen.
    """
    long = [
        f"{module}:{node.lineno} {node.name}"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]

    assert [] == long


def test_each_test_says_what_it_shows() -> None:
    """
    Every test has a docstring: a sentence of behaviour.
    """
    silent: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            )
            if is_test and not ast.get_docstring(node):
                silent[str(path.relative_to(ROOT))].append(node.name)

    assert {} == silent
