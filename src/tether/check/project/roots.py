"""Which file a module name means: packages, src layouts, namespace packages, several import roots in one tree."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path


class Folders:
    """What is in which folder; each folder is read once. Paths are strings: this is asked for each import."""

    def __init__(self) -> None:
        self._entries: dict[str, frozenset[str]] = {}

    def entries(self, folder: str) -> frozenset[str]:
        """Return the names in a folder; none where it cannot be read."""
        found = self._entries.get(folder)
        if found is None:
            try:
                found = frozenset(os.listdir(folder))
            except OSError:
                found = frozenset()
            self._entries[folder] = found
        return found

    def is_package(self, folder: str) -> bool:
        """Return True if the folder has an ``__init__.py``."""
        return "__init__.py" in self.entries(folder)


class Roots:
    """Finds the file of a module name, as seen from a file that imports it.

    Args:
        root: The project. Nothing outside it is a module of the project.
        source_roots: Folders that are on ``sys.path``, as configured; they come first.
        files: Files that are checked; folders that hold their top packages are import roots too.
    """

    def __init__(self, root: Path, source_roots: Iterable[Path], files: Iterable[Path]) -> None:
        self.root = str(root)
        self.configured = [str(one) for one in source_roots]
        self._folders = Folders()
        self._found: dict[tuple[str, str], str | None] = {}
        self._seen: dict[str, tuple[str, list[str]]] = {}
        self._holders: dict[str, list[str]] = {}  # top package -> folders that hold it
        for folder in sorted({str(file.parent) for file in files}):
            top = self._top(folder)
            if top != folder:
                holders = self._holders.setdefault(self._part_below(top, folder), [])
                if top not in holders:
                    holders.append(top)

    def _top(self, folder: str) -> str:
        """Return the folder that holds the top package of *folder*: itself where it is no package."""
        while self._folders.is_package(folder) and len(folder) > len(self.root):
            folder = os.path.dirname(folder)
        return folder

    @staticmethod
    def _part_below(top: str, folder: str) -> str:
        """Return the first part of the path from *top* to *folder*."""
        return folder[len(top) :].strip(os.sep).split(os.sep)[0]

    def name_of(self, file: Path) -> tuple[str, str]:
        """Return the dotted name that *file* is imported by, and the folder that the name begins in."""
        folder = str(file.parent)
        top = self._top(folder)
        if top == folder:
            top = self._root_of_scripts(folder)
        parts = [part for part in folder[len(top) :].split(os.sep) if part]
        if file.stem != "__init__":
            parts.append(file.stem)
        return ".".join(parts), top

    def _root_of_scripts(self, folder: str) -> str:
        """Return where the names of files begin that are in no package: at a source root, ``src``, or the project.

        A folder whose name is no identifier, as ``some-server``, begins anew.
        """
        best = self.root if _inside(folder, self.root) else folder
        for one in self.configured:
            if _inside(folder, one) and len(one) > len(best):
                best = one
        walked = best
        for part in folder[len(best) :].split(os.sep):
            if part:
                walked = os.path.join(walked, part)
                if part == "src" or not part.isidentifier():
                    best = walked
        return best

    def find(self, name: str, importer: Path) -> Path | None:
        """Return the file of the module *name*, as seen from *importer*; None if the project has none."""
        folder = str(importer.parent)
        key = (folder, name)
        if key not in self._found:
            self._found[key] = self._find(name, folder)
        found = self._found[key]
        return Path(found) if found is not None else None

    def _find(self, name: str, folder: str) -> str | None:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        for root in dict.fromkeys(self._candidates(folder, parts[0])):
            if (file := self._below(root, parts)) is not None:
                return file
        return None

    def _candidates(self, folder: str, first: str) -> Iterator[str]:
        """Yield the folders that a name may begin in, the most likely first."""
        yield from self.configured
        top, above = self._above(folder)
        yield top
        if first in sys.stdlib_module_names:  # a `queue.py` further up hides nothing
            return
        yield from above
        holders = self._holders.get(first, [])
        yield from sorted(holders, key=lambda one: -len(os.path.commonpath([one, folder])))

    def _above(self, folder: str) -> tuple[str, list[str]]:
        """Return the folder that holds the top package of *folder*, and those above it that names may begin in."""
        if folder not in self._seen:
            above = []
            walked = folder
            while _inside(walked, self.root):
                if not self._folders.is_package(walked):
                    above += [walked, os.path.join(walked, "src")]
                if walked == self.root:
                    break
                walked = os.path.dirname(walked)
            self._seen[folder] = self._top(folder), above
        return self._seen[folder]

    def _below(self, root: str, parts: list[str]) -> str | None:
        """Return the file that a name means if it begins in *root*."""
        folder = root
        for part in parts[:-1]:
            if part not in self._folders.entries(folder):
                return None
            folder = os.path.join(folder, part)
        entries, last = self._folders.entries(folder), parts[-1]
        inside = os.path.join(folder, last)
        if last in entries and self._folders.is_package(inside):
            return os.path.join(inside, "__init__.py")
        return f"{inside}.py" if f"{last}.py" in entries else None

    def is_namespace(self, name: str, importer: Path) -> bool:
        """Return True if *name* is a folder without an ``__init__.py`` that modules may be in."""
        folder, parts = str(importer.parent), name.split(".")
        for root in self._candidates(folder, parts[0]):
            walked = root
            for part in parts:
                if part not in self._folders.entries(walked):
                    break
                walked = os.path.join(walked, part)
            else:
                if self._folders.entries(walked):
                    return True
        return False


def _inside(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip(os.sep) + os.sep)
