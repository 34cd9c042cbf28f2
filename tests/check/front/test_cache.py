"""The cache changes no result."""

from __future__ import annotations

import json
import os
import tempfile
import time
import zlib
from contextlib import chdir
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.check.front.engine import ImportingEngine
from tether.check.front.analysis import Analysis
from tether.check.front.cache import KEPT, Cache, key_of
from tether.check.front.checking import Checked, check, module_names
from tether.core.config import Config

LATER = 10_000_000_000  # nanoseconds: what was written before is settled
NAMES = ["a.py", "b.py", "c.py", "p/__init__.py", "p/a.py", "p/b.py", "q/a.py", "q/r/c.py"]
LINES = [
    "from a import f",
    "from b import f",
    "from p import f",
    "from p.a import f",
    "from r.c import f",
    "def f(): return User.query.get(1)",
    "def f(): return 1",
    "f()",
    "f()  # tether: allow[lazy-load-in-loop]",
    "f(",
]


def settled_now() -> int:
    """Return a time at which every file there is has been as it is for long."""
    return time.time_ns() + LATER


class Project:
    """Files below the working directory, each written with a time of its own, and a cache beside them."""

    def __init__(self) -> None:
        self.times = count(1)
        self.said: list[str] = []

    def write(self, name: str, text: str) -> None:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(0, next(self.times) * 1000))

    def paths(self) -> list[str]:
        return sorted(path.as_posix() for path in Path().rglob("*.py"))

    def cached(self, folder: str = "cache") -> Checked:
        return check(self.paths(), ImportingEngine, self.cache(folder), now=settled_now)

    def cache(self, folder: str = "cache") -> Cache:
        return Cache(folder, key_of(Config(), ["."], "3"), self.said.append)

    def fresh(self) -> Checked:
        return check(self.paths(), ImportingEngine)


texts = st.lists(st.sampled_from(LINES), max_size=4).map("\n".join)
steps = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), texts),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
)


def take(project: Project, step: tuple[str, ...]) -> None:
    """Edit, add, delete or rename one file."""
    kind, name, *more = step
    if kind == "write":
        project.write(name, more[0])
    elif Path(name).exists() and kind == "delete":
        Path(name).unlink()
    elif Path(name).exists():
        Path(more[0]).parent.mkdir(parents=True, exist_ok=True)
        Path(name).replace(more[0])


@settings(max_examples=settings.default.max_examples * 5)
@given(st.dictionaries(st.sampled_from(NAMES), texts), st.lists(st.lists(steps, max_size=3), max_size=6))
def test_the_result_is_the_same_as_without_the_cache(
    files: dict[str, str], rounds: list[list[tuple[str, ...]]]
) -> None:
    """
    After any edits, additions, deletions and renames, a run with the cache gives what a fresh run gives.
    """
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        project = Project()
        for name, text in files.items():
            project.write(name, text)
        project.cached()
        for edits in rounds:
            for step in edits:
                take(project, step)

            assert project.fresh().answers == project.cached().answers
        assert [] == project.said


def small() -> Project:
    """Return a project in which a.py depends on b.py, and c.py on neither."""
    project = Project()
    project.write("a.py", "from b import f\nf()\n")
    project.write("b.py", "def f(): return User.query.get(1)\n")
    project.write("c.py", "from lost import f\nf()\n")
    project.cached()
    return project


def test_nothing_is_analysed_twice(project: Path) -> None:
    """
    A second run over the same files analyses none, and gives the same.
    """
    project = small()
    again = project.cached()

    assert ((), project.fresh().answers) == (again.analysed, again.answers)


def test_a_file_and_what_depends_on_it_are_analysed(project: Path) -> None:
    """
    After an edit, the file and those whose result depends on it are analysed, and no others.
    """
    project = small()
    project.write("b.py", "def f(): return 1\n")

    assert ("a.py", "b.py") == project.cached().analysed


def test_a_touched_file_is_not_analysed(project: Path) -> None:
    """
    A file with a new time and the same content keeps its result.
    """
    project = small()
    os.utime("b.py")

    assert () == project.cached().analysed


def test_a_module_that_was_missing(project: Path) -> None:
    """
    A file that looked for a module is analysed once the module is there.
    """
    project = small()
    project.write("lib/lost.py", "def f(): return User.query.get(1)\n")

    assert ("c.py", "lib/lost.py") == project.cached().analysed


def test_a_file_that_hides_another(project: Path) -> None:
    """
    A file that comes where a module of its name was found elsewhere is taken instead of that one.
    """
    project = Project()
    project.write("a.py", "from lib import f\nf()\n")
    project.write("p/lib.py", "def f(): return User.query.get(1)\n")
    project.cached()
    project.write("lib.py", "def f(): return 1\n")
    again = project.cached()

    assert project.fresh().answers == again.answers
    assert ("a.py", "lib.py", "p/lib.py") == again.analysed


def test_a_folder_that_becomes_a_package(project: Path) -> None:
    """
    An __init__.py that comes or goes changes the names of all files around it: everything is analysed.
    """
    project = small()
    project.write("p/__init__.py", "")
    come = project.cached().analysed
    Path("p/__init__.py").unlink()

    assert (["a.py", "b.py", "c.py", "p/__init__.py"], ["a.py", "b.py", "c.py"]) == (
        list(come),
        list(project.cached().analysed),
    )


def test_a_change_that_no_time_shows(project: Path) -> None:
    """
    A file written again within the clock's step, with the same size, is seen: young files are read each time.
    """
    project = small()
    check(project.paths(), ImportingEngine, project.cache("young"))
    status = Path("b.py").stat()
    Path("b.py").write_text("def f(): return User.query.gut(1)\n", encoding="utf-8")
    os.utime("b.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    again = check(project.paths(), ImportingEngine, project.cache("young"))

    assert project.fresh().answers == again.answers
    assert ("a.py", "b.py") == again.analysed
    assert (0, 0, 0) == again.stamps["b.py"][:3]


class EditingEngine(ImportingEngine):
    """An engine whose user saves a file while it works."""

    def analyse(self, path: str) -> Analysis:
        if path == "a.py":
            Path("b.py").write_text("def f(): return 1\n", encoding="utf-8")
        return super().analyse(path)


def test_a_file_that_changes_during_the_run_is_analysed_again(project: Path) -> None:
    """
    What was found while a file changed is not kept as the result of either content.
    """
    project = Project()
    project.write("a.py", "from b import f\nf()\n")
    project.write("b.py", "def f(): return User.query.get(1)\n")
    check(project.paths(), EditingEngine, project.cache(), now=settled_now)
    project.write("b.py", "def f(): return User.query.get(1)\n")

    assert project.fresh().answers == project.cached().answers


class LookingEngine(ImportingEngine):
    """An engine that looks for a file which is none of those it was given."""

    def analyse(self, path: str) -> Analysis:
        analysis = super().analyse(path)
        return analysis._replace(files=analysis.files | {"hidden/a.py"})


def test_a_file_that_is_not_checked_counts_too(project: Path) -> None:
    """
    A file that an answer depends on is looked at again: when it comes, when it changes, when it goes.
    """
    project = Project()
    project.write("a.py", "x = 1\n")
    analysed = []
    for text in ("", "x = 1\n", "x = 1\n", "x = 2\n", None, None):
        if text:
            project.write("hidden/a.py", text)
        if text is None:
            Path("hidden/a.py").unlink(missing_ok=True)
        run = check(["a.py"], LookingEngine, project.cache(), now=settled_now)
        analysed.append(len(run.analysed))

    assert [1, 1, 0, 1, 1, 0] == analysed


def test_another_configuration_is_another_cache(project: Path) -> None:
    """
    The key holds the settings, the arguments and the Python.
    """
    keys = {
        key_of(Config(), ["."], "3.11"),
        key_of(Config(), ["src"], "3.11"),
        key_of(Config(), ["."], "3.12"),
        key_of(Config(skip=("a",)), ["."], "3.11"),
        key_of(Config(allow=frozenset({"a", "b"})), ["."], "3.11"),
    }

    assert 5 == len(keys)
    assert key_of(Config(allow=frozenset("abcdef")), [], "3") == key_of(
        Config(allow=frozenset("fedcba")), [], "3"
    )


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "empty": b"",
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "binary": bytes(range(256)),
    }
    path.write_bytes(damaged[how])


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "binary"])
def test_a_damaged_cache_is_made_anew(project: Path, how: str) -> None:
    """
    A damaged cache is named once, costs nothing but time, and is whole after the run.
    """
    project = small()
    damage(Path(project.cache().path), how)
    after = project.cached()

    assert project.fresh().answers == after.answers
    assert ["the cache is damaged and is made anew"] == [
        sentence.partition(":")[0] for sentence in project.said
    ]
    assert () == project.cached().analysed


def test_a_cache_that_cannot_be_written(project: Path) -> None:
    """
    Where a file is in the way of the folder, the run goes on and says so.
    """
    project = Project()
    project.write("a.py", "f()\n")
    Path("cache").write_text("in the way", encoding="utf-8")
    after = project.cached()

    assert project.fresh().answers == after.answers
    assert ["the cache cannot be read", "the cache cannot be written"] == [
        sentence.partition(":")[0] for sentence in project.said
    ]


def test_a_cache_of_nonsense_is_not_believed(project: Path) -> None:
    """
    A well-formed file that says something else than a cache is refused.
    """
    project = small()
    cache = project.cache()
    body = json.dumps(cache.key).encode() + b'\n[{"a.py": 1}, {}]\n{}'
    Path(cache.path).write_bytes(f"tether check 1 {zlib.crc32(body):08x}\n".encode() + body)

    assert project.fresh().answers == project.cached().answers


def test_the_folder_ignores_itself(project: Path) -> None:
    """
    git does not see the folder.
    """
    small()

    assert "*\n" == Path("cache/.gitignore").read_text(encoding="utf-8")


def test_old_files_go(project: Path) -> None:
    """
    The folder keeps the files that were written last.
    """
    project = small()
    known = project.cache().read()
    for number in range(KEPT + 3):
        cache = Cache("cache", f"another {number}", project.said.append)
        cache.write(known)
        os.utime(cache.path, ns=(0, number))

    assert KEPT == len(list(Path("cache").glob("answers-*")))


def test_names_of_a_module() -> None:
    """
    A file may be imported by every end of its path.
    """
    assert ["models", "app.models", "shop.app.models"] == list(module_names("shop/app/models.py"))
    assert ["app", "shop.app"] == list(module_names("shop/app/__init__.py"))
