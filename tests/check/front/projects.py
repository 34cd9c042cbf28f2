"""Small projects for the tests of `tether check`, and a run over them with the engine of these tests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.check.front.engine import ImportingEngine
from tether.check.front.run import Options, run

LIB = "def load(): return User.query.get(1)\n"
VIEWS = "from lib import load\n\n\ndef show():\n    return load()\n"


def write(**files: str) -> None:
    """Write Python files below the working directory; ``app__views`` is app/views.py."""
    for name, text in files.items():
        put(f"{name.replace('__', '/')}.py", text)


def put(name: str, text: str) -> None:
    """Write one file below the working directory."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def check(*arguments: str, **options: Any) -> int:
    """Run `tether check` over files and return its status; without a cache unless one is asked for."""
    return run(arguments, Options(**{"cache": False, **options}), ImportingEngine)


def git(*words: str, folder: str = ".") -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit() -> None:
    """Commit everything below the working directory; make the repository first if there is none."""
    git("init")
    git("add", "--all")
    git("commit", "--message=now")
