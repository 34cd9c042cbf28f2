"""Write constraints/*.txt anew: the newest versions of the groups in pyproject.toml, each file with its hash.

Usage: make constraints   (needs uv; pip and uv both install from the result)

No index and no download address is recorded: whoever installs says where from. SQLAlchemy has files of its
own, so that one set of everything else is used with each SQLAlchemy that tether supports.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "constraints"
SQLALCHEMY = {
    # the lower bounds of pyproject.toml
    "oldest": "sqlalchemy==2.0.20; python_version < '3.13'\nsqlalchemy==2.0.31; python_version >= '3.13'",
    "2.0": "sqlalchemy<2.1",
    "2.1": "sqlalchemy<2.2",
}
EXTRA_GROUPS = ("lint", "bench")


def resolve(*arguments: str) -> str:
    """Return what uv resolves for every Python from 3.11 on, on every platform."""
    command = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
    ]
    command += ["--no-emit-index-url", "--no-header", "--no-annotate", "--upgrade", *arguments]
    return subprocess.run(command, cwd=FOLDER.parent, check=True, capture_output=True, text=True).stdout


def names(pins: str) -> set[str]:
    """Return the distributions that *pins* names."""
    return {line.partition("==")[0] for line in pins.splitlines() if "==" in line}


def without(known: Iterable[str]) -> list[str]:
    """Return the options that keep *known* out of what uv writes."""
    return [option for name in sorted(known) for option in ("--no-emit-package", name)]


def main() -> None:
    """Resolve the tests' set with each SQLAlchemy, insist that they agree, and write all files."""
    with tempfile.TemporaryDirectory() as scratch:
        pin = Path(scratch) / "sqlalchemy.txt"
        sets = {}
        for label, versions in SQLALCHEMY.items():
            pin.write_text(f"{versions}\n")
            everything = ["pyproject.toml", "--group", "test", "--constraint", str(pin)]
            sets[label] = resolve(*everything, *without(["sqlalchemy"]))
            (FOLDER / f"sqlalchemy-{label}.txt").write_text(resolve(str(pin), "--no-deps"))
    if len(set(sets.values())) > 1:
        sys.exit("the tests' set depends on the SQLAlchemy it is resolved with: the sets must be kept apart")

    test = FOLDER / "test.txt"
    test.write_text(sets["2.1"])
    known = names(sets["2.1"]) | {"sqlalchemy"}
    for group in EXTRA_GROUPS:
        pins = resolve("pyproject.toml", "--group", group, "--constraint", str(test), *without(known))
        (FOLDER / f"{group}.txt").write_text(pins)


if __name__ == "__main__":
    main()
