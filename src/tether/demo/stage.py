"""A temporary directory in which chapters are performed, and of which nothing remains."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType

from sqlalchemy import Engine

from tether.core.finding import Finding
from tether.demo.chapter import Chapter, Verdict
from tether.demo.chapters import source_of
from tether.demo.observer import observe
from tether.demo.seen import Seen
from tether.demo.shop import fill_shop, open_shop

SOURCE = "shop.py"  # short: each line of a report begins with it


@dataclass(frozen=True, kw_only=True)
class Performance:
    """One chapter as it went.

    Attributes:
        chapter: The chapter.
        code: The lines that ran and are shown, by their number in the file.
        seen: What SQLAlchemy did, tether being absent.
        verdict: What that makes of the saying.
        findings: What tether said when it was asked about the same lines.
        watched: What SQLAlchemy did as tether looked on; None if the lens has no need to run the program.
    """

    chapter: Chapter
    code: dict[int, str]
    seen: Seen
    verdict: Verdict
    findings: list[Finding]
    watched: Seen | None


@contextmanager
def stage() -> Iterator[Stage]:
    """Give a stage; the directory is removed at the end."""
    with TemporaryDirectory(prefix="tether-demo-") as folder:
        yield Stage(Path(folder).resolve())


class Stage:
    """Performs chapters in *folder*, each with databases of its own.

    Attributes:
        shop: A SQLite file with the shop as it is when a chapter begins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shop = folder / "shop.sqlite"
        fill_shop(self.shop)

    def perform(self, name: str) -> Performance:
        """Run the chapter called *name* twice: on SQLAlchemy alone, then as tether looks on."""
        source = self.folder / name / SOURCE
        source.parent.mkdir()
        shutil.copyfile(source_of(name), source)
        module = _imported(source)
        chapter: Chapter = module.CHAPTER
        with chdir(source.parent):  # paths in reports are relative to the working directory
            seen = self._observe(chapter, source, "bare.sqlite")
            again: list[Seen] = []
            findings = chapter.lens(
                lambda: again.append(self._observe(chapter, source, "watched.sqlite")), source
            )
        return Performance(
            chapter=chapter,
            code=_shown(module, chapter),
            seen=seen,
            verdict=chapter.verdict(seen),
            findings=findings,
            watched=again[0] if again else None,
        )

    def _observe(self, chapter: Chapter, source: Path, name: str) -> Seen:
        database = source.with_name(name)
        shutil.copyfile(self.shop, database)
        engine: Engine = open_shop(database)
        try:
            return observe(chapter.program, engine, source, database)
        finally:
            engine.dispose()


def _imported(source: Path) -> ModuleType:
    """Import the file *source*; it is not entered in ``sys.modules``."""
    spec = spec_from_file_location(source.parent.name.replace("-", "_"), source)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source} cannot be imported")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _shown(module: ModuleType, chapter: Chapter) -> dict[int, str]:
    """Return the lines of the functions that are shown, by number: all of the file's but the verdict."""
    shown: dict[int, str] = {}
    for function in vars(module).values():
        if _is_own(function, module) and function is not chapter.verdict:
            lines, first = inspect.getsourcelines(function)
            shown |= {first + index: line.rstrip() for index, line in enumerate(lines)}
    return dict(sorted(shown.items()))


def _is_own(value: object, module: ModuleType) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == module.__name__
