"""Small programs in files of their own, run by Python alone and by ``tether run``."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

TIME_LIMIT = 120  # seconds; reached only when something hangs
PYTHON = [sys.executable]
TETHER = [sys.executable, "-m", "tether", "run"]

# A model, one row, and a Session class; what follows in a program begins at line LINES + 1.
MODEL = dedent(
    """\
    import os, sys
    from sqlalchemy import create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
    from sqlalchemy.pool import StaticPool

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "user"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    engine = create_engine("sqlite://", poolclass=StaticPool)

    def load():
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.merge(User(id=1, name="ann"))
        with Session(engine) as session:
            return session.get(User, 1)

    def lose_a_write():
        user = load()
        user.name = "lost"

    def read_too_late():
        with Session(engine) as session:
            load()
            user = session.get(User, 1)
            session.commit()
        try:
            user.name
        except Exception:
            pass
    """
)
LINES = len(MODEL.splitlines())
LOST = (  # what lose_a_write() leaves behind
    "write-while-detached",
    "app.py",
    next(number for number, line in enumerate(MODEL.splitlines(), 1) if 'user.name = "lost"' in line),
)
READ = (  # what read_too_late() leaves behind
    "expired-read-after-close",
    "app.py",
    next(number for number, line in enumerate(MODEL.splitlines(), 1) if line.strip() == "user.name"),
)


@dataclass(frozen=True)
class Result:
    """How a program ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON report at the end of stderr."""
        start = self.err.index('{\n  "version"')
        document: dict[str, Any] = json.loads(self.err[start:])
        return document

    @property
    def found(self) -> list[tuple[str, str, int]]:
        """Hazard, file and line of each finding in the JSON report."""
        return [(one["hazard"], one["path"], one["line"]) for one in self.document["findings"]]

    @property
    def notes(self) -> list[str]:
        """The notes in the JSON report."""
        notes: list[str] = self.document["summary"].get("notes", [])
        return notes


def write(folder: Path, source: str, name: str = "app.py") -> Path:
    """Write a program and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source))
    return path


def surroundings(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what a test run of its own adds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TETHER"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **(changes or {})}


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    input: str = "",
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run a command in *folder* to its end."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        input=input,
        env=surroundings(env),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def watched(folder: Path, source: str, *arguments: str, options: Sequence[str] = ()) -> Result:
    """Run a program that begins with MODEL, with its report as JSON."""
    write(folder, MODEL + dedent(source))
    return run([*TETHER, "--format", "json", *options, "app.py", *arguments], folder)


class Running:
    """A program that is still running, with pipes to it, or the terminal that *stream* is."""

    def __init__(self, command: Sequence[str | Path], folder: Path, *, stream: int | None = None) -> None:
        ends = subprocess.PIPE if stream is None else stream
        self.process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=surroundings(),
            stdin=ends,
            stdout=ends,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._unread = b""

    def line(self) -> str:
        """Return the next line of its output, or fail after TIME_LIMIT."""
        assert self.process.stdout is not None
        self._unread, line = read_line(self.process.stdout.fileno(), self._unread)
        return line

    def end(self) -> Result:
        """Close its input, wait for its end, and return the rest of its output."""
        try:
            out, err = self.process.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return Result(self.process.returncode, (self._unread + (out or b"")).decode(), err.decode())


def read_line(descriptor: int, unread: bytes = b"") -> tuple[bytes, str]:
    """Return what was read too much, and the next line without its end; fail after TIME_LIMIT without any."""
    while b"\n" not in unread:
        ready, _, _ = select.select([descriptor], [], [], TIME_LIMIT)
        read = os.read(descriptor, 4096) if ready else b""
        assert read, f"no further line after {unread!r}"
        unread += read
    line, _, rest = unread.partition(b"\n")
    return rest, line.decode().rstrip("\r")
