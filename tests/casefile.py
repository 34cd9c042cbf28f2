"""Read a Markdown case file: prose, code blocks, and what each line of code promises.

A ```py setup block holds the models and the engine of the cases below it. Words after ``setup`` are options
of the watch: ``rows-threshold=50``. Every other ```py block is one case, named by the heading above it. A
line promises by comments at its end:

``# check: hazard``    the static lens reports the hazard at this line
``# missed: hazard``   the static lens should report it, and does not: a missed alarm
``# false: hazard``    the static lens reports it, and should not: a false alarm
``# watch: hazard``    the runtime lens reports it at this line
``# library: hazard``  the runtime lens reports it in a library that this line has called
``# place: role``      and names this line in its story; either all lines of a story are promised or none
``# raises: Error``    on real SQLAlchemy this line raises Error, and that ends the case

A line without a promise stays silent and raises nothing. ```py since=2.0.36 is a case that an older SQLAlchemy tells
otherwise: there it is read, and not run.

Both lenses report the line where it happens, also in a function that reads or writes what its caller gave it. A file
``hazard.theme.md`` holds more cases of ``hazard.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROMISE = re.compile(r"#\s*(check|missed|false|watch|library|place|raises):\s*([A-Za-z-]+)")
ANY_PROMISE = re.compile(r"\s*#\s*(check|missed|false|watch|library|place|raises):.*")


@dataclass(frozen=True)
class Block:
    """The text between two fences, and the number of its first line in the file."""

    words: tuple[str, ...]
    first_line: int
    code: str

    @property
    def in_place(self) -> str:
        """The code after as many empty lines as stand above it, so that line numbers are the file's."""
        return "\n" * (self.first_line - 1) + self.code


@dataclass(frozen=True)
class Case:
    """One scenario: its code, and the setup it runs in."""

    path: Path
    title: str
    setup: Block
    block: Block

    @property
    def hazard(self) -> str:
        """The hazard the file is about."""
        return self.path.name.partition(".")[0]

    def promises(self, kind: str) -> set[tuple[int, str]]:
        """Return line and name of each promise of one kind: ``check``, ``watch``, ``library``, ``place``, ..."""
        return {
            (number, name)
            for number, text in enumerate(self.block.code.splitlines(), self.block.first_line)
            for which, name in PROMISE.findall(text)
            if which == kind
        }

    @property
    def program(self) -> str:
        """Setup and code as one file, whose line numbers are the case file's."""
        setup, code = self.setup.in_place.splitlines(), self.block.in_place.splitlines()
        lines = [""] * (max(len(setup), len(code)))
        lines[: len(setup)] = setup
        first = self.block.first_line - 1
        lines[first : len(code)] = code[first:]
        return "\n".join(lines) + "\n"

    @property
    def plain_code(self) -> str:
        """The code without its promises."""
        return ANY_PROMISE.sub("", self.block.code)

    @property
    def since(self) -> tuple[int, ...]:
        """The first version of SQLAlchemy that does what the case says; () for all."""
        found = [word.removeprefix("since=") for word in self.block.words if word.startswith("since=")]
        return tuple(int(part) for part in found[0].split(".")) if found else ()

    @property
    def options(self) -> dict[str, int]:
        """The options of the watch, spelled as ``Config`` spells them."""
        words = (word.split("=") for word in self.setup.words if "=" in word)
        return {name.replace("-", "_"): int(value) for name, value in words}


def read_cases(path: Path) -> list[Case]:
    """Return the cases of one file, in its order."""
    return list(_cases(path))


def _cases(path: Path) -> Iterator[Case]:
    title, setup, words, start = "", Block((), 1, ""), None, 0
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(lines, 1):
        if words is None and text.startswith("```py"):
            words, start = tuple(text.removeprefix("```py").split()), number
        elif words is not None and text == "```":
            block = Block(words, start + 1, "\n".join(lines[start : number - 1]) + "\n")
            if "setup" in words:
                setup = block
            else:
                yield Case(path, title, setup, block)
            words = None
        elif words is None and text.startswith("#"):
            title = text.lstrip("# ")
