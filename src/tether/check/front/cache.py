"""The cache: one file for each way ``tether check`` is called, with what is known of each file it looked at.

The file has three lines. The first names the format, what the answers depend on beside the files (the *key*) and a
checksum; the second holds files and answers, all that an unchanged tree needs; the third what each answer depends
on. JSON, because a file that somebody else wrote must not be able to do anything.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any, NamedTuple, TypedDict

from tether.core.config import Config

FORMAT = 1
FOLDER = ".tether_cache"
KEPT = 8  # files in the folder; the oldest go
ROOMS = ("core", "check", "hazards", "lifecycle")  # what the answers are made by

Say = Callable[[str], None]


class Stamp(NamedTuple):
    """A file as it was when its answer was made.

    Attributes:
        changed: When its content changed, in nanoseconds; 0, as *altered* and *size*, if it must be read again.
        altered: When its inode changed.
        size: In bytes.
        digest: Of its content; "" if it is not known.
        asked: 1 if it was checked, 0 if only an answer depends on it.
    """

    changed: int
    altered: int
    size: int
    digest: str
    asked: int


class Answer(TypedDict, total=False):
    """What is known of one file; a part that is empty is left out.

    Attributes:
        findings: As `tether.check.front.stored` writes them.
        comments: Allow comments: line, names, lines each counts for.
        cut_short: As in `Analysis`.
        failed: As in `Analysis`.
        not_parsed: Why it could not be parsed.
    """

    findings: list[dict[str, Any]]
    comments: list[list[Any]]
    cut_short: list[str]
    failed: list[str]
    not_parsed: str


class Known(NamedTuple):
    """What the cache holds.

    Attributes:
        stamps: By path; files that an answer depends on have one too.
        answers: By path, for the files that were asked for.
        depends: Text of the third line; `depends_on` reads it.
    """

    stamps: dict[str, Stamp]
    answers: dict[str, Answer]
    depends: str


NOTHING = Known({}, {}, "{}")


def depends_on(known: Known) -> dict[str, list[str]]:
    """Return what each answer depends on: ``Analysis.files`` by path."""
    document = json.loads(known.depends)
    names = document.get("names", [])
    return {path: [names[number] for number in numbers] for path, numbers in document.get("of", {}).items()}


def depends_text(depends: dict[str, list[str]]) -> str:
    """Return the third line."""
    names = sorted({name for some in depends.values() for name in some})
    numbers = {name: number for number, name in enumerate(names)}
    of = {path: [numbers[name] for name in some] for path, some in depends.items()}
    return json.dumps({"names": names, "of": of}, separators=(",", ":"))


def key_of(config: Config, arguments: list[str], python: str) -> str:
    """Return everything an answer depends on beside the files: tether itself, Python, settings, where it runs."""
    settings = {field.name: _sorted(getattr(config, field.name)) for field in fields(config)}
    parts = (FORMAT, _own_files(), python, os.path.abspath(""), arguments, settings)
    return json.dumps(parts, separators=(",", ":"))


def _sorted(value: Any) -> Any:
    """Return a setting with its sets in order: a set's own order differs from run to run."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_sorted(one) for one in value]
    return value if isinstance(value, str | int | float | None) else repr(value)


def _own_files() -> int:
    """Return a number that changes with any file of the analyser, its tables included."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    seen = []
    for room in ROOMS:
        for folder, folders, names in os.walk(os.path.join(home, room)):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in names:
                status = os.stat(os.path.join(folder, name))
                seen.append((name, status.st_mtime_ns, status.st_size))
    return zlib.crc32(repr(sorted(seen)).encode())


class Cache:
    """One file of the cache.

    Args:
        folder: ``.tether_cache``; made when something is written.
        key: From `key_of`.
        say: Told, in one sentence, what keeps the cache from working; the run goes on without it.
    """

    def __init__(self, folder: str, key: str, say: Say) -> None:
        self.folder = folder
        self.key = key
        self.say = say
        self.path = os.path.join(folder, f"answers-{zlib.crc32(key.encode()):08x}.json")

    def read(self) -> Known:
        """Return what is known; `NOTHING` where there is no cache yet, or none that can be used."""
        try:
            with open(self.path, "rb") as file:
                head, _, body = file.read().partition(b"\n")
            if head.decode() != self._head(body):
                raise ValueError("its checksum does not fit")
            key, facts, depends = body.decode().split("\n", 2)
            if json.loads(key) != self.key:
                return NOTHING
            stamps, answers = json.loads(facts)
            return Known({path: Stamp(*stamp) for path, stamp in stamps.items()}, answers, depends)
        except FileNotFoundError:
            pass
        except OSError as error:
            self.say(f"the cache cannot be read: {error.strerror}; everything is analysed ({self.path})")
        except (ValueError, TypeError) as error:
            self.say(f"the cache is damaged and is made anew: {error} ({self.path})")
        return NOTHING

    def write(self, known: Known) -> None:
        """Replace the file, at once and only when the new one is complete."""
        facts = json.dumps([known.stamps, known.answers], separators=(",", ":"))
        body = "\n".join((json.dumps(self.key), facts, known.depends)).encode()
        unfinished = f"{self.path}.{os.getpid()}.{time.monotonic_ns()}.unfinished"
        try:
            self._make_folder()
            with open(unfinished, "xb") as file:
                file.write(f"{self._head(body)}\n".encode() + body)
            os.replace(unfinished, self.path)
            self._forget_old()
        except OSError as error:
            self.say(
                f"the cache cannot be written: {error.strerror}; the next run analyses again ({self.path})"
            )
            if os.path.exists(unfinished):
                os.unlink(unfinished)

    def _head(self, body: bytes) -> str:
        return f"tether check {FORMAT} {zlib.crc32(body):08x}"

    def _make_folder(self) -> None:
        os.makedirs(self.folder, exist_ok=True)
        ignore = os.path.join(self.folder, ".gitignore")
        if not os.path.exists(ignore):
            with open(ignore, "w", encoding="utf-8") as file:
                file.write("*\n")

    def _forget_old(self) -> None:
        """Remove the files that were written longest ago, and what a killed process left."""
        files = [entry for entry in os.scandir(self.folder) if entry.name.startswith("answers-")]
        by_age = sorted(files, key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        for entry in by_age[KEPT:]:
            with suppress(FileNotFoundError):  # another process was quicker
                os.unlink(entry.path)
