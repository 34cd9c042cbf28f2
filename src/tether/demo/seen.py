"""What was observed while a program ran: a plain record that verdicts are chosen by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Row = Mapping[str, object]
Tables = Mapping[str, Mapping[int, Row]]  # table name -> primary key -> row

Verb = Literal["prints", "commits", "warns", "raises"]


@dataclass(frozen=True)
class Happening:
    """Something a line of the program did.

    Attributes:
        line: Number of the line, from 1; 0 if no line of the program was at work.
        verb: What it did: ``prints`` a line, ``commits`` a change of the database, ``warns`` or ``raises``.
        text: The line, the change in words, or the message.
        kind: Class name of the warning or the exception, or "".
    """

    line: int
    verb: Verb
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Seen:
    """Everything observed, in the order it happened.

    Attributes:
        happenings: What the program's lines did.
        before: The database when the program began, read with sqlite3, past SQLAlchemy.
        after: The database when it had ended.
    """

    happenings: tuple[Happening, ...]
    before: Tables
    after: Tables

    @property
    def printed(self) -> list[str]:
        """The lines that were printed."""
        return [one.text for one in self.happenings if one.verb == "prints"]

    @property
    def commits(self) -> list[str]:
        """Each change of the database, in words."""
        return [one.text for one in self.happenings if one.verb == "commits"]

    @property
    def raised(self) -> str:
        """Class name of the exception that ended the program, or ""."""
        return next((one.kind for one in self.happenings if one.verb == "raises"), "")

    @property
    def complaints(self) -> list[str]:
        """Class names of the warnings and of the exception."""
        return [one.kind for one in self.happenings if one.verb in {"warns", "raises"}]

    def now(self, table: str, key: int) -> Row:
        """Return a row as it is in the database in the end; empty if there is none."""
        return self.after.get(table, {}).get(key, {})


def changes(old: Tables, new: Tables) -> str:
    """Return in words what differs between two states of the database; "" if nothing does."""
    return "; ".join(_changes(old, new))


def _changes(old: Tables, new: Tables) -> Iterator[str]:
    for table in sorted(old.keys() | new.keys()):
        rows, newer = old.get(table, {}), new.get(table, {})
        for key in sorted(rows.keys() | newer.keys()):
            if key not in rows:
                yield f"{table} {key} is new: {_values(newer[key])}"
            elif key not in newer:
                yield f"{table} {key} is gone: {_values(rows[key])}"
            elif changed := _changed(rows[key], newer[key]):
                yield f"{table} {key}: {changed}"


def _values(row: Row) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in row.items() if name != "id")


def _changed(old: Row, new: Row) -> str:
    return ", ".join(f"{name} {old[name]!r} → {value!r}" for name, value in new.items() if old[name] != value)
