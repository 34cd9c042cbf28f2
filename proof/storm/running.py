"""One storm: fill the database, let the processes loose, look for every acknowledged edit."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import URL
from sqlalchemy.orm import Session

from proof.storm.checking import Verdict, verdict
from proof.storm.databases import Place, address, connect
from proof.storm.models import Base, family, fill
from proof.storm.writing import Done, Method, Task, work


@dataclass(frozen=True)
class Size:
    """How large a storm is.

    Attributes:
        processes: How many write at the same time.
        things: Rows that have parts.
        copies: That each process takes out and brings home; one to three edits each.
        seed: Another one gives other edits.
    """

    processes: int = 8
    things: int = 50
    copies: int = 250
    seed: int = 1


@dataclass(frozen=True)
class Storm:
    """Where and how."""

    place: Place
    versioned: bool
    method: Method


@dataclass(frozen=True)
class Result:
    """What came of a storm."""

    storm: Storm
    done: list[Done]
    verdict: Verdict
    seconds: float

    @property
    def acknowledged(self) -> int:
        """Edits whose ``commit()`` returned."""
        return sum(len(done.acknowledged) for done in self.done)

    @property
    def reported(self) -> int:
        """Edits that were refused as conflicts."""
        return sum(done.reported for done in self.done)

    @property
    def retried(self) -> int:
        """Transactions that the database asked to run again."""
        return sum(done.retried for done in self.done)

    @property
    def untrue(self) -> list[str]:
        """Conflicts that were none, in words."""
        return [words for done in self.done for words in done.untrue]

    @property
    def kinds(self) -> Counter[str]:
        """Conflicts by kind."""
        return sum((done.kinds for done in self.done), Counter())


Run = Callable[[list[Task]], list[Done]]


SECONDS_TO_START = 120
_start: list[Any] = []  # in a process of the pool: the barrier at which all wait for each other


@contextmanager
def processes(count: int) -> Iterator[Run]:
    """Give a function that runs *count* tasks, each in a process of its own, a Python started anew."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(count, context, _remember, (barrier,)) as pool:
        yield lambda tasks: list(pool.map(_work_together, tasks))


def _remember(barrier: Any) -> None:
    """Keep the barrier in this process."""
    _start.append(barrier)


def _work_together(task: Task) -> Done:
    """Wait until every process has its task, then do this one."""
    _start[0].wait(SECONDS_TO_START)
    return work(task)


def run(storm: Storm, size: Size, in_processes: Run) -> Result:
    """Run one storm in a database of its own."""
    with address(storm.place) as url:
        _prepare(storm, size, url)
        tasks = [
            Task(storm.place, url, storm.versioned, storm.method, size.things, writer, size.copies, size.seed)
            for writer in range(size.processes)
        ]
        begin = perf_counter()
        done = in_processes(tasks)
        seconds = perf_counter() - begin
        engine = connect(storm.place, url)
        tokens = [token for each in done for token in each.acknowledged]
        with Session(engine) as session:
            found = verdict(session, family(storm.versioned), size.things, tokens)
        engine.dispose()
    return Result(storm, done, found, seconds)


def _prepare(storm: Storm, size: Size, url: URL) -> None:
    """Create the tables and fill them."""
    engine = connect(storm.place, url)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        fill(session, family(storm.versioned), size.things)
    engine.dispose()
