"""Runs a program line by line, bare or watched, and writes down everything it could observe."""

from __future__ import annotations

import gc
import pickle
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event, inspect, select
from sqlalchemy.orm import Session, selectinload, undefer

from tests.watch.histories.models import Base, Post, User, open_database
from tests.watch.histories.programs import Line, Program
from tests.watch.histories.reference import Reference

TOLD = re.compile(r" \[tether: .*\]")
SA_WARNING = re.compile("will not proceed")


@dataclass
class Raised:
    """An exception that a line raised."""

    line: int
    module: str
    name: str
    message: str
    explained: bool
    notes: tuple[str, ...]


@dataclass
class Observed:
    """Everything a program could observe.

    Attributes:
        trace: Per line: what was read or raised, and the states of all variables.
        statements: SQL and transaction boundaries, with the line they belong to.
        warned: Warnings, with the file name and line they are placed at.
    """

    trace: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    rows: Any = None
    raised: list[Raised] = field(default_factory=list, compare=False)  # the trace has them, less the story


class World:
    """One run of a program.

    Args:
        folder: For the database and the program's file.
        program: What to run.
    """

    def __init__(self, folder: Path, program: Program) -> None:
        self.program = program
        self.file = folder / "program.py"
        self.file.write_text(program.source, encoding="utf-8")
        self.engine = open_database(folder / "rows.sqlite")
        self.observed = Observed()
        self.line = 0
        self.alive: WeakSet[Any] = WeakSet()
        self.variables: dict[str, Any] = {
            "engine": self.engine, "Session": Session, "User": User, "Post": Post, "select": select,
            "selectinload": selectinload, "undefer": undefer, "pickle": pickle, "gc": gc,
            "look": self.look, "first": self.first,
        }  # fmt: skip
        self.reference = Reference(str(folder / "rows.sqlite"), self.variables)
        self._log_statements(self.engine)

    def _log_statements(self, engine: Engine) -> None:
        def log(text: str) -> None:
            self.observed.statements.append(f"{self.line}: {text}")

        @event.listens_for(engine, "before_cursor_execute")
        def statement(_: Any, __: Any, text: str, parameters: Any, *___: Any) -> None:
            log(f"{text} {parameters}")

        for name in ("commit", "rollback", "savepoint", "rollback_savepoint", "release_savepoint"):
            event.listen(engine, name, lambda *_, name=name: log(name), named=False)

    # ------------------------------------------------------------------ what programs call

    def look(self, value: Any) -> None:
        """What a program reads; plain values only."""
        self.observed.trace.append(f"{self.line}: read {value!r}")

    def first(self, instance: Any, name: str) -> Any:
        """The value that an attribute had before the program changed it, as far as that is known."""
        known = self.reference.known[self.reference.number(instance)]
        return known.base.get(name, "v0")

    # ------------------------------------------------------------------ running

    def run(self) -> None:
        """Run all lines, then let go of everything; a line that raises does not end the program."""
        event.listen(Session, "after_begin", self._begun)
        gc.disable()
        gc.freeze()  # only what the program makes is of interest to the collector
        try:
            for number, line in enumerate(self.program.lines, 1):
                self.line = number
                if all(self.variables.get(name) is not None for name in line.needs):
                    self._step(number, line)
            self.line = 0
            self.end()
        finally:
            gc.unfreeze()
            gc.enable()
            event.remove(Session, "after_begin", self._begun)

    def _begun(self, session: Session, *_: Any) -> None:
        self.reference.began(session)

    def _step(self, number: int, line: Line) -> None:
        self.reference.before(number, line)
        error = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                for part in line.code.split("; "):
                    self.reference.between()
                    code = compile("\n" * (number - 1) + part, str(self.file), "exec", dont_inherit=True)
                    exec(code, self.variables)
            except Exception as raised:  # noqa: BLE001 - any error is a result here
                error = raised
        self._note(number, error, caught)
        self.reference.after(number, line, error, any(SA_WARNING.search(str(one.message)) for one in caught))
        del error, caught

    def _note(self, number: int, error: Exception | None, caught: list[warnings.WarningMessage]) -> None:
        observed = self.observed
        if error is not None:
            message = str(error)
            bare = TOLD.sub("", message)
            notes = tuple(getattr(error, "__notes__", ()))
            name = type(error).__name__
            observed.raised.append(Raised(number, type(error).__module__, name, bare, bare != message, notes))
            observed.trace.append(f"{number}: raised {name}: {_without_addresses(bare)}")
        for one in caught:
            where = f"{Path(one.filename).name}:{one.lineno}"
            text = _without_addresses(str(one.message))
            observed.warned.append(f"{number}: {one.category.__name__} {text} at {where}")
        for name, thing in list(self.variables.items()):
            if isinstance(thing, (Base, Session)):
                self.alive.add(thing)
                observed.trace.append(f"{number}: {name} {_described(thing)}")
                if isinstance(thing, Session):
                    self.alive.update([*thing.identity_map.values(), *thing.new])

    def end(self) -> None:
        """Let go of everything, as a program that ends."""
        self.reference.before_end()
        for name in [name for name in self.variables if re.fullmatch(r"[supn]\d|__builtins__", name)]:
            self.variables[name] = None
        gc.collect()
        self.observed.rows = self.reference.dump()

    def close(self) -> None:
        """Let go of the database."""
        self.reference.close()
        self.engine.dispose()


def _described(thing: Any) -> str:
    if isinstance(thing, Session):
        counts = len(thing.new), len(thing.dirty), len(thing.deleted)
        return f"Session {counts} {thing.in_transaction()} {thing.is_active} {len(thing.identity_map)}"
    state = inspect(thing)
    where = "session" if state.session is not None else "alone"
    return (
        f"{type(thing).__name__} {state.key and state.key[1]} {where} {state.modified} {sorted(vars(thing))}"
    )


def _without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|session '\d+'|this is '\d+'", "...", text)
