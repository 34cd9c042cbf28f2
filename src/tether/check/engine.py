"""The engine: a project in, the findings of a file out."""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tether.check.abstract.events import Event
from tether.check.abstract.things import Where
from tether.check.callers import variables
from tether.check.callers.entry import Root, left, shared_sessions
from tether.check.callers.put_back import tell_put_back
from tether.check.callers.rows_on_self import readers
from tether.check.deep import on_deep_stack
from tether.check.fixes import with_fixes
from tether.check.front.analysis import Analysis, Read
from tether.check.interpreting.interpreter import Interpreter
from tether.check.models.mapped_classes import Models
from tether.check.project.modules import Project
from tether.check.python import (
    attributes,
    binding,
    branching,
    builtin,
    calls,
    exceptions,
    grouping,
    importing,
    items,
    loops,
    managers,
    passed_on,
    records,
    running_elsewhere,
    steps,
    writing,
)
from tether.check.python.plain import PlainCalls
from tether.check.rules import all_rules
from tether.check.telling.stories import Teller
from tether.check.watching import Watching
from tether.core.config import Config
from tether.core.finding import Finding, sort_key
from tether.lifecycle import joined, read_rows, table

# What each kind of op does is registered where it is written.
PARTS = (
    attributes, binding, branching, builtin, calls, exceptions, grouping, importing, items, loops, managers,
    passed_on, records, running_elsewhere, steps, variables, writing,
)  # fmt: skip


class Engine:
    """Analyses the files of one project; an ``Analyser``.

    Args:
        paths: Files, as they are shown.
        folder: Where relative paths begin.
        config: Of the project, with its own rows of the lifecycle table.
        read: Gives the content of a file, by a path as it was given; None: the disk does.
    """

    def __init__(self, paths: Sequence[str], folder: str, config: Config, read: Read | None = None) -> None:
        given = {os.path.abspath(os.path.join(folder, path)): path for path in paths}

        def content(file: Path, most: int) -> bytes:
            assert read is not None
            return read(given.get(str(file), str(file)))[:most]

        self.project = Project([Path(path) for path in paths], Path(folder), read=content if read else None)
        self.folder = folder
        self.names = dict(zip(paths, self.project.names, strict=True))
        self.config = config
        known = (
            joined(table(), read_rows(config.lifecycle, "pyproject.toml")) if config.lifecycle else table()
        )
        self.interpreter = Interpreter(self.project, Models(self.project), known)
        self.interpreter.plain = PlainCalls()
        self.found: dict[tuple[Any, ...], Finding] = {}
        self.failed: list[str] = []
        self.watching: Watching | None = None
        self.modules: dict[str, str] = {}  # by the path that findings show

    @property
    def not_parsed(self) -> Mapping[str, str]:
        """Why a file could not be read, by path as it was given."""
        if not self.project.skipped:
            return {}
        return {
            self.given.get(skipped.path, skipped.path): skipped.reason for skipped in self.project.skipped
        }

    @cached_property
    def given(self) -> dict[str, str]:
        """Each path as it was given, by the path that findings show."""
        return {self.project.shown(Path(self.folder) / path): path for path in self.names}

    def analyse(self, path: str) -> Analysis:
        """Return what was found from one file: by running its module, and each of its functions by itself."""
        return on_deep_stack(partial(self._analyse, path))

    def _analyse(self, path: str) -> Analysis:
        name = self.names[path]
        module = self.project.module(name)
        if module is None:
            return Analysis((), frozenset({path}))
        collecting = gc.isenabled()
        gc.disable()
        try:
            cut_short = self.run(name)
        finally:
            if collecting:
                gc.enable()
        findings = tuple(sorted(with_fixes(self.found.values(), self.lines), key=sort_key))
        failed, self.found, self.failed = tuple(self.failed), {}, []
        return Analysis(findings, self.interpreter.files_used() | {path}, tuple(cut_short), failed)

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file by its path as findings show it."""
        module = self.project.module(self.modules[path])
        return list(module.lines) if module is not None else []

    def states(self, path: str, line: int, column: int) -> str | None:
        """Return what is known of the variable at a place; None if nothing is."""
        return on_deep_stack(partial(self._states, path, line, column))

    def _states(self, path: str, line: int, column: int) -> str | None:
        if self.project.module(self.names[path]) is None:
            return None
        if self.watching is None:  # its modules are run once, whatever is asked afterwards
            known = self.interpreter
            self.watching = Watching(self.project, known.models, known.table)
        return self.watching.states(self.names[path], line, column)

    def run(self, name: str) -> list[str]:
        """Run a module and each of its functions; return the functions that were too large."""
        interpreter = self.interpreter
        module = self.project.module(name)
        assert module is not None
        cut_short = []
        interpreter.begin_file(module.path)
        with self.reporting(f"{module.path}:1 <module>"):
            interpreter.module_frame(name)
            self.judge(self.of_module(name) + self.of_models(name))
        for index, body in enumerate(module.bodies):
            if body.cut_short:
                cut_short.append(f"{module.path}:{body.span[0]} {body.qualname}")
            if body.kind in ("class", "module") or not body.blocks:
                continue
            interpreter.begin_root()
            where = f"{module.path}:{body.span[0]} {body.qualname}"
            with self.reporting(where):
                tell_put_back(interpreter, name, index)
                if not Root(interpreter, name, index).run():
                    cut_short.append(where)
                self.judge(interpreter.events)
        for index, kept in list(readers(interpreter, name)):
            interpreter.begin_root()
            with self.reporting(
                f"{module.path}:{module.bodies[index].span[0]} {module.bodies[index].qualname}"
            ):
                Root(interpreter, name, index, kept=kept).run()
                self.judge(interpreter.events)
        return cut_short

    @contextmanager
    def reporting(self, where: str) -> Iterator[None]:
        """Report a mistake of the engine's own, so that one function that it cannot cope with is all that is lost."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the other functions are checked
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(last.filename)}:{last.lineno}"
            self.failed.append(f"{where}: {type(error).__name__}: {error} ({place})")

    def of_module(self, name: str) -> list[Event]:
        """Return the events of importing, or running, a module, with those of what it leaves behind."""
        interpreter = self.interpreter
        events = list(interpreter.module_events.get(name, []))
        for event in events:
            if event.kind == "left":
                interpreter.events = []
                shared = shared_sessions(interpreter, name, event.detail)
                left(interpreter, event.detail, event.where, but=shared, module=True)
                return events + interpreter.events
        return events

    def of_models(self, name: str) -> list[Event]:
        """Return an event for each mapped class of a module."""
        events, module = [], self.project.module(name)
        for qualname in module.classes if module is not None else ():
            model = self.interpreter.models.model((name, qualname))
            if model is not None and not model.abstract:
                events.append(Event("model", Where(name, 0, 1, 1, 1, 1), detail=model))
        return events

    def judge(self, events: list[Event]) -> None:
        """Show events to the rules."""
        rules, teller = all_rules(), Teller(self.interpreter, events)
        for event in events:
            for _, look in rules.get(event.kind, ()):
                given = look(event, teller)
                for finding in given if isinstance(given, list) else [given]:
                    if finding is not None:
                        key = (finding.hazard, finding.path, finding.line, finding.column, finding.subject)
                        self.found.setdefault(key, finding)
                        self.modules[finding.path] = event.where.module
