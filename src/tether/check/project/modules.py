"""The modules of a project, found and read when they are asked for, and what a name in one of them means."""

from __future__ import annotations

import ast
import gc
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from tether.check.lowering import lower
from tether.check.lowering.ops import Body
from tether.check.project.facts import ClassFacts, Facts, collect_facts
from tether.check.project.reading import (
    MOST_BYTES,
    Read,
    Skipped,
    Source,
    UnreadableError,
    parse,
    read_bytes,
    read_source,
)
from tether.check.project.resolving import Resolver, Target
from tether.check.project.roots import Roots

# A module that holds none of these has nothing to do with SQLAlchemy by itself; others may import it all the same.
# A line of source is about a kilobyte of tree.
_LINES_OF_TREES = 60_000


class Module:
    """One file of the project.

    Attributes:
        name: What it is called here: the name it is imported by, and where another module has that name already,
            ``@`` and the folder that the name begins in.
        import_name: The name that it is imported by.
        path: As findings show it: relative to the project, with forward slashes.
    """

    def __init__(self, name: str, import_name: str, file: Path, path: str, source: Source) -> None:
        self.name = name
        self.import_name = import_name
        self.file = file
        self.path = path
        self.is_package = file.name == "__init__.py"
        self.lines = source.lines
        self._source = source
        self._tree: ast.Module | None = parse(source)
        self.facts: Facts = collect_facts(self._tree, import_name, self.is_package)

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self._source.data

    @cached_property
    def bodies(self) -> tuple[Body, ...]:
        """Its op graphs: the module itself, then each function, lambda and class."""
        with paused_gc():
            tree = self._tree if self._tree is not None else parse(self._source)
            self._tree = None
            return lower(tree, self.import_name, self.is_package, self.lines)

    @cached_property
    def functions(self) -> dict[str, int]:
        """Index of the body of each function and class by qualified name; of several with one name the last."""
        return {body.qualname: index for index, body in enumerate(self.bodies) if index}

    @property
    def classes(self) -> Mapping[str, ClassFacts]:
        """Its classes by qualified name, those in functions too."""
        return self.facts.classes

    @property
    def imports(self) -> dict[str, str]:
        """What each imported name stands for, as dotted text; where a name is imported in several ways the first."""
        found: dict[str, str] = {}
        for name, bindings in self.facts.names.items():
            for binding in bindings:
                if binding.kind == "import":
                    whole = f"{binding.module}.{binding.name}" if binding.name else binding.module
                    found.setdefault(name, whole)
        return found

    def drop_tree(self) -> None:
        """Forget the syntax tree; it is parsed again if the op graphs are asked for."""
        self._tree = None


class Project:
    """All modules below *root*.

    Args:
        paths: Files that are checked; other files below *root* are read when one of these imports them.
        root: The folder of the project; paths in findings are relative to it.
        source_roots: Folders that imports begin in, besides *root*, ``src`` and folders that hold packages.
        most_bytes: Larger files are skipped.
        read: Stands in for the disk, where an editor has texts that are not saved.

    Attributes:
        skipped: Files that could not be read, in the order in which they were met.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        root: Path,
        source_roots: Iterable[Path] = (),
        most_bytes: int = MOST_BYTES,
        read: Read | None = None,
    ) -> None:
        self.root = root.absolute()
        files = [self._below(path) for path in paths]
        self._roots = Roots(self.root, [self._below(one) for one in source_roots], files)
        self._most_bytes = most_bytes
        self._bytes_of = read
        self._files: dict[str, Path] = {}  # name -> file
        self._names: dict[Path, str] = {}
        self._modules: dict[Path, Module | None] = {}
        self._by_name: dict[str, Module | None] = {}  # the same, for names of known files
        self._imported: dict[tuple[str, str], Module | None] = {}
        self._trees: deque[Module] = deque()
        self._lines = 0  # of the modules in it
        self.skipped: list[Skipped] = []
        self._resolver = Resolver(self)
        self.names = tuple([self._name(file) for file in files])

    def _below(self, path: Path) -> Path:
        return path if path.is_absolute() else self.root / path

    def shown(self, file: Path) -> str:
        """Return the path of a file as findings show it."""
        return (file.relative_to(self.root) if file.is_relative_to(self.root) else file).as_posix()

    def _name(self, file: Path) -> str:
        """Return what the module of *file* is called here."""
        if file not in self._names:
            name, top = self._roots.name_of(file)
            if name in self._files:
                name = f"{name}@{self.shown(Path(top))}"
            if name in self._files:  # two files without a package, with the same name and root
                name = f"{name}/{self.shown(file)}"
            self._names[file] = name
            self._files[name] = file
        return self._names[file]

    # ------------------------------------------------------------------ modules

    def modules(self) -> Iterator[Module]:
        """Yield the modules that are checked, those that can be read; each is read when it is reached."""
        for name in self.names:
            if (module := self.module(name)) is not None:
                yield module

    def modules_with(self, *words: bytes) -> Iterator[Module]:
        """Yield the checked modules whose text holds one of these words; the others are not parsed for it."""
        for name in self.names:
            file = self._files[name]
            loaded = self._modules.get(file)
            try:
                data = (
                    loaded.data if loaded is not None else read_bytes(file, self._most_bytes, self._bytes_of)
                )
            except UnreadableError:  # told when the module itself is asked for
                continue
            if any(word in data for word in words) and (module := self.module(name)) is not None:
                yield module

    def module(self, name: str) -> Module | None:
        """Return a module by what it is called here; None if there is none, or if it cannot be read."""
        if name in self._by_name:  # asked for at each call and global: a Path is slow to look up
            return self._by_name[name]
        file = self._files.get(name)
        if file is None:
            file = self._roots.find(name, self.root / "setup.py")
            return self._load(file) if file is not None else None
        module = self._by_name[name] = self._load(file)
        return module

    def find(self, import_name: str, importer: str) -> Module | None:
        """Return the module that *import_name* means in the module *importer*; None if the project has none."""
        key = (import_name, importer)
        if key not in self._imported:
            file = self._roots.find(import_name, self._files.get(importer, self.root / "setup.py"))
            self._imported[key] = self._load(file) if file is not None else None
        return self._imported[key]

    def is_namespace(self, import_name: str, importer: str) -> bool:
        """Return True if *import_name* is a folder of the project that has no ``__init__.py``."""
        return self._roots.is_namespace(import_name, self._files.get(importer, self.root / "setup.py"))

    def _load(self, file: Path) -> Module | None:
        if file not in self._modules:
            self._modules[file] = self._read(file)
        return self._modules[file]

    def _read(self, file: Path) -> Module | None:
        path, name = self.shown(file), self._name(file)
        try:
            with paused_gc():
                module = Module(
                    name,
                    self._roots.name_of(file)[0],
                    file,
                    path,
                    read_source(file, self._most_bytes, self._bytes_of),
                )
        except UnreadableError as error:
            self.skipped.append(Skipped(path, str(error)))
            return None
        self._keep_tree(module)
        return module

    def _keep_tree(self, module: Module) -> None:
        """Keep the trees of the last modules: most are lowered soon after they are read."""
        self._trees.append(module)
        self._lines += len(module.lines)
        while self._lines > _LINES_OF_TREES and len(self._trees) > 1:
            oldest = self._trees.popleft()
            self._lines -= len(oldest.lines)
            oldest.drop_tree()

    # ------------------------------------------------------------------ names

    def resolve(self, module_name: str, dotted: str) -> Target:
        """Return what a dotted name means at the level of a module: imports, re-exports and aliases are followed."""
        return self._resolver.resolve(module_name, dotted)

    def resolve_import(self, module_name: str, imported: str, name: str = "") -> Target:
        """Return what ``import imported`` or ``from imported import name`` means in the module *module_name*."""
        return self._resolver.imported(module_name, imported, name)


@contextmanager
def paused_gc() -> Iterator[None]:
    """Let the garbage collector rest: while trees are built it would look at all their nodes again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
