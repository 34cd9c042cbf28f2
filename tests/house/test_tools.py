"""The tools behind the Makefile: which Python is taken, what is pinned, which versions are run."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.versions import Combination, chosen

ROOT = Path(__file__).resolve().parents[2]
PINS = sorted((ROOT / "constraints").glob("*.txt"))
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def requirements(path: Path) -> list[str]:
    """Return each requirement of a constraints file as one line, its hashes included."""
    return path.read_text().replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_pin_is_one_version_with_hashes(path: Path) -> None:
    """
    Each line of a constraints file pins one version and lists its hashes, and says nothing else.
    """
    pin = re.compile(r"[\w.-]+==[\w.]+( ; [^-]+?)?(\s+--hash=sha256:[0-9a-f]{64})+")

    assert [] == [line for line in requirements(path) if not pin.fullmatch(line.strip())]


@pytest.mark.parametrize("group", ["test", "lint", "bench"])
def test_every_development_dependency_is_pinned(group: str) -> None:
    """
    What a dependency group of pyproject.toml asks for, and what tether itself needs, is pinned.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["dependency-groups"][group], *project["project"]["dependencies"]]
    files = {"test.txt", f"{group}.txt", "sqlalchemy-2.1.txt"}
    pinned = {
        canonicalize_name(line.partition("==")[0])
        for path in PINS
        if path.name in files
        for line in requirements(path)
    }

    assert set() == {canonicalize_name(Requirement(line).name) for line in wanted} - pinned


def test_oldest_sqlalchemy_is_the_lower_bound() -> None:
    """
    The oldest SQLAlchemy that is tested is the oldest that can be installed with tether, on each Python.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = sorted(
        specifier.version
        for requirement in map(Requirement, project["dependencies"])
        if requirement.name == "sqlalchemy"
        for specifier in requirement.specifier
    )
    pins = (ROOT / "constraints" / "sqlalchemy-oldest.txt").read_text()

    assert bounds == re.findall(r"^sqlalchemy==([\d.]+)", pins, re.MULTILINE)


def fake(folder: Path, name: str, script: str) -> None:
    """Put a command called *name* into *folder*."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_find_python_passes_over_stand_ins_and_old_versions(tmp_path: Path) -> None:
    """
    A command that fails, and a Python that is too old, are passed over for one that works.
    """
    fake(tmp_path, "python3.13", "echo 'command not found' >&2; exit 127")
    fake(tmp_path, "python3.12", "exit 1")  # what the question's assertion makes of an old Python
    fake(tmp_path, "python3.11", f'exec {sys.executable} "$@"')

    found = subprocess.run(
        ["/bin/sh", ROOT / "tools/find_python"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert sys.executable == found.stdout.strip()


def test_find_python_says_what_it_lacks(tmp_path: Path) -> None:
    """
    Without a suitable Python there is one sentence that says what to do, and a failure.
    """
    found = subprocess.run(
        ["/bin/sh", ROOT / "tools/find_python"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (1, "") == (found.returncode, found.stdout)
    assert found.stderr.endswith("name it: make PYTHON=/path/to/python3 ...\n")


PYTHONS = {HERE: "/here", "4.0": "/other"}


def test_versions_covers_each_python_and_each_sqlalchemy() -> None:
    """
    Beside what `make test` runs, each Python and each SQLAlchemy is run once; with one Python it gets all.
    """
    expected = [
        Combination(HERE, "/here", "oldest"),
        Combination("4.0", "/other", "2.0"),
        Combination("4.1", "/newest", "2.1"),
    ]
    alone = [Combination(HERE, "/here", "oldest"), Combination(HERE, "/here", "2.0")]

    assert expected == chosen(PYTHONS | {"4.1": "/newest"}, everything=False)
    assert alone == chosen({HERE: "/here"}, everything=False)


def test_all_versions_are_every_combination_but_the_one_already_run() -> None:
    """
    With --all, only the newest SQLAlchemy on this Python is left out.
    """
    expected = [
        Combination(HERE, "/here", "oldest"),
        Combination(HERE, "/here", "2.0"),
        Combination("4.0", "/other", "oldest"),
        Combination("4.0", "/other", "2.0"),
        Combination("4.0", "/other", "2.1"),
    ]

    assert expected == chosen(PYTHONS, everything=True)
