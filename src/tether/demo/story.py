"""Tells chapters, one after the other, to whoever reads a stream."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

import sqlalchemy
from rich.console import Console
from rich.text import Text

from tether.demo.chapter import Chapter
from tether.demo.folding import folded, labelled
from tether.demo.page import chapter_list, chapter_page, heading, summary_page
from tether.demo.shop import inventory
from tether.demo.stage import Performance, Stage, stage
from tether.report import wants_colour

NARROWEST, WIDEST = 40, 100  # longer lines are hard to read
PIPE = 80
# SQLAlchemy, "Quickie Intro to Object States" and "Refreshing / Expiring".
WORDS = {
    "transient": "a new object: no row, no Session",
    "persistent": "it stands for a row and is attached to a Session, which saves its changes",
    "detached": "it stands for a row, but has no Session any more",
    "expired": "its values were dropped; the next read fetches the row again, through its Session",
}
# For a stream that cannot take these.
ASCII = str.maketrans({"─": "-", "│": "|", "▸": ">", "→": "->", "“": '"', "”": '"', "…": "..."})


def tell(chapters: dict[str, Chapter], names: Sequence[str], stream: TextIO) -> None:
    """Perform the chapters called *names*, or with none the whole story, and write each when it is done."""
    width = width_of(stream)
    with stage() as house:
        if names:
            for name in dict.fromkeys(names):
                write(stream, chapter_page(name, house.perform(name), width=width))
        else:
            write(stream, _opening(house, width))
            performances = dict(_story(list(chapters), house, width, stream))
            write(stream, [*summary_page(performances, width), *_closing(chapters, width)])


def list_chapters(chapters: dict[str, Chapter], stream: TextIO) -> None:
    """Write the names and the titles of *chapters*."""
    write(stream, chapter_list(chapters))


def width_of(stream: TextIO) -> int:
    """Return how many columns to use: those of the terminal, within reason."""
    columns = shutil.get_terminal_size().columns if stream.isatty() else PIPE
    return max(NARROWEST, min(columns, WIDEST))


def write(stream: TextIO, lines: Iterable[Text]) -> None:
    """Write *lines* as they are, with colours if *stream* is a terminal that wants them."""
    colour = wants_colour(stream)
    page = io.StringIO()
    console = Console(
        file=page,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
    stream.write(_encodable(page.getvalue(), stream.encoding or "utf-8"))
    stream.flush()


def _encodable(text: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _story(
    names: Sequence[str], house: Stage, width: int, stream: TextIO
) -> Iterator[tuple[str, Performance]]:
    for place, name in enumerate(names, 1):
        performance = house.perform(name)
        write(stream, chapter_page(name, performance, width=width, place=f"{place}/{len(names)}"))
        yield name, performance


def _opening(house: Stage, width: int) -> Iterator[Text]:
    yield heading("What people say about sessions, and what happens", "", width)
    yield Text()
    yield from folded(
        Text(
            "Each program below works on a little shop in a SQLite file, in a temporary directory. It is run "
            f"twice, now: on SQLAlchemy {sqlalchemy.__version__} alone, to see what happens, and under "
            "`tether`, to see what it reports. The last two use tether themselves. The shop at the beginning of each "
            "program:"
        ),
        width,
    )
    yield Text()
    for line in inventory(house.shop):
        yield from folded(Text(f"  {line}"), width, indent=6)
    yield Text()
    yield Text("Four words SQLAlchemy uses of an object:")
    yield Text()
    for word, meaning in WORDS.items():
        yield from labelled(Text(f"  {word}", "bold"), Text(meaning), width, 14)
    yield Text()


def _closing(chapters: dict[str, Chapter], width: int) -> Iterator[Text]:
    yield Text()
    first = next(iter(chapters), "")
    commands = {
        f"tether demo {first}": "one chapter again",
        "tether explain": "what each of the hazards is",
        "tether check": "what can be found in a program of yours before it runs",
        "tether run app.py": "what shows when it runs",
    }
    for command, what in commands.items():
        yield from labelled(Text(f"  {command}", "bold"), Text(what), width, 28)
