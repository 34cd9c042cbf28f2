"""From files to findings, through the cache: only what changed, and what depends on it, is analysed.

The result is the same as without the cache. A file's answer is used again if the content of every file it depends
on is the same, and no file has come or gone that could be one of the modules it looked up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from tether.check.front.analysis import Analyser, Analysis
from tether.check.front.cache import NOTHING, Answer, Cache, Known, Stamp, depends_on, depends_text
from tether.check.front.workers import analysed

# A file changed this shortly before it was read may change again without another time stamp (FAT: two seconds).
SETTLED = 2_000_000_000

# Of a path that is no file, and that an answer depends on all the same: it may become one.
ABSENT = Stamp(0, 0, 0, "", 0)

Advance = Callable[[int, int], None]  # files done, files to do


class Checked(NamedTuple):
    """What is known of all files.

    Attributes:
        answers: By path; only files of which there is something to say.
        unreadable: Why a file could not be read, by path.
        analysed: Paths that were analysed now; the others' answers are from the cache.
        files: How many files there is an answer of, empty ones included.
        stamps: The files as they were when they were read, by path.
    """

    answers: dict[str, Answer]
    unreadable: dict[str, str]
    analysed: tuple[str, ...]
    files: int
    stamps: Mapping[str, Stamp]

    def is_of(self, path: str, content: bytes) -> bool:
        """Return whether the findings in *path* are about this content."""
        return path in self.stamps and self.stamps[path].digest == _digest(content)


def check(
    paths: Sequence[str],
    make: Callable[[Sequence[str]], Analyser],
    cache: Cache | None = None,
    advance: Advance | None = None,
    jobs: int | None = 1,
    now: Callable[[], int] = time.time_ns,
) -> Checked:
    """Return what is known of *paths*; analyse those whose answer is not in the cache.

    Args:
        paths: As they are shown.
        make: Gives the engine over the paths; called only if something must be analysed.
        cache: None: nothing is read or written.
        advance: Told before the first file that is analysed, and after each.
        jobs: How many processes analyse; None: as many as it is worth.
        now: The clock of the file system.
    """
    known = cache.read() if cache else NOTHING
    seen = _Seen(known, paths, now())
    outdated = seen.outdated()
    if not outdated and not seen.moved:
        return Checked(known.answers, seen.unreadable, (), len(seen.wanted), seen.stamps)
    depends = {path: names for path, names in depends_on(known).items() if path in seen.wanted}
    answers = {path: answer for path, answer in known.answers.items() if path in seen.wanted}
    if outdated:
        readable = [path for path in paths if path not in seen.unreadable]
        if advance:
            advance(0, len(outdated))
        for number, (path, analysis, not_parsed) in enumerate(analysed(make, readable, outdated, jobs), 1):
            answers[path] = _answer(analysis, not_parsed, seen.sources.pop(path, b""))
            depends[path] = sorted(analysis.files | {path})
            if advance:
                advance(number, len(outdated))
    answers = {path: answer for path, answer in answers.items() if answer}
    if cache:
        cache.write(Known(seen.stamps_of(depends, outdated), answers, depends_text(depends)))
    return Checked(answers, seen.unreadable, tuple(outdated), len(seen.wanted), seen.stamps)


def _answer(analysis: Analysis, not_parsed: str, source: bytes) -> Answer:
    from tether.check.front.stored import stored_comments, stored_finding  # an unchanged tree needs neither

    parts: dict[str, Any] = {
        "findings": [stored_finding(finding) for finding in analysis.findings],
        "comments": stored_comments(source),
        "cut_short": list(analysis.cut_short),
        "failed": list(analysis.failed),
        "not_parsed": not_parsed,
    }
    return cast(Answer, {name: part for name, part in parts.items() if part})


class _Seen:
    """The files as they are now, beside what the cache knows of them.

    Attributes:
        wanted: The paths that are asked for and can be read.
        unreadable: Why one cannot be.
        changed: Paths of files with other content than known, of new and of vanished ones.
        moved: True if the cache must be written although all answers hold.
        sources: Content of the wanted files that had to be read.
    """

    def __init__(self, known: Known, paths: Iterable[str], now: int) -> None:
        self.known = known
        self.now = now
        self.stamps: dict[str, Stamp] = {}
        self.sources: dict[str, bytes] = {}
        self.unreadable: dict[str, str] = {}
        self.wanted = dict.fromkeys(paths)
        for path in [*self.wanted, *(path for path in known.stamps if path not in self.wanted)]:
            self._look_at(path)
        self.changed = {
            path
            for path in self.stamps.keys() | known.stamps.keys()
            if _content(self.stamps.get(path)) != _content(known.stamps.get(path))
        }
        for path in self.unreadable:
            self.wanted.pop(path, None)
        self.moved = self.stamps != known.stamps

    def _look_at(self, path: str) -> None:
        before, asked = self.known.stamps.get(path), int(path in self.wanted)
        try:
            status = os.stat(path)
            times = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
            if before and times == before[:3]:
                self.stamps[path] = before if before.asked == asked else before._replace(asked=asked)
                return
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            if path in self.wanted:
                self.unreadable[path] = f"it cannot be read: {error.strerror}"
            elif before == ABSENT:
                self.stamps[path] = ABSENT
            return
        digest = _digest(source)
        settled = self.now - max(times[:2]) > SETTLED
        self.stamps[path] = Stamp(*(times if settled else (0, 0, 0)), digest, asked)
        if asked and (digest, asked) != _content(before):
            self.sources[path] = source

    def outdated(self) -> list[str]:
        """Return the wanted paths whose answer is not known or may be another one now, in order."""
        if not self.changed:
            return []
        depends = depends_on(self.known)
        come_or_gone = {path for path in self.changed if self._is_there(path) != self._was_there(path)}
        if any(os.path.basename(path) == "__init__.py" for path in come_or_gone):
            return self._with_sources(self.wanted)  # a package came or went: names below it are others
        own = {name for path in come_or_gone for name in module_names(path)}
        looked_up = own | {package for name in own for package in _packages(name)}
        # A file that comes may also hide one of the same name, as far as the import roots tell.
        touched = self.changed | looked_up
        if own:
            touched |= {path for path in self.known.stamps if not own.isdisjoint(module_names(path))}
        return self._with_sources(
            path for path in self.wanted if path not in depends or not touched.isdisjoint(depends[path])
        )

    def _is_there(self, path: str) -> tuple[bool, bool]:
        return path in self.stamps, path in self.wanted

    def _was_there(self, path: str) -> tuple[bool, bool]:
        known = self.known.stamps.get(path)
        return known is not None, bool(known and known.asked)

    def _with_sources(self, paths: Iterable[str]) -> list[str]:
        """Return *paths* that can be read, and keep their content for the allow comments in it."""
        found = []
        for path in paths:
            try:
                if path not in self.sources:
                    with open(path, "rb") as file:
                        self.sources[path] = file.read()
                found.append(path)
            except OSError as error:
                self.unreadable[path] = f"it cannot be read: {error.strerror}"
        return found

    def stamps_of(self, depends: dict[str, list[str]], analysed: Collection[str]) -> dict[str, Stamp]:
        """Return the stamps of all files that answers depend on, without those that changed meanwhile."""
        names = {name for some in depends.values() for name in some}
        new = {name for path in analysed for name in depends[path]}
        for path in names - self.stamps.keys():
            if is_path(path):
                self._look_at(path)
                self.stamps.setdefault(path, ABSENT)
        stamps = {path: stamp for path, stamp in self.stamps.items() if path in names}
        for path in stamps.keys() & new:
            if stamps[path] != ABSENT and not self._is_as_seen(path, stamps[path]):
                stamps[path] = Stamp(0, 0, 0, "", stamps[path].asked)
        return stamps

    def _is_as_seen(self, path: str, stamp: Stamp) -> bool:
        """Return whether a file that the engine read has the content that was stamped."""
        try:
            status = os.stat(path)
            if (status.st_mtime_ns, status.st_ctime_ns, status.st_size) == stamp[:3]:
                return True
            with open(path, "rb") as file:
                return _digest(file.read()) == stamp.digest
        except OSError:
            return False


def _digest(content: bytes) -> str:
    from hashlib import blake2b  # takes milliseconds to import: an unchanged tree does without

    return blake2b(content, digest_size=16).hexdigest()


def _content(stamp: Stamp | None) -> tuple[str, int] | None:
    return (stamp.digest, stamp.asked) if stamp else None


def is_path(name: str) -> bool:
    """Return whether an entry of ``Analysis.files`` is a path rather than the name of a module."""
    return name.endswith(".py") or "/" in name or os.path.exists(name)


def module_names(path: str) -> Iterator[str]:
    """Yield every dotted name under which a file could be imported, whatever the import root is.

    ``shop/app/models.py`` can be ``models``, ``app.models`` and ``shop.app.models``.
    """
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    for first in range(len(parts) - 1, -1, -1):
        yield ".".join(parts[first:])


def _packages(name: str) -> Iterator[str]:
    """Yield the packages above a module: ``a.b`` and ``a`` for ``a.b.c``."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
