"""Files of all kinds: what can be read is read as Python would, the rest is named with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tether.check.project.modules import Project


def read(root: Path, content: bytes) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the lines of a file with this content, and what was skipped."""
    (root / "m.py").write_bytes(content)
    project = Project([root / "m.py"], root)
    module = project.module("m")
    return module.lines if module else [], [tuple(one) for one in project.skipped]


@pytest.mark.parametrize(
    ["content", "expected"],
    [
        (b"", [""]),
        (b"x = 1\ny = 2", ["x = 1", "y = 2"]),
        (b"x = 1\r\ny = 2\r\n", ["x = 1", "y = 2", ""]),
        (b"x = 1\ry = 2\r", ["x = 1", "y = 2", ""]),
        (b"\xef\xbb\xbfx = 'a'\n", ["x = 'a'", ""]),
        ("x = 'ä'\n".encode(), ["x = 'ä'", ""]),
        (b"# coding: latin-1\nx = '\xe4'\n", ["# coding: latin-1", "x = 'ä'", ""]),
        (b"x = 1\n\x0c\ny = 2\n", ["x = 1", "\x0c", "y = 2", ""]),
        (b"x = '\\d'\n", ["x = '\\d'", ""]),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    """
    Lines are counted as Python counts them, in the encoding that the file names.
    """
    assert (expected, []) == read(tmp_path, content)


@pytest.mark.parametrize(
    ["content", "reason"],
    [
        (b"def f(:\n", "syntax error in line 1: invalid syntax"),
        (b"x = 1\n  y = 2\n", "syntax error in line 2: unexpected indent"),
        (b"x = '\xe4'\n", "cannot be decoded: invalid or missing encoding declaration"),
        (b"# coding: klingon\n", "cannot be decoded: unknown encoding: klingon"),
        (b"x = 1\0\n", "contains null bytes"),
        (b"x = 1\n" * 800_000, "larger than 4,000,000 bytes"),
        (b"x = " + b"(" * 400 + b")" * 400, "syntax error in line 1: too many nested parentheses"),
        (b"x = " + b"-" * 50_000 + b"1", "nested too deeply"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    """
    A file that cannot be read is named with its reason, and skipped.
    """
    assert ([], [("m.py", reason)]) == read(tmp_path, content)


def test_loops_and_missing_files(tmp_path: Path) -> None:
    """
    So are links that lead to themselves, folders, and files that are not there.
    """
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "good.py").write_text("import loop\nimport missing\n")
    names = ["loop.py", "folder.py", "missing.py", "good.py"]
    project = Project([tmp_path / name for name in names], tmp_path)

    assert (["good.py"], ["loop.py", "folder.py", "missing.py"]) == (
        [module.path for module in project.modules()],
        [one.path for one in project.skipped],
    )


def test_links_to_folders_above(tmp_path: Path) -> None:
    """
    A folder that links to one above it is looked into no further than the name asks.
    """
    (tmp_path / "app").mkdir()
    (tmp_path / "app/again").symlink_to("..")
    (tmp_path / "app/main.py").write_text("from again.app.again.app.main import x\nx = 1\n")
    project = Project([tmp_path / "app/main.py"], tmp_path)

    assert "variable" == project.resolve("app.main", "x").kind
