"""What a chapter of the story consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine

from tether.demo.lens import Lens, watched
from tether.demo.seen import Seen

Answer = Literal["right", "wrong", "half right"]
Program = Callable[[Engine], None]


@dataclass(frozen=True)
class Verdict:
    """What an observation makes of a saying.

    Attributes:
        answer: Whether people are right.
        because: One to three sentences for somebody who has just read the code.
    """

    answer: Answer
    because: str


def right(because: str) -> Verdict:
    """Return that people are right."""
    return Verdict("right", because)


def wrong(because: str) -> Verdict:
    """Return that people are wrong."""
    return Verdict("wrong", because)


def half_right(because: str) -> Verdict:
    """Return that people are right only in part."""
    return Verdict("half right", because)


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One thing people say, and a program that puts it to the test.

    A chapter is one file in ``tether.demo.chapters`` that calls this ``CHAPTER``. The file is copied next to
    a database and imported from there, so that its lines are a user's lines; the reader is shown its
    functions, all but *verdict*, as they stand there.

    Attributes:
        order: Chapters are told in this order.
        title: A few words for headings and lists.
        saying: What people say, as they say it.
        program: Gets an Engine on a fresh shop. What it prints, commits and raises is what is observed.
        verdict: Gets what was observed and chooses the words. It states nothing that it did not look up.
        lens: How tether looks at the program; the default runs it under the watch.
    """

    order: int
    title: str
    saying: str
    program: Program
    verdict: Callable[[Seen], Verdict]
    lens: Lens = watched
