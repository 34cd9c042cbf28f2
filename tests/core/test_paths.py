"""Paths relative to the working directory, and the globs that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tether.core.paths import path_matches, shown_path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_below_the_working_directory(here: Path) -> None:
    """
    A path below the working directory is shown relative to it.
    """
    assert "app/views.py" == shown_path(here / "app" / "views.py")


@pytest.mark.parametrize("path", ["app/views.py", "/elsewhere/views.py", "<stdin>", "", "../views.py"])
def test_elsewhere(here: Path, path: str) -> None:
    """
    Any other path is shown as it is.
    """
    assert path == shown_path(path)


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("tests/test_a.py", "tests/*"),
        ("tests/unit/test_a.py", "tests/*"),
        ("tests/unit/test_a.py", "tests"),
        ("tests/unit/test_a.py", "tests/"),
        ("tests/unit/test_a.py", "./tests/"),
        ("tests/unit/test_a.py", "test_*.py"),
        ("tests/unit/test_a.py", "tests\\unit\\*"),
        ("tests/unit/test_a.py", "**/test_*.py"),
        ("test_a.py", "**/test_*.py"),
        ("src/shop/models.py", "src/**/models.py"),
        ("src/models.py", "src/**/models.py"),
        ("./src/models.py", "src/models.py"),
    ],
)
def test_glob_names_path(here: Path, path: str, glob: str) -> None:
    """
    A glob names a file by its path, by its name, or by a folder around it.
    """
    assert path_matches(path, glob)


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("tests_more/a.py", "tests"),
        ("src/tests.py", "tests"),
        ("Tests/a.py", "tests/*"),
        ("app/views.py", "views"),
    ],
)
def test_glob_names_other_paths(here: Path, path: str, glob: str) -> None:
    """
    A glob names nothing that merely looks like it.
    """
    assert not path_matches(path, glob)


def test_glob_begins_at_the_root(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A path relative to the working directory is matched from the folder of the configuration.
    """
    (here / "backend").mkdir()
    monkeypatch.chdir(here / "backend")
    matches = [path_matches("tests/a.py", glob, str(here)) for glob in ("backend/tests/*", "tests/*")]

    assert [True, False] == matches
