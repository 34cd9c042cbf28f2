"""What the op graph of some statements looks like: branches, ways out, names, places."""

from __future__ import annotations

import ast
import sys

import pytest

from tether.check.lowering import lower
from tether.check.lowering.ops import (
    Assume,
    Block,
    Body,
    Call,
    Caught,
    Exit,
    GetAttribute,
    Import,
    Load,
    Operate,
    Raised,
    Store,
)


def bodies_of(source: str, module: str = "app.views", package: bool = False) -> tuple[Body, ...]:
    return lower(ast.parse(source), module, package, source.splitlines())


def assumed(source: str) -> list[list[str]]:
    """Return what the Assumes of a module are about, block by block: the text of the test and how it came out."""
    body = bodies_of(source)[0]
    lines = source.splitlines()
    return [
        [
            f"{lines[op.span[0] - 1][op.span[1] - 1 : op.span[3]]} {op.truth}"
            for op in block.ops
            if isinstance(op, Assume)
        ]
        for block in body.blocks
        if any(isinstance(op, Assume) for op in block.ops)
    ]


@pytest.mark.parametrize(
    ["source", "expected"],
    [
        ("if a:\n    b", [["a True"], ["a False"]]),
        ("if not a:\n    b", [["a True"], ["a False"]]),
        ("if not (a and not b):\n    c", [["a True"], ["a False"], ["b True"], ["b False"]]),
        ("if x is None or y:\n    c", [["x is None True"], ["x is None False"], ["y True"], ["y False"]]),
        ("z = not x and y", [["x True"], ["x False"]]),
        ("z = (a or b) and c", [["a True"], ["a False"], ["b True"], ["b False"]]),
        ("while True:\n    a", []),
    ],
)
def test_branches(source: str, expected: list[list[str]]) -> None:
    """
    Each branch begins with what is assumed there about one plain test.
    """
    assert sorted(expected) == sorted(assumed(source))


def names_in(block: Block) -> list[str]:
    """Return the names that a block reads, and its Exits, Caughts and Raiseds."""
    shown = {Load: lambda op: op.name, Caught: lambda op: f"except {op.types}", Raised: lambda op: "raised"}
    shown[Exit] = lambda op: "exit raised" if op.raised else "exit"
    return [shown[type(op)](op) for op in block.ops if type(op) in shown]


def ways(source: str) -> list[tuple[list[str], list[list[str]], list[str]]]:
    """Return for each block of a module what is in it, what follows, and what handles its exceptions."""
    blocks = bodies_of(source)[0].blocks
    return [
        (
            names_in(block),
            [names_in(blocks[index]) for index in block.then],
            names_in(blocks[block.handler]) if block.handler >= 0 else ["out"],
        )
        for block in blocks
    ]


def test_with() -> None:
    """
    Out of a `with` lead two ways: one without an exception, and one with it, which the manager may swallow.
    """
    assert [
        (["manager"], [["body"]], ["out"]),
        (["raised", "exit raised"], [["raised"][:0], ["after"]], ["out"]),
        (["body"], [["exit"]], ["raised", "exit raised"]),
        (["exit"], [["after"]], ["out"]),
        ([], [], ["out"]),
        (["after"], [], ["out"]),
    ] == sorted(ways("with manager:\n    body\nafter"), key=lambda way: ORDER.index(tuple(way[0])))


ORDER = [("manager",), ("raised", "exit raised"), ("body",), ("exit",), (), ("after",)]


def test_finally_stands_once_for_each_way() -> None:
    """
    A `finally` is there for the end, for each return, and for an exception.
    """
    source = "def f():\n    try:\n        if a:\n            return b\n        c\n    finally:\n        d"
    blocks = bodies_of(source)[1].blocks

    assert 3 == sum("d" in names_in(block) for block in blocks)


def test_clauses() -> None:
    """
    Clauses are tried in order; what none of them takes is raised again.
    """
    source = "try:\n    a\nexcept (KeyError, app.Error):\n    b\nexcept x[0]:\n    c"
    followed = [then for inside, then, _ in ways(source) if not inside and len(then) == 3]

    assert [
        [["except ('KeyError', 'app.Error')", "b"], ["except ('',)", "c"], ["raised"]],
    ] == followed


@pytest.mark.parametrize("kind", ["", "Exception", "BaseException", "(KeyError, Exception)"])
def test_clause_for_all(kind: str) -> None:
    """
    Nothing goes past a clause that takes everything.
    """
    source = f"try:\n    a\nexcept {kind}:\n    b"

    assert [] == [inside for inside, _, _ in ways(source) if "raised" in inside]


def test_groups() -> None:
    """
    After one clause of `except*` comes the next.
    """
    source = "try:\n    a\nexcept* KeyError:\n    b\nexcept* OSError:\n    c"
    first = next(then for inside, then, _ in ways(source) if inside == ["except ('KeyError',)", "b"])

    assert [[]] == first


@pytest.mark.parametrize(
    ["source", "module", "package", "expected"],
    [
        ("import a.b as c", "m", False, [("a.b", "")]),
        ("import a.b", "m", False, [("a.b", ""), ("a", "")]),
        ("from a import b", "m", False, [("a", "b")]),
        ("from . import b", "app.views", False, [("app", "b")]),
        ("from . import b", "app", True, [("app", "b")]),
        ("from .x import b", "app.views.user", False, [("app.views.x", "b")]),
        ("from ..x import *", "app.views.user", False, [("app.x", "*")]),
        ("from ...x import b", "app.views", False, [("...x", "b")]),
        ("from . import b", "app", False, [(".", "b")]),
    ],
)
def test_imports(source: str, module: str, package: bool, expected: list[tuple[str, str]]) -> None:
    """
    Relative imports are absolute, as far as there are packages above.
    """
    ops = bodies_of(source, module, package)[0].blocks[0].ops

    assert expected == [(op.module, op.name) for op in ops if isinstance(op, Import)]


def test_comprehension_variables() -> None:
    """
    The variable of a comprehension is another one than that of the function around it.
    """
    body = bodies_of("def f(x):\n    y = [x.a for x in x]\n    return [x for x in y] + [x]")[1]
    loads = [op.name for block in body.blocks for op in block.ops if isinstance(op, Load)]

    assert ["x", "x@1", "y", "x@2", "x"] == loads


def test_what_a_body_says() -> None:
    """
    A body tells its kind, its qualified name, its parameters, decorators and annotations.
    """
    source = """
class A:
    @app.get("/")
    @staticmethod
    async def f(a, /, b: int = 1, *c: "Order", d: list[X] | None = None, **e) -> Annotated[Session, Depends(db)]:
        yield lambda: a
"""
    bodies = bodies_of(source)

    assert [
        ("module", "", -1, (), (), ""),
        ("class", "A", 0, (), (), ""),
        (
            "async generator",
            "A.f",
            1,
            (
                ("a", "positional", ""),
                ("b", "positional", "int"),
                ("c", "*", "'Order'"),
                ("d", "keyword", "list[X] | None"),
                ("e", "**", ""),
            ),
            ("app.get()", "staticmethod"),
            "Annotated[Session, Depends(db)]",
        ),
        ("lambda", "A.f.<locals>.<lambda>", 2, (), (), ""),
    ] == [(one.kind, one.qualname, one.parent, one.parameters, one.decorators, one.returns) for one in bodies]


def test_names() -> None:
    """
    A body lists the identifiers in it, and not those of functions inside it.
    """
    body = bodies_of("def f(a: B):\n    a.c(d=e)\n    def g():\n        return h")[1]

    assert {"a", "B", "c", "d", "e", "g"} == body.names


def test_places_count_characters() -> None:
    """
    Columns count characters, not bytes; the last one belongs to the expression.
    """
    ops = bodies_of("x = 'äöü'; größe.ß")[0].blocks[0].ops

    assert [(1, 12, 1, 18)] == [op.span for op in ops if isinstance(op, GetAttribute)]


@pytest.mark.parametrize("links", [500, 1_000])
def test_long_chains(links: int) -> None:
    """
    A chain of a thousand calls or operators is lowered whole.
    """
    source = "x = q" + ".where(a)" * links + "\ny = 1" + " + b" * links + "\n"
    body = bodies_of(source)[0]
    ops = [op for block in body.blocks for op in block.ops]

    assert ("", links, links) == (
        body.cut_short,
        sum(isinstance(op, Call) for op in ops),
        sum(isinstance(op, Operate) for op in ops),
    )


def test_a_long_chain_of_elif() -> None:
    """
    So is a chain of a thousand `elif`.
    """
    source = "if a:\n    b\n" + "elif c:\n    d\n" * 300
    tree = ast.parse(source)
    innermost = tree.body[0]
    assert isinstance(innermost, ast.If)
    while innermost.orelse:
        assert isinstance(innermost.orelse[0], ast.If)
        innermost = innermost.orelse[0]
    innermost.orelse = ast.parse(source.replace("elif", "elif", 1)).body

    assert "" == lower(tree, "app")[0].cut_short


def test_nested_too_deeply() -> None:
    """
    A function that is nested too deeply is cut short; the others are not.
    """
    deep = ast.parse("def f():\n    return a\ndef g():\n    return b")
    function = deep.body[0]
    assert isinstance(function, ast.FunctionDef)
    inside: ast.expr = ast.Name("a", ast.Load(), lineno=2, col_offset=0, end_lineno=2, end_col_offset=1)
    for _ in range(5_000):
        inside = ast.List([inside], ast.Load(), lineno=2, col_offset=0, end_lineno=2, end_col_offset=1)
    function.body = [ast.Return(inside, lineno=2, col_offset=0, end_lineno=2, end_col_offset=1)]

    assert [("", ""), ("f", "nested too deeply"), ("g", "")] == [
        (body.qualname, body.cut_short) for body in lower(deep, "app")
    ]


def test_too_long() -> None:
    """
    `finally` in `finally` doubles with each level; a function that becomes too long so is cut short.
    """
    levels = range(1, 18)
    pads = ["    " * level for level in levels]
    tries = [f"{pad}try:\n{pad}    if a: return 1" for pad in pads]
    ends = [f"{pad}finally:\n{pad}    if b: return 2\n{pad}    c" for pad in reversed(pads)]
    source = "\n".join(["def f():", *tries, *ends, "def g():", "    pass"])

    assert ["", "too long", ""] == [body.cut_short for body in bodies_of(source)]


def test_stores_keep_annotations() -> None:
    """
    A declaration without a value binds nothing and keeps its annotation.
    """
    ops = bodies_of("a: int\nb: 'X' = 1")[0].blocks[0].ops

    assert [("a", True, "int"), ("b", False, "'X'")] == [
        (op.name, op.source == -1, op.annotation) for op in ops if isinstance(op, Store)
    ]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_parameters() -> None:
    """
    Type parameters are variables of the body around the class or function, under a name of their own.
    """
    source = (
        "class A[T: int](list[T]):\n    def f[U](self, a: U) -> T:\n        return T, U\ntype X = list[A]\n"
    )
    stored = [
        (op.name, op.scope)
        for block in bodies_of(source)[0].blocks
        for op in block.ops
        if isinstance(op, Store)
    ]
    read = [op[1:3] for block in bodies_of(source)[2].blocks for op in block.ops if isinstance(op, Load)]

    assert ([("T@1", "local"), ("A", "global"), ("X", "global")], [("T@1", "free"), ("U@2", "free")]) == (
        stored,
        read,
    )
