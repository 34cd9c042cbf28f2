"""The story in a minute: what people say about SQLAlchemy's sessions, and what happens.

Each chapter (``chapters``, one per file) is performed on a ``stage`` that is removed afterwards: first on
SQLAlchemy alone, where the ``observer`` notes what each line does, then through a ``lens`` of tether's. The
``page`` prints the lines that ran and what was seen of them; nothing of a result is written beforehand.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from tether.demo.chapters import all_chapters
from tether.demo.story import list_chapters, tell


def main(words: Sequence[str]) -> int:
    """Tell the story, or the chapters that are named, on stdout, and return the exit status.

    Args:
        words: Words of the command line after ``tether demo``.

    Raises:
        SystemExit: argparse has printed help or an error.
    """
    chapters = all_chapters()
    parser = ArgumentParser(
        "tether demo",
        description="What people say about SQLAlchemy's sessions, and what happens.",
        allow_abbrev=False,
    )
    parser.add_argument("chapter", nargs="*", metavar="CHAPTER", help="tell only these chapters")
    parser.add_argument("--list", action="store_true", help="list the chapters")
    options = parser.parse_args(words)
    for name in options.chapter:
        if name not in chapters:
            parser.error(_no_such_chapter(name, chapters))
    if options.list:
        list_chapters(chapters, sys.stdout)
    else:
        tell(chapters, options.chapter, sys.stdout)
    return 0


def _no_such_chapter(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`tether demo --list` lists them all."
    return f"there is no chapter called {name!r}; {hint}"
