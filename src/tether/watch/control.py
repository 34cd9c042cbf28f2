"""Switching a watch on and off."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypedDict, Unpack

from tether.core.config import Config, read_config
from tether.core.hazard_names import no_such_hazard
from tether.errors import ConfigError
from tether.hazards import all_hazards
from tether.watch.engine import Engine
from tether.watch.report import Report

Mode = Literal["collect", "warn", "log", "raise"]
MODES: Final[tuple[Mode, ...]] = ("collect", "warn", "log", "raise")


class Options(TypedDict, total=False):
    """Single settings, in place of those of the configuration; ``Config`` says what each is."""

    allow: frozenset[str]
    baseline: str | None
    rollback: bool
    values: bool
    sample: float
    loop_threshold: int
    rows_threshold: int
    identity_map_threshold: int
    skip: tuple[str, ...]


_lock = threading.RLock()
_engine: Engine | None = None
_depth = 0


def start(
    mode: Mode = "collect",
    *,
    only: Collection[str] | None = None,
    config: Config | None = None,
    **options: Unpack[Options],
) -> Report:
    """Start to watch this process, and return the report, which fills as the program runs.

    A watch that runs already is joined: its report is returned, its options stay, and one ``stop()`` more
    is needed. Nothing of what SQLAlchemy does changes; it emits no SQL and keeps no instance alive.

    Args:
        mode: ``collect`` only writes the report; ``warn`` also issues a ``TetherWarning`` at the line;
            ``log`` also writes to the logger ``tether``; ``raise`` raises ``HazardError`` for errors that
            can be told at the moment of loss (those found by garbage collection are in the report).
        only: Names of the hazards to look for. None: all that are on by default. Hooks that nobody needs
            are not installed.
        config: Settings; None reads ``[tool.tether]`` of the nearest pyproject.toml.
        **options: Single settings in place of those of *config*: ``sample`` (share of Sessions, 0 to 1),
            ``values`` (print data), ``rollback`` (report changes that a rollback drops), and the rest of
            ``Config``.

    Raises:
        ConfigError: A name or a value nobody knows.
    """
    global _engine, _depth
    with _lock:
        if _engine is None:
            settings = _settings(config, options)
            known = all_hazards()
            for name in only or ():
                if name not in known:
                    raise ConfigError("only", no_such_hazard(name, known))
            if mode not in MODES:
                raise ConfigError("mode", f"there is no mode {mode!r}; the modes are {', '.join(MODES)}")
            engine = Engine(settings, mode, only)
            engine.start()
            _engine = engine
        _depth += 1
        return _engine.report


def stop() -> Report:
    """End the watch that the matching ``start()`` began, and return its report.

    The last one takes every hook off again: no wrapper, listener or finalizer is left.

    Raises:
        RuntimeError: No watch is running.
    """
    global _engine, _depth
    with _lock:
        if _engine is None:
            raise RuntimeError("tether.stop() was called, but no watch is running; call tether.start() first")
        _depth -= 1
        engine = _engine
        if _depth == 0:
            _engine = None
            engine.stop()
        return engine.report


@contextmanager
def watching(
    mode: Mode = "collect",
    *,
    only: Collection[str] | None = None,
    config: Config | None = None,
    **options: Unpack[Options],
) -> Iterator[Report]:
    """Watch what runs inside the block; the options are those of ``start()``.

    Yields:
        The report. What can only be said at the end is in it after the block.
    """
    report = start(mode, only=only, config=config, **options)
    try:
        yield report
    finally:
        stop()


def running() -> Report | None:
    """Return the report of the watch that is running; None if none is."""
    return _engine.report if _engine is not None else None


def _settings(config: Config | None, options: Options) -> Config:
    settings = config if config is not None else read_config(Path.cwd(), all_hazards())
    fields = set(Options.__annotations__)
    for name in options:
        if name not in fields:
            raise ConfigError(
                "watching()", f"there is no option {name!r}; the options are {', '.join(sorted(fields))}"
            )
    return replace(settings, **options)


def _after_fork() -> None:
    """In a forked child: start with an empty report; what the parent found is the parent's."""
    if _engine is not None:
        _engine.forked()


if hasattr(
    os, "register_at_fork"
):  # it cannot be taken back, so it is registered once and does nothing while off
    os.register_at_fork(after_in_child=_after_fork)
