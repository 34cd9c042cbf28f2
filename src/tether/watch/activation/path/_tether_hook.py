"""Starts the watch right after ``sqlalchemy.orm`` was executed; until then costs one comparison per import.

Only the standard library may be imported here, and only when it is needed: this runs in every Python below
``tether run``, also in those that have neither SQLAlchemy nor tether.
"""

from __future__ import annotations

import atexit
import os
import sys

# Types only; typing.TYPE_CHECKING would import typing into every program.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

VARIABLE = "TETHER_RUN"  # JSON: tether.watch.activation.child.Options
AFTER = "sqlalchemy.orm"
OLDEST = (2, 0, 20)  # as in pyproject.toml

_file_names: dict[int, str] = {}  # process id -> the file of this process; forked children get their own


def install() -> None:
    """Wait for SQLAlchemy if this process belongs to ``tether run``."""
    options = os.environ.get(VARIABLE)
    if options:
        finder = Finder(options)
        sys.meta_path.insert(0, finder)
        # First to be registered, last to run: what the program saves at its end is saved by then.
        atexit.register(finder.end)


class Finder:
    """Finds nothing itself; has the loader of ``sqlalchemy.orm`` start the watch when it is done."""

    def __init__(self, options: str) -> None:
        self.options = options
        self.at_end: Callable[[], None] | None = None

    def end(self) -> None:
        """The interpreter exits: end the watch, if it began."""
        if self.at_end is not None:
            self.at_end()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find, for the one module; None for every other."""
        if name != AFTER:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                self._follow(spec.loader)
                return spec
        return None

    def _follow(self, loader: Any) -> None:
        """Have *loader* start the watch once, after it executed the module; it stays the module's loader."""
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == AFTER and self in sys.meta_path:
                sys.meta_path.remove(self)
                del loader.exec_module
                self.at_end = begin(self.options)

        loader.exec_module = exec_module


def begin(text: str) -> Callable[[], None] | None:
    """Start the watch in this process and return what ends it.

    The program goes on whatever happens here, and the parent is told.
    """
    import json

    options = json.loads(text)

    def write(record: dict[str, Any]) -> None:
        append(options["folder"], json.dumps(record))

    version = sys.modules["sqlalchemy"].__version__
    if _numbers(version) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        write({"note": f"SQLAlchemy {version} is too old to be watched; tether needs {needed} or later"})
        return None
    try:
        _import_tether(options["home"])
        from tether.watch.activation.child import start_in_child

        return start_in_child(options, write)
    except Exception as error:  # noqa: BLE001  # told to the user by the parent; never the program's problem
        write({"note": f"the watch could not start: {type(error).__name__}: {error}"})
        return None


def append(folder: str, line: str) -> None:
    """Add *line* to the file of this process.

    The file is opened each time: programs that become daemons close every
    descriptor, and the number would soon belong to a file of theirs.
    """
    process = os.getpid()
    name = _file_names.get(process)
    if name is None:
        import time

        # Process numbers come again, so the time is part of the name.
        name = _file_names[process] = os.path.join(folder, f"{process}-{time.time_ns()}.jsonl")
    try:
        file = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        return  # the run is over, or the program gave up its rights or its root folder
    try:
        os.write(file, line.encode() + b"\n")
    except OSError:
        return  # the disk is full
    finally:
        os.close(file)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of *version*: (2, 1, 0) for ``2.1.0b1``."""
    import re

    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _import_tether(home: str) -> None:
    """Import tether from *home*, where the parent has it, whatever else is called tether on sys.path."""
    if "tether" in sys.modules:
        return
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("tether", [home])
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no tether in {home}")
    module = sys.modules["tether"] = module_from_spec(spec)
    spec.loader.exec_module(module)
