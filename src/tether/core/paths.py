"""Paths as people write and read them: relative to the working directory, with forward slashes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import cache
from pathlib import Path


def shown_path(path: str | Path) -> str:
    """Return *path* with forward slashes; relative to the working directory if it lies below it."""
    if Path(path).is_absolute() and (here := _working_directory()):
        path = _below(Path(path), here)
    return str(path).replace(os.sep, "/")


def path_matches(path: str, glob: str, root: str = "") -> bool:
    """Return True if *glob* names *path*: by its path below *root*, or by its file name alone.

    ``*`` also matches slashes, ``**/`` also matches no folder at all, and a
    folder stands for everything in it. Capital letters matter. Backslashes
    in *glob* are read as slashes.

    Args:
        path: Absolute, or relative to the working directory.
        glob: As somebody wrote it in a configuration.
        root: Absolute path of the folder that *glob* begins in; "": the working directory.
    """
    return matcher((glob,), root)(path)


def matcher(globs: Iterable[str], root: str = "") -> Callable[[str], bool]:
    """Return a function that tells of a path whether one of *globs* names it, as `path_matches` does."""
    patterns = [_pattern(glob) for glob in globs]

    def matches(path: str) -> bool:
        below = _from_root(path, root)
        names = (below, below.rpartition("/")[2])
        return any(pattern.match(name) for pattern in patterns for name in names)

    return matches if patterns else lambda _: False


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Return the regular expression for *glob*, for whole paths."""
    glob = glob.replace("\\", "/").removeprefix("./").rstrip("/")
    globs = {glob, glob.replace("**/", "")}
    globs |= {f"{one}/*" for one in globs}
    return re.compile("|".join(map(translate, sorted(globs))))


def _from_root(path: str, root: str) -> str:
    """Return *path* relative to *root*, or to the working directory if there is no root."""
    here = _working_directory()
    if here:
        path = str(_below(here / path, Path(root) if root else here))
    return path.replace("\\", "/").removeprefix("./")


def _below(path: Path, folder: Path) -> Path:
    """Return *path* relative to *folder*, or *path* itself if it lies elsewhere."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _working_directory() -> Path | None:
    """Return the working directory; None if it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None
