"""The chapters of the story, one per file. A new file is a new chapter: nothing else needs to know it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from tether.demo.chapter import Chapter


def all_chapters() -> dict[str, Chapter]:
    """Return every chapter by the name people type, in the order of the story."""
    names = [module.name for module in iter_modules(__path__)]
    chapters = {spelled(name): _chapter(name) for name in names}
    return dict(sorted(chapters.items(), key=lambda item: item[1].order))


def source_of(name: str) -> Path:
    """Return the file of the chapter called *name*."""
    return Path(str(_module(name.replace("-", "_")).__file__))


def spelled(module: str) -> str:
    """Return the name people type for a chapter's module."""
    return module.replace("_", "-")


def _chapter(module: str) -> Chapter:
    chapter: Chapter = _module(module).CHAPTER
    return chapter


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")
