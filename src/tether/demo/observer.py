"""Runs a program and notes what it does, line by line, without taking part in it."""

from __future__ import annotations

import inspect
import io
import re
import sqlite3
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import SAWarning

from tether.demo.seen import Happening, Seen, Tables, Verb, changes

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def observe(program: Callable[[Engine], None], engine: Engine, source: Path, database: Path) -> Seen:
    """Run *program* and return what was seen.

    Args:
        program: An exception that leaves it is one of the things that are seen.
        engine: What the program works with.
        source: The file the program's code is in; what its lines do is noted.
        database: The SQLite file behind *engine*, read without it.
    """
    return _Observer(source, database).run(program, engine)


class _Observer:
    def __init__(self, source: Path, database: Path) -> None:
        self.source = str(source)
        self.database = database
        self.happenings: list[Happening] = []
        self.before = self.latest = tables_of(database)

    def run(self, program: Callable[[Engine], None], engine: Engine) -> Seen:
        # A connection comes back to the pool at the end of each transaction; "commit" would come too early.
        event.listen(engine.pool, "checkin", self._transaction_ended)
        try:
            with redirect_stdout(_Lines(self._printed)), self._warnings():
                program(engine)
        except Exception as error:  # noqa: BLE001 - whatever it raises is what there is to see
            self._raised(error)
        finally:
            event.remove(engine.pool, "checkin", self._transaction_ended)
        return Seen(tuple(self.happenings), self.before, tables_of(self.database))

    def _printed(self, text: str) -> None:
        self._note(self._line(), "prints", text)

    def _transaction_ended(self, *_connection: object) -> None:
        now = tables_of(self.database)
        if now != self.latest:
            self._note(self._line(), "commits", changes(self.latest, now))
            self.latest = now

    def _raised(self, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == self.source), None)
        self._note(line or 0, "raises", _words(error), type(error).__name__)

    @contextmanager
    def _warnings(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SAWarning)
            elsewhere = warnings.showwarning

            def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
                if issubclass(category, SAWarning):
                    self._note(self._line(), "warns", _words(message), category.__name__)
                else:
                    elsewhere(message, category, *rest, **named)

            warnings.showwarning = show
            yield

    def _line(self) -> int:
        """Return the line of the program that is at work; 0 if none is."""
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_filename == self.source:
                return frame.f_lineno
            frame = frame.f_back
        return 0

    def _note(self, line: int, verb: Verb, text: str, kind: str = "") -> None:
        self.happenings.append(Happening(line, verb, _ADDRESS.sub("", text), kind))


class _Lines(io.TextIOBase):
    """A stream that hands on each line as soon as it is whole."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self.take = take
        self.rest = ""

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self.take(line)
        return len(text)


def _words(said: Warning | Exception | str) -> str:
    """Return a message without what SQLAlchemy adds: the statement, and a link that differs by version."""
    return said if isinstance(said, str) else str(said.args[0] if said.args else "")


def tables_of(database: Path) -> Tables:
    """Return every row of a SQLite file whose tables have a column ``id``, read past SQLAlchemy."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [row["name"] for row in found]
        return {
            name: {row["id"]: dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')}
            for name in names
        }
