"""Random programs, run by Python and as op graphs: the same calls with the same values, the same exceptions."""

from __future__ import annotations

import ast
import marshal
import warnings
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from tests.check.lowering.evaluator import Module
from tests.check.lowering.programs import OutOfStepsError, World, Writer
from tether.check.lowering import lower
from tether.check.lowering.plain import from_plain, to_plain


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def finish_all(iterator: Any) -> list[Any]:
    """Return all elements of an asynchronous generator that never waits."""

    async def collect() -> list[Any]:
        return [element async for element in iterator]

    return finish(collect())


def traced(plan: int, execute: Callable[[dict[str, Any]], None]) -> list[str]:
    """Return what a program did, and how it ended."""
    world = World(plan)
    names = world.names() | {"__name__": "program", "run": finish, "run_all": finish_all}
    try:
        execute(names)
    except (Exception, OutOfStepsError) as raised:
        world.note(f"ended by {type(raised).__name__}")
    return world.trace


def runs(seed: int) -> tuple[str, list[str], list[str]]:
    """Return a random program, its trace under Python and its trace as an op graph; no traces if Python refuses it."""
    source = Writer(Random(seed)).program()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `1 is 2` is what random programs say
        try:
            code = compile(source, "program", "exec")
        except SyntaxError:  # a `nonlocal` of a name that is nobody's
            return source, [], []
    expected = traced(seed, lambda names: exec(code, names))  # running it is the point
    return source, expected, traced(seed, lambda names: Module(source, names, "program").run())


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_random_programs(first: int) -> None:
    """
    A program and its op graph do the same, step by step.
    """
    different = [source for seed in range(first, first + 50) for source, a, b in [runs(seed)] if a != b]

    assert [] == different


@given(integers(min_value=1_000))
def test_more_random_programs(seed: int) -> None:
    """
    So do those that nobody has tried yet.
    """
    _, expected, seen = runs(seed)

    assert expected == seen


@pytest.mark.parametrize("seed", range(100))
def test_marshal(seed: int) -> None:
    """
    Bodies come back from marshal as they were.
    """
    bodies = lower(ast.parse(Writer(Random(seed)).program()), "program")

    assert bodies == from_plain(marshal.loads(marshal.dumps(to_plain(bodies))))
