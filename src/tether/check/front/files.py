"""Which files are checked: those named, and the Python files in the folders named that are the project's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tether.check.front.git import listed_files
from tether.core.config import Config
from tether.core.paths import matcher

# Never the project's own code. A folder called "build" that is a package (it has an __init__.py) is.
NOT_OURS = frozenset({"node_modules", "site-packages", "__pycache__", "__pypackages__"})
BUILT = frozenset({"build", "dist", "_build", "buck-out"})


class Skipped(NamedTuple):
    """A path that is not checked.

    Attributes:
        path: As it is shown.
        reason: Why, as the second half of a sentence.
        wanted: True if leaving it out is what the settings or the command line ask for.
    """

    path: str
    reason: str
    wanted: bool = False


class Files(NamedTuple):
    """What a search found: paths as they are shown, sorted, each file once; and what was left out."""

    paths: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def find_files(arguments: Sequence[str], config: Config) -> Files:
    """Return the Python files that *arguments* name, files or folders.

    In a folder of a git repository that is what git lists, tracked or not, without what .gitignore names;
    elsewhere every file that ends in ``.py``. Hidden folders, virtual environments, installed packages and
    build folders below an argument are left out, and links to folders are not followed. A file that is
    named itself is taken whatever its name and .gitignore say. ``skip`` of the configuration holds for all.

    Nothing is raised: a path that does not exist or cannot be read is in ``skipped``.
    """
    search = _Search(config)
    for argument in arguments:
        search.look_at(argument)
    return Files(tuple(sorted(search.found.values())), tuple(search.skipped))


class _Search:
    """One search.

    Attributes:
        found: Path by (device, inode): a file that two names lead to is checked once.
        skipped: What was left out.
    """

    def __init__(self, config: Config) -> None:
        self.found: dict[tuple[int, int] | str, str] = {}
        self.skipped: list[Skipped] = []
        self._is_skipped = _skip_matcher(config)
        self._here = os.path.join(os.path.abspath(""), "")

    def look_at(self, argument: str) -> None:
        """Take one argument of the command line."""
        try:
            os.stat(argument)
            if os.path.isdir(argument):
                self._folder(argument)
                return
            with open(argument, "rb"):
                self._take(argument, own_name=True)
        except FileNotFoundError:
            self._skip(argument, "there is no such file or folder")
        except OSError as error:
            self._skip(argument, f"it cannot be read: {_words(error)}")
        except ValueError:
            self._skip(argument, "no path holds a null character")

    def _folder(self, folder: str) -> None:
        listed = listed_files(folder)
        paths = self._walk(folder) if listed is None else self._of_listed(folder, listed)
        for path in paths:
            self._take(path)

    def _of_listed(self, folder: str, names: list[str]) -> Iterator[str]:
        """Yield the Python files among those git lists; what lies in a repository inside is listed there."""
        fits: dict[str, bool] = {"": True}
        for name in names:
            path = os.path.join(folder, name)
            parent = os.path.dirname(name.rstrip("/"))
            if not self._fits(folder, parent, fits):
                continue
            if name.endswith(".py"):
                yield path
            elif name.endswith("/") or "." not in os.path.basename(name):  # a repository, or a submodule
                inner = path.rstrip("/")
                if os.path.isdir(inner) and not os.path.islink(inner) and _is_ours(inner):
                    self._folder(inner)

    def _fits(self, top: str, folder: str, known: dict[str, bool]) -> bool:
        """Return whether *folder*, and each one between it and *top*, is the project's own."""
        if folder not in known:
            path = os.path.join(top, folder)
            known[folder] = self._fits(top, os.path.dirname(folder), known) and _is_ours(path)
            if not known[folder] and known[os.path.dirname(folder)]:
                self._skip_folder(path)
        return known[folder]

    def _walk(self, folder: str) -> Iterator[str]:
        """Yield the Python files below a folder that git knows nothing of."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._skip(folder, f"it cannot be read: {_words(error)}")
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if _is_ours(entry.path):
                    yield from self._walk(entry.path)
                else:
                    self._skip_folder(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path

    def _take(self, path: str, *, own_name: bool = False) -> None:
        shown = self._shown(path)
        if self._is_skipped(shown):
            self._skip(path, "`skip` names it", wanted=True)
            return
        try:
            status = os.stat(path)
        except FileNotFoundError:  # git lists what is deleted but not committed, and links that lead nowhere
            if own_name or os.path.islink(path):
                self._skip(path, "the link leads nowhere")
            return
        except OSError as error:
            self._skip(path, f"it cannot be read: {_words(error)}")
            return
        # Windows may know no inode: then a file is its path.
        identity = (status.st_dev, status.st_ino) if status.st_ino else shown
        if identity not in self.found or os.path.islink(self.found[identity]):
            self.found[identity] = shown

    def _skip_folder(self, path: str) -> None:
        if not os.path.basename(path).startswith("."):  # nobody looks for the program in a hidden folder
            self._skip(path, "not the project's own code", wanted=True)

    def _shown(self, path: str) -> str:
        """Return *path* as `shown_path` does, many times a second; ``./`` and ``..`` are resolved as written."""
        path = os.path.normpath(path)
        return path.removeprefix(self._here).replace(os.sep, "/")

    def _skip(self, path: str, reason: str, *, wanted: bool = False) -> None:
        self.skipped.append(Skipped(self._shown(path), reason, wanted))


def _is_ours(folder: str) -> bool:
    """Return False for a folder that holds what others wrote or a tool made."""
    name = os.path.basename(folder)
    if name.startswith(".") or name in NOT_OURS:
        return False
    if name in BUILT:
        return os.path.exists(os.path.join(folder, "__init__.py"))
    return not (os.path.exists(os.path.join(folder, "pyvenv.cfg")) or os.path.isdir(f"{folder}/conda-meta"))


def _skip_matcher(config: Config) -> Callable[[str], bool]:
    """Return whether ``skip`` names a path: by a glob, or by a package that is a folder or a module of it."""
    packages = [name.replace(".", "/") for name in config.skip if "/" not in name and "*" not in name]
    at_any_depth = [f"**/{name}" for name in packages] + [f"**/{name}.py" for name in packages]
    return matcher([*config.skip, *at_any_depth], config.root)


def _words(error: OSError) -> str:
    return error.strerror or str(error)
