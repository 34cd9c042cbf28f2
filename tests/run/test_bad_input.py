"""Programs that cannot run or cannot be watched: one clear sentence, and their own exit status."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.run.programs import TETHER, run, watched, write


def first_line(err: str) -> str:
    """Return tether's own sentence in stderr."""
    return next(line for line in err.splitlines() if line.startswith("tether: "))


def test_no_such_file(folder: Path) -> None:
    """
    A program that does not exist: one sentence, and Python's status for it.
    """
    assert (2, "tether: there is no file nope.py\n") == (
        (result := run([*TETHER, "nope.py"], folder)).status,
        result.err,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["binary"], "binary is not Python, or not for this version of it"),
        (["syntax.py"], "syntax.py is not Python, or not for this version of it"),
        (["empty"], "the folder empty has no __main__.py"),
        (["-m", "no_such_module"], "there is no module called no_such_module"),
        (["-m", "package.nothing"], "there is no module called package.nothing"),
        (["-m", "json.nothing.more"], "there is no module called json.nothing"),
        (["other.py"], "the program never imported sqlalchemy.orm"),
    ],
)
def test_why_there_is_nothing(folder: Path, words: list[str], sentence: str) -> None:
    """
    A program that cannot run, or has no SQLAlchemy: one sentence, and Python's own words and status.
    """
    (folder / "binary").write_bytes(Path(sys.executable).read_bytes()[:4096])
    write(folder, "this is no Python at all(", "syntax.py")
    write(folder, "", "package/__init__.py")
    write(folder, "raise SystemExit(1)", "other.py")
    (folder / "empty").mkdir()
    alone, under = run([sys.executable, *words], folder), run([*TETHER, *words], folder)

    assert f"tether: nothing to watch: {sentence}" == first_line(under.err)
    assert (alone.status, alone.out) == (under.status, under.out)
    assert alone.err == under.err.replace(first_line(under.err) + "\n", "")


def test_watch_that_cannot_start(folder: Path) -> None:
    """
    When the watch itself breaks, the program runs on, and the reason is told.
    """
    write(folder, "[tool.tether]\n", "pyproject.toml")
    write(
        folder,
        """
        import pathlib
        pathlib.Path("pyproject.toml").write_text("[tool.tether]\\nno-such = 1\\n")
        import sqlalchemy.orm
        print("ran")
        """,
    )
    result = run([*TETHER, "app.py"], folder)

    assert (0, "ran\n") == (result.status, result.out)
    words = "tether: the watch could not start: ConfigError: pyproject.toml:2: there is no setting called"
    assert result.err.startswith(words)


def test_disk_that_is_full(folder: Path) -> None:
    """
    A process that cannot write its findings goes on.
    """
    source = dedent(
        """
        import json, shutil
        shutil.rmtree(json.loads(os.environ["TETHER_RUN"])["folder"])
        lose_a_write()
        print("went on")
        """
    )
    result = watched(folder, source)

    assert (0, "went on\n") == (result.status, result.out)
