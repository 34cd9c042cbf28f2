"""Files analysed by several processes. Each has an engine of its own, and says of a file what any other would say."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tether.check.front.analysis import Analyser, Analysis

PORTION = 8  # files that one process takes at a time: neighbours import the same modules
WORTH_IT = 100  # files: a process reads what its files import before it is of use
MOST = 8  # processes that are begun unasked
START = (
    "fork" if sys.platform == "linux" else "spawn"
)  # where forking is safe, and with what was imported already

MakeOver = Callable[[Sequence[str]], Analyser]


class Answered(NamedTuple):
    """What an engine says of one file.

    Attributes:
        not_parsed: Why the file could not be parsed, or "".
    """

    path: str
    analysis: Analysis
    not_parsed: str


def processors() -> int:
    """Return how many processors this process may use."""
    lent = getattr(os, "sched_getaffinity", None)  # a container or `taskset` may lend it fewer than there are
    return len(lent(0)) if lent else os.cpu_count() or 1


def analysed(
    make: MakeOver, paths: Sequence[str], outdated: Sequence[str], jobs: int | None = None
) -> Iterator[Answered]:
    """Yield what is said of each outdated file, in any order.

    Args:
        make: Gives an engine over the files; it is pickled where processes cannot fork.
        paths: All files that are checked.
        outdated: Those to analyse.
        jobs: How many processes do it; None: as many as it is worth, one of them only for few files.
    """
    if jobs is None:
        jobs = min(processors(), MOST, len(outdated) // WORTH_IT)
    left = dict.fromkeys(outdated)
    if jobs > 1:
        for answer in _shared(make, paths, outdated, jobs):
            del left[answer.path]
            yield answer
    if left:  # also what a process had that died, as of too little memory
        analyser = make(paths)
        for path in left:
            yield _answer(analyser, path)


def _answer(analyser: Analyser, path: str) -> Answered:
    analysis = analyser.analyse(path)
    return Answered(path, analysis, analyser.not_parsed.get(path, ""))


def _shared(make: MakeOver, paths: Sequence[str], outdated: Sequence[str], jobs: int) -> Iterator[Answered]:
    """Yield what several processes say, as far as they live."""
    # Needed for large projects only, and slow to import.
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    context = get_context(START)
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(make, paths))
    portions = [outdated[first : first + PORTION] for first in range(0, len(outdated), PORTION)]
    try:
        for done in as_completed([pool.submit(_portion, portion) for portion in portions]):
            yield from done.result()
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_analysers: list[Analyser] = []  # of a process that analyses for another


def _begin(make: MakeOver, paths: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is answered by the process that was asked
    _analysers.append(make(paths))


def _portion(paths: Sequence[str]) -> list[Answered]:
    return [_answer(_analysers[-1], path) for path in paths]
