"""Run the tests that touch SQLAlchemy on each Python found here, with each SQLAlchemy that tether supports.

Usage: make versions       each Python and each SQLAlchemy once, beside those of `make test`
       make versions-all   every combination

`make test` has already run everything with the newest SQLAlchemy on this Python. Each combination gets an
environment of its own below .venvs/, which is kept. Exit status 1 if one of them failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HERE = ".".join(map(str, sys.version_info[:2]))
PYTHONS = ("3.11", "3.12", "3.13")
SQLALCHEMYS = ("oldest", "2.0", "2.1")  # constraints/sqlalchemy-*.txt
# What these tests cover is plain Python: no SQLAlchemy is involved.
WITHOUT_SQLALCHEMY = ("tests/core", "tests/report", "tests/house", "tests/test_architecture.py")
# Reads source: another Python parses otherwise, another SQLAlchemy changes nothing.
READS_SOURCE = ("tests/check", "tests/lsp")
# Large samples of what `make test` has run with this very SQLAlchemy.
SAMPLES = ("tests/carry/matrix", "tests/carry/storm", "tests/watch/histories")


class Combination(NamedTuple):
    """One Python and one set of SQLAlchemy, with the interpreter's path."""

    python: str
    interpreter: str
    sqlalchemy: str

    def __str__(self) -> str:
        return f"Python {self.python}, SQLAlchemy {self.sqlalchemy}"


def candidates(version: str) -> Iterator[Path]:
    """Yield each file that may be a Python of *version*: on PATH, and where pyenv and uv keep theirs."""
    name = f"python{version}"
    for folder in os.get_exec_path():
        yield Path(folder) / name
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)
    yield from sorted(
        Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/{name}"), reverse=True
    )


def find(version: str) -> str | None:
    """Return the path of a Python of *version* that runs, or None."""
    if version == HERE:
        return sys.executable
    # pyenv's stand-ins on PATH exist and fail, so each candidate is run
    question = "import sys, ensurepip, venv; print(sys.executable, *sys.version_info[:2])"
    for path in candidates(version):
        if not path.is_file():
            continue
        answer = subprocess.run([path, "-c", question], capture_output=True, text=True, check=False)
        interpreter, *found = answer.stdout.split() or [""]
        if answer.returncode == 0 and ".".join(found) == version:
            return interpreter
    return None


def chosen(pythons: dict[str, str], *, everything: bool) -> list[Combination]:
    """Return the combinations to run, without the one that `make test` has run.

    Unless *everything* is asked for, the oldest SQLAlchemy runs on this Python, the newest 2.0 on the next one and 2.1
    on the last. The oldest does not know the newest Python: 2.0.20 cannot be imported on 3.13.
    """
    pairs = [(python, sqlalchemy) for python in pythons for sqlalchemy in SQLALCHEMYS]
    if not everything:
        others = [python for python in pythons if python != HERE]
        newest = dict.fromkeys(others, "2.1") | {(others or [HERE])[0]: "2.0"}
        pairs = [(HERE, "oldest"), *newest.items()]
    return [
        Combination(python, pythons[python], sqlalchemy)
        for python, sqlalchemy in pairs
        if (python, sqlalchemy) != (HERE, "2.1")
    ]


def run(combination: Combination, arguments: list[str]) -> int:
    """Make the environment where needed, run the tests in it, and return their exit status."""
    folder = f".venvs/python{combination.python}-sqlalchemy-{combination.sqlalchemy}"
    sets = ["test", f"sqlalchemy-{combination.sqlalchemy}"]
    environment = {**os.environ, "PYTHON": combination.interpreter}
    made = subprocess.run(["tools/environment", folder, *sets], cwd=ROOT, env=environment, check=False)
    if made.returncode:
        return made.returncode

    command = [f"{folder}/bin/python", "-m", "pytest", "--quiet", "--numprocesses", "auto"]
    left_out = (*WITHOUT_SQLALCHEMY, *(READS_SOURCE if combination.python == HERE else ()))
    left_out += SAMPLES if combination.sqlalchemy == "2.1" else ()
    command += ["-m", "not slow and not storm", *(f"--ignore={path}" for path in left_out)]
    return subprocess.run([*command, *arguments], cwd=ROOT, check=False).returncode


def main() -> int:
    """Run the combinations one after the other and print one line for each at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="every combination that exists")
    options, pytest_arguments = parser.parse_known_args()

    pythons = {version: path for version in PYTHONS if (path := find(version))}
    lines = [f"Python {version}: not found on this machine" for version in PYTHONS if version not in pythons]
    failed = False
    for combination in chosen(pythons, everything=options.all):
        print(f"\n== {combination} ==", flush=True)
        start = time.monotonic()
        status = run(combination, pytest_arguments)
        failed |= status != 0
        outcome = f"exit status {status}" if status else "passed"
        lines.append(f"{combination}: {outcome} ({time.monotonic() - start:.0f} s)")
    print("\n" + "\n".join(lines), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
