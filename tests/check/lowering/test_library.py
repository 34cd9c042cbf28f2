"""The standard library's own source: lowered, compared with Python's symbol tables, and run."""

from __future__ import annotations

import ast
import heapq
import importlib
import inspect
import json
import symtable
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.check.lowering.evaluator import Module
from tether.check.lowering import lower
from tether.check.lowering.ops import Assume, Body, Caught, Next, Raise, Raised, Return
from tether.check.lowering.scopes import Scope, Scopes

LIBRARY = Path(sysconfig.get_path("stdlib"))
FILES = sorted(path for path in LIBRARY.glob("*.py") if path.stem != "antigravity")
MORE = sorted(path for name in ("asyncio", "email", "unittest") for path in (LIBRARY / name).glob("*.py"))
SAMPLE = [*FILES[::12], *MORE[::12]]


def written(op: Any) -> tuple[int, ...]:
    """Return the registers that an op writes."""
    to = getattr(op, "to", ())
    return (to,) if isinstance(to, int) else to


def faults(body: Body) -> Iterator[str]:
    """Yield what is wrong with the form of a body."""
    registers = [register for block in body.blocks for op in block.ops for register in written(op)]
    if len(registers) != len(set(registers)):
        yield "a register is written twice"
    if registers and max(registers) >= body.registers:
        yield "a register has no number"
    for block in body.blocks:
        last = block.ops[-1] if block.ops else None
        if isinstance(last, Return | Raise) == bool(block.then):
            yield "a block ends, or does not end"
        if any(not 0 <= index < len(body.blocks) for index in block.then) or block.handler >= len(
            body.blocks
        ):
            yield "a block leads nowhere"
        if any(isinstance(op, Next | Return | Raise) for op in block.ops[:-1]):
            yield "an op stands in the middle of a block"
        if any(isinstance(op, Caught | Raised) for op in block.ops[1:]):
            yield "an exception arrives in the middle of a block"
        if isinstance(last, Next) and len(block.then) != 2:
            yield "a loop has no end"
        first = [body.blocks[index].ops[:1] for index in block.then]
        if len(first) == 2 and any(isinstance(op, Assume) for ops in first for op in ops):
            tests = {(op.test, op.truth) for ops in first for op in ops if isinstance(op, Assume)}
            if len({test for test, _ in tests}) != 1 or len(tests) != 2:
                yield "the two sides of a branch are not about one test"


def wrong_form(paths: list[Path]) -> list[tuple[str, str, str]]:
    """Return what is wrong with the form of any body of these files, and which are cut short."""
    lowered = [(path.stem, body) for path in paths for body in lower(ast.parse(path.read_bytes()), path.stem)]
    wrong = [(file, body.qualname, fault) for file, body in lowered for fault in faults(body)]
    return wrong + [(file, body.qualname, body.cut_short) for file, body in lowered if body.cut_short]


def test_form() -> None:
    """
    Each body has the form that the op graph promises, and none is cut short.
    """
    assert [] == wrong_form(SAMPLE)


@pytest.mark.slow
def test_form_of_all() -> None:
    """
    The same for every file.
    """
    assert [] == wrong_form([*FILES, *MORE])


def tables(path: Path) -> dict[tuple[str, int], list[symtable.SymbolTable]]:
    """Return Python's symbol tables of functions and classes by name and line."""
    found: dict[tuple[str, int], list[symtable.SymbolTable]] = {}

    def collect(table: symtable.SymbolTable) -> None:
        found.setdefault((table.get_name(), table.get_lineno()), []).append(table)
        for child in table.get_children():
            collect(child)

    collect(symtable.symtable(path.read_text("utf-8"), str(path), "exec"))
    return found


def expected_scope(table: symtable.SymbolTable, name: str) -> str:
    """Return what Python's symbol table says about a name, in the words of the op graph."""
    symbol = table.lookup(name)
    if symbol.is_free():
        return "free"
    return "local" if symbol.is_local() and not symbol.is_global() else "global"


def compared(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield each name of each function and class whose scope is not what Python says."""
    known = tables(path)
    scopes = Scopes(ast.parse(path.read_bytes()))
    for scope in scopes.bodies[1:]:
        node: Any = scope.node
        line = min([node.lineno, *[one.lineno for one in getattr(node, "decorator_list", [])]])
        for table in known.get((getattr(node, "name", "lambda"), line), []):
            if len(known[table.get_name(), line]) > 1 or table.get_type() == "type parameters":
                continue
            if table.get_name() == "top":  # which Python 3.11 takes for a module
                continue
            yield from differences(scope, table)


def differences(scope: Scope, table: symtable.SymbolTable) -> Iterator[tuple[str, str, str, str]]:
    """Yield each name whose scope is not what Python says."""
    inlined = comprehended(scope.node)
    for name in table.get_identifiers():
        if name in inlined and expected_scope(table, name) == "local":
            continue
        if name in {"__class__", "__classdict__", "__conditional_annotations__"} or name.startswith("."):
            continue
        found = scope.resolve(name)
        if "@" not in found[0] and found[1] != expected_scope(table, name):
            yield scope.qualname, name, expected_scope(table, name), found[1]


def comprehended(node: ast.AST) -> set[str]:
    """Return the variables of comprehensions, which Python 3.12 counts as local to the function (PEP 709)."""
    targets = [one.target for one in ast.walk(node) if isinstance(one, ast.comprehension)]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def test_scopes() -> None:
    """
    Each name of each function and class is local, free or global as Python has it.
    """
    assert [] == [(path.stem, *difference) for path in SAMPLE for difference in compared(path)]


@pytest.mark.slow
def test_scopes_of_all() -> None:
    """
    The same for every file.
    """
    assert [] == [(path.stem, *difference) for path in [*FILES, *MORE] for difference in compared(path)]


def run(name: str) -> dict[str, Any]:
    """Return the namespace of a module of the standard library that ran as an op graph."""
    module = importlib.import_module(name)
    graph = Module(inspect.getsource(module), {"__doc__": module.__doc__}, name)
    graph.run()
    return graph.names


def scoped(names: dict[str, Any]) -> list[str]:
    """Return what context managers made by the functions in *names* do."""
    trace = []

    @names["contextmanager"]
    def manager() -> Iterator[int]:
        try:
            yield 1
        except ValueError:
            trace.append("swallowed")
        finally:
            trace.append("left")

    with manager() as value:
        trace.append(str(value))
        raise ValueError
    with names["suppress"](KeyError), names["ExitStack"]() as stack:
        stack.callback(trace.append, "callback")
        raise KeyError
    return trace


TEXT = "The quick brown fox -- jumped over\tthe lazy dog; " * 5
EXERCISES: dict[str, Callable[[Any], Any]] = {
    "textwrap": lambda m: [m["fill"](TEXT, width) for width in range(5, 60)] + [m["dedent"]("  a\n   b\n")],
    "bisect": lambda m: [m["bisect_left"]([1, 3, 5, 7], value) for value in range(9)],
    "shlex": lambda m: (
        [m["split"](text) for text in ("a 'b c' d\\ e", 'x "y z" # no', "")] + [m["quote"]("a b")]
    ),
    "fnmatch": lambda m: [m["translate"](text) for text in ("*.py", "[!a]?b", "a**[x-z]")],
    "string": lambda m: m["Template"]("$a ${b} $$").safe_substitute(a=1) + m["capwords"]("a b  c"),
    "difflib": lambda m: (
        list(m["unified_diff"](["a", "b", "c"], ["a", "x", "c", "d"]))
        + m["get_close_matches"]("appel", ["ape", "apple", "peach"])
    ),
    "posixpath": lambda m: [
        m["normpath"]("/a/../b//c/."),
        m["relpath"]("/a/b", "/a/c"),
        m["splitext"]("a.b.c"),
    ],
    "graphlib": lambda m: list(
        m["TopologicalSorter"]({"d": {"b", "c"}, "b": {"a"}, "c": {"b"}}).static_order()
    ),
    "statistics": lambda m: [m["mean"]([1, 2, 4]), m["median"]([3, 1, 2]), m["pstdev"]([1.5, 2.5, 4.75])],
    "pprint": lambda m: m["pformat"]({"b": [list(range(40))], "a": {"c": TEXT}}, width=40),
    "colorsys": lambda m: [m["rgb_to_hls"](0.2, 0.4, 0.4), m["hsv_to_rgb"](0.5, 0.5, 0.4)],
    "html": lambda m: m["unescape"]("&lt;&#65;&notit;&amp;") + m["escape"]("<a href='x'>"),
    "json.decoder": lambda m: m["JSONDecoder"]().decode(
        json.dumps({"a": [1, 2.5, None, True, "x\n"], "b": {}})
    ),
    "copy": lambda m: m["deepcopy"]({"a": [1, (2, [3])], "b": {4}}),
    "contextlib": scoped,
}
if sys.version_info < (3, 12):  # from then on its enums write into the module that was imported
    EXERCISES["calendar"] = lambda m: m["TextCalendar"]().formatmonth(2024, 2)


@pytest.mark.parametrize("name", EXERCISES)
def test_modules_run(name: str) -> None:
    """
    A module of the standard library that runs as an op graph computes what it computes under Python.
    """
    exercise = EXERCISES[name]

    assert exercise(vars(importlib.import_module(name))) == exercise(run(name))


def test_heap() -> None:
    """
    The pure Python part of heapq sorts.
    """
    source = inspect.getsource(heapq).partition("# If available, use C implementation")[0]
    graph = Module(source, {}, "heapq")
    graph.run()
    heap: list[int] = []
    for value in (5, 1, 4, 1, 3):
        graph.names["heappush"](heap, value)

    assert [1, 1, 3, 4, 5] == [graph.names["heappop"](heap) for _ in range(5)]
