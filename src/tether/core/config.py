"""``[tool.tether]`` in pyproject.toml. Everything in it is checked when it is read; nothing is guessed.

A setting is written with hyphens (``loop-threshold``) and read with underscores (``config.loop_threshold``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tether.core.paths import shown_path
from tether.core.settings import HazardsByKey, SettingError, kind, read_setting
from tether.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the user wrote in ``[tool.tether]``, checked; the defaults where nothing was written.

    Attributes:
        allow: Hazards that are never reported.
        per_file: ``(glob, hazards)``: not reported in files the glob names, relative to *root*.
        per_class: ``(class name or dotted path, hazards)``: not reported for instances of the class.
        baseline: Path of the file of findings that are known; None: there is none.
        rollback: Report changes dropped by a rollback that the program asked for.
        values: Print data in reports.
        sample: Share of Sessions that are watched, from 0.0 to 1.0.
        loop_threshold: Loads of one relationship from one line that make a loop.
        rows_threshold: Rows loaded at once that are worth a finding.
        identity_map_threshold: Instances in one Session that are worth a finding.
        skip: Packages, or globs of files, whose lines are not the user's.
        lifecycle: What was written in ``[tool.tether.lifecycle]``; `tether.lifecycle.read_rows` checks it.
        mode: ``collect``, ``warn``, ``log`` or ``raise``.
        root: Folder of the pyproject.toml this came from; "" if there was none.
    """

    allow: frozenset[str] = frozenset()
    per_file: HazardsByKey = ()
    per_class: HazardsByKey = ()
    baseline: str | None = None
    rollback: bool = True
    values: bool = False
    sample: float = 1.0
    loop_threshold: int = 3
    rows_threshold: int = 10_000
    identity_map_threshold: int = 10_000
    skip: tuple[str, ...] = ()
    mode: str = "collect"
    lifecycle: Mapping[str, Any] = field(default_factory=dict, hash=False)
    root: str = ""


def read_config(
    directory: Path, known: Collection[str], not_usable: Callable[[ConfigError], None] | None = None
) -> Config:
    """Return the configuration that holds in *directory*.

    It is that of the nearest pyproject.toml, there or above, that has
    ``[tool.tether]``. Without one, every setting has its default.

    Args:
        directory: Where to begin, usually the working directory.
        known: The names of all hazards.
        not_usable: Told of a pyproject.toml that cannot be read or is not TOML, which then counts as one
            without settings; None: that is raised.

    Raises:
        ConfigError: A pyproject.toml on the way is not TOML, or a setting is
            unknown, of the wrong type or out of range, or names no hazard.
    """
    start = directory.resolve()
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if not _is_file(path):
            continue
        try:
            source = _Source(path, _read(path))
            table = _own_table(source)
        except ConfigError as error:
            if not_usable is None:
                raise
            not_usable(error)
            continue
        if table is not None:
            return _config(source, table, known)
    return Config()


@dataclass(frozen=True)
class _Source:
    path: Path
    text: str

    def error(self, problem: str, line: int = 0) -> ConfigError:
        """Return the error that says *problem* about this file, and about *line* if it is known."""
        where = shown_path(self.path)
        return ConfigError(f"{where}:{line}" if line else where, problem)

    def line_of(self, words: Iterable[str]) -> int:
        """Return the line in ``[tool.tether]`` that *words*, found one after the other, lead to; 0 if none.

        tomllib keeps no positions, so this reads the text again.
        """
        lines = list(_own_lines(self.text))
        found = 0
        for word in words:
            pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
            found = next(
                (number for number, line in lines if number >= found and pattern.search(line)), found
            )
        return found


def _is_file(path: Path) -> bool:
    """Return True if *path* is a file; False too where its folder may not be searched."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def _read(path: Path) -> str:
    """Return the text of *path*, or say why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            shown_path(path), "this file is not UTF-8, as TOML must be; save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigError(shown_path(path), f"this file cannot be read: {error.strerror}.") from error


def _own_table(source: _Source) -> dict[str, Any] | None:
    """Return ``[tool.tether]``, or None if the file has none."""
    try:
        tool = tomllib.loads(source.text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        message, line = _without_line(str(error))
        raise source.error(
            f"this file is not TOML ({message!r}, says tomllib); correct that place.", line
        ) from error
    table = tool.get("tether") if isinstance(tool, dict) else None
    if table is None or isinstance(table, dict):
        return table
    problem = (
        f"`tool.tether` must be a table of settings, not {kind(table)}; write `[tool.tether]` above them."
    )
    raise source.error(problem, source.line_of(["tether"]))


def _without_line(message: str) -> tuple[str, int]:
    """Return tomllib's message without its "(at line 3, column 5)", and the line."""
    at = re.search(r"\s*\(at line (\d+), column \d+\)", message)
    return (message.replace(at[0], ""), int(at[1])) if at else (message, 0)


def _own_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of ``[tool.tether]`` and its tables, comments left out.

    A file that spells the table otherwise (``tool.tether.mode = "log"``) gives all its lines.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if not line.lstrip().startswith("#")
    ]
    own: list[tuple[int, str]] = []
    inside = False
    for number, line in lines:
        if header := _HEADER.match(line):
            inside = bool(_OWN_NAME.match(header[1]))
        if inside:
            own.append((number, line))
    yield from own or lines


_HEADER = re.compile(r"\s*\[+([^\[\]=]+)\]+\s*(?:#.*)?$")
_OWN_NAME = re.compile(r"\s*tool\s*\.\s*[\"']?tether\b")


def _config(source: _Source, table: dict[str, Any], known: Collection[str]) -> Config:
    """Return the settings in *table*, each checked by its reader."""
    settings: dict[str, Any] = {}
    for key, value in table.items():
        try:
            settings[key.replace("-", "_")] = read_setting(key, value, known)
        except SettingError as wrong:
            line = source.line_of([key, *wrong.words])
            raise source.error(wrong.problem.replace("<setting>", f"`{key}`"), line) from None
    root = source.path.parent
    if "baseline" in settings:
        settings["baseline"] = str(root / settings["baseline"])
    return Config(root=str(root), **settings)
