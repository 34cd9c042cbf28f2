"""Call sites: the user's line that is running now, taken in under a microsecond and read out later."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from fnmatch import fnmatch
from types import CodeType, FrameType
from typing import Final

from tether.core.finding import Place
from tether.core.paths import shown_path

USER: Final = 0  # a frame of the program itself
SQLALCHEMY: Final = 1
LIBRARY: Final = 2  # the standard library and installed packages: named only if nobody else is
HIDDEN: Final = 3  # tether, generated code
LOOP: Final = 4  # an event loop: what lies below belongs to whoever started the loop, not to this task

MAXIMUM_SITES: Final = 50_000

_INTERACTIVE = ("<stdin", "<python-input", "<ipython", "<console", "<doctest")
_LAYERS = (
    "sqlmodel",
    "flask_sqlalchemy",
)  # over the Session; libraries also where they run from a source tree
_LOOPS = tuple(os.path.join("asyncio", name) for name in ("events.py", "base_events.py", "runners.py"))

# The line that awaits a close which SQLAlchemy runs in a task of its own (AsyncSession.__aexit__),
# and whether an exception is on its way there: neither can be seen from inside that task.
awaiting: ContextVar[tuple[Site, bool] | None] = ContextVar("tether_awaiting", default=None)


class Site:
    """One line of the program and the SQLAlchemy method it called.

    Attributes:
        code: The code object, which keeps file, function and line table.
        lasti: The instruction, which gives line and column when somebody asks.
        api: Outermost SQLAlchemy function on the way from there; "" if none.
        generation: Number of the watch that took it.
        own: False if no frame of the program itself was on the stack, only libraries.
    """

    __slots__ = ("_place", "api", "code", "generation", "lasti", "own")

    def __init__(self, code: CodeType, lasti: int, api: str, own: bool, generation: int = 0) -> None:
        self.code = code
        self.lasti = lasti
        self.api = api
        self.own = own
        self.generation = generation
        self._place: Place | None = None

    def place(self, role: str, *, cause: str = "", note: str = "") -> Place:
        """Return the line as a place that plays *role*."""
        if self._place is None:
            self._place = _place_of(self.code, self.lasti)
        return replace(self._place, role=role, cause=cause, note=note)

    def __repr__(self) -> str:
        place = self.place("")
        return f"<Site {place.path}:{place.line} {self.api}>"


def _place_of(code: CodeType, lasti: int) -> Place:
    line, offset = _position(code, lasti)
    path = code.co_filename
    text = linecache.getline(path, line)
    # CPython counts columns in bytes of UTF-8; a place counts characters.
    column = 0 if offset is None else len(text.encode()[:offset].decode(errors="ignore")) + 1
    return Place("", shown_path(path), line, column, code.co_qualname, text.strip())


def _position(code: CodeType, lasti: int) -> tuple[int, int | None]:
    """Return the line (from 1) of an instruction, and its offset in the line in bytes if that is known."""
    for index, (line, _, offset, _) in enumerate(code.co_positions()):
        if index * 2 == lasti:
            return line or code.co_firstlineno, offset
    return code.co_firstlineno, None


class Sites:
    """Takes and interns call sites; one object per watch, so that its memory goes with the watch.

    Args:
        skip: Package names, or globs over file names, whose frames are not the program's own.
        generation: Number of the watch.
    """

    def __init__(self, skip: tuple[str, ...] = (), generation: int = 0) -> None:
        self.generation = generation
        self.kinds: dict[str, int] = {}  # by file name: hashing a code object costs three times as much
        self.interned: dict[tuple[int, int, str], Site] = {}
        self._skip = skip
        self._sqlalchemy = _directory_of("sqlalchemy")
        self._libraries = _library_directories()
        self._hidden = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep,)

    def capture(self) -> Site | None:
        """Return the nearest line of the program itself, or of a library if there is none; None if neither."""
        frame: FrameType | None = sys._getframe(1)
        kinds, api, library = self.kinds, None, None
        greenlet = None
        while True:
            while frame is not None:
                code = frame.f_code
                kind = kinds.get(code.co_filename)
                if kind == SQLALCHEMY:  # most frames on the way
                    api = code
                elif kind == USER:
                    return self._intern(code, frame.f_lasti, api, True)
                elif kind is None:
                    self.classify(code.co_filename)
                    continue
                elif kind == LIBRARY:
                    library = library or frame
                elif kind == LOOP:
                    break
                frame = frame.f_back
            if frame is not None or "greenlet" not in sys.modules:
                break
            # SQLAlchemy's async API runs the ORM in a greenlet; its parent is the coroutine that awaits.
            greenlet = (sys.modules["greenlet"].getcurrent() if greenlet is None else greenlet).parent
            if greenlet is None:
                break
            frame = greenlet.gr_frame
        return self._fallback(api, library)

    def nearest(self, frame: FrameType | None) -> Site | None:
        """Return the program's own line at or outside *frame*, which may belong to another thread or task."""
        while frame is not None:
            kind = self.kinds.get(frame.f_code.co_filename)
            if kind is None:
                kind = self.classify(frame.f_code.co_filename)
            if kind == USER:
                return self._intern(frame.f_code, frame.f_lasti, None, True)
            frame = frame.f_back
        return None

    def _fallback(self, api: CodeType | None, library: FrameType | None) -> Site | None:
        known = awaiting.get()
        if known is not None:
            return known[0]
        return self._intern(library.f_code, library.f_lasti, api, False) if library is not None else None

    def _intern(self, code: CodeType, lasti: int, through: CodeType | None, own: bool) -> Site:
        api = through.co_name if through is not None else ""
        key = (id(code), lasti, api)  # safe: the Site keeps the code object, so its id is not reused
        site = self.interned.get(key)
        if site is None:
            if len(self.interned) >= MAXIMUM_SITES:
                self.interned.clear()  # sites in use live on; only equality by identity is lost
            site = self.interned[key] = Site(code, lasti, api, own, self.generation)
        return site

    def classify(self, path: str) -> int:
        """Return what kind of file *path* is: USER, SQLALCHEMY, LIBRARY, HIDDEN or LOOP."""
        kind = self.kinds[path] = self._kind(path)
        return kind

    def _kind(self, path: str) -> int:
        if path.startswith("<"):
            return USER if path.startswith(_INTERACTIVE) else HIDDEN
        if path.startswith(self._sqlalchemy):
            return SQLALCHEMY
        if path.startswith(self._hidden) or path.endswith("_tether_pytest.py"):
            return HIDDEN
        if path.endswith(_LOOPS) or f"{os.sep}uvloop{os.sep}" in path:
            return LOOP
        return LIBRARY if self._is_library(path) else USER

    def _is_library(self, path: str) -> bool:
        if path.startswith(self._libraries) or _is_installed(path) or self._is_skipped(path):
            return True
        return any(path.startswith(_directory_of(name)) for name in _LAYERS)

    def _is_skipped(self, path: str) -> bool:
        posix = path.replace(os.sep, "/")
        return any(f"/{name.replace('.', '/')}/" in posix or fnmatch(posix, name) for name in self._skip)


def _directory_of(package: str) -> str:
    module = sys.modules.get(package)
    path = getattr(module, "__file__", None)
    return os.path.dirname(path) + os.sep if path else "\0"


def _library_directories() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _is_installed(path: str) -> bool:
    return f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path


def frames_outward() -> Iterator[FrameType]:
    """Yield every frame from the caller outwards, across greenlets, up to the thread's or task's start."""
    frame: FrameType | None = sys._getframe(1)
    greenlet = None
    while True:
        while frame is not None:
            yield frame
            frame = frame.f_back
        if "greenlet" not in sys.modules:
            return
        greenlet = (sys.modules["greenlet"].getcurrent() if greenlet is None else greenlet).parent
        if greenlet is None:
            return
        frame = greenlet.gr_frame
