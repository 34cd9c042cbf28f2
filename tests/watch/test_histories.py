"""Random programs over a small model: the watch says what is lost and explains what is raised, and nothing else.

A reference model, which knows nothing of tether, follows each program and asks the database what was
committed (`histories/reference.py`); `histories/judging.py` says when the two may differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType

import pytest
from hypothesis import HealthCheck, given, settings

import tether
from tests.watch.histories.judging import disagreements
from tests.watch.histories.programs import Program, programs
from tests.watch.histories.world import World
from tether.core.config import Config
from tether.core.finding import Finding

BARE_RUNS = 10
CONFIG = Config(loop_threshold=1_000)  # each line runs once


def run_bare(program: Program) -> World:
    """Run a program without the watch."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), program)
        world.run()
        world.close()
    return world


def run_watched(program: Program) -> tuple[World, list[Finding], list[str]]:
    """Run a program under the watch; return also its findings and what the watch had to switch off."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), program)
        with tether.watching(config=CONFIG) as report:
            world.run()
            alive = list(world.alive)
        world.close()

    assert [] == alive
    return world, report.findings, report.disabled


def check(program: Program) -> None:
    """
    Run a program bare and watched, and compare everything.

    SQLAlchemy walks sets of states, in the order of their addresses: what a failed flush leaves behind may
    differ from one bare run to the next. So one of several bare runs must be as the watched one.
    """
    world, findings, disabled = run_watched(program)

    assert [] == disabled
    assert any(run_bare(program).observed == world.observed for _ in range(BARE_RUNS)), program.source
    assert [] == disagreements(world, findings), program.source


def functions_of_sqlalchemy() -> dict[str, object]:
    """Return each function and method of SQLAlchemy, less those that it generates when they are first needed."""
    holders = {name: module for name, module in sys.modules.items() if name.startswith("sqlalchemy.")}
    holders |= {
        f"{name}.{thing.__qualname__}": thing
        for name, module in holders.items()
        for thing in vars(module).values()
        if isinstance(thing, type) and thing.__module__ == name
    }
    return {
        f"{name}.{attribute}": value
        for name, holder in holders.items()
        for attribute, value in vars(holder).items()
        if isinstance(value, FunctionType | classmethod) and not attribute.startswith("_generated_")
    }


@pytest.fixture(autouse=True)
def _sqlalchemy_is_left_as_it_was() -> Iterator[None]:
    run_bare(Program.parse("s0 = Session(engine)"))  # from here on all modules are imported
    before = functions_of_sqlalchemy()
    yield

    assert before == functions_of_sqlalchemy()


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs(longest=16))
def test_random_programs_are_told_what_they_lose_and_nothing_else(program: Program) -> None:
    """
    Whatever a program loses has a finding, what SQLAlchemy raises is explained, and the program notices nothing.
    """
    check(program)


@pytest.mark.storm
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs(longest=40))
def test_storm_of_long_programs(program: Program) -> None:
    """
    The same holds for many long programs.
    """
    check(program)
