"""Several processes say what one says."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.check.front.projects import put
from tether.check.front import workers
from tether.check.front.analysis import Analyser, Analysis, read_file
from tether.check.front.checking import check
from tether.check.front.run import Options, _Run
from tether.check.front.workers import analysed
from tether.check.syntax import make_analyser
from tether.core.config import Config

pytestmark = pytest.mark.usefixtures("project")

PATHS = [f"m{number}.py" for number in range(40)]
CLOSED = """from sqlalchemy.orm import Session
from m0 import User

def f(engine):
    with Session(engine) as session:
        user = session.get(User, 1)
    return user.orders
"""
MODELS = """from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    orders = relationship("Order")
"""


def engine(paths: Sequence[str]) -> Analyser:
    """Return the engine of `tether check` over files of the working directory."""
    return make_analyser(paths, str(Path.cwd()), Config(), read_file)


class Dying:
    """An engine whose process dies at the first file, unless it is the process of the test."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.not_parsed: dict[str, str] = {}

    def analyse(self, path: str) -> Analysis:
        if os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGTERM)
        return Analysis((), frozenset({path}))

    def states(self, path: str, line: int, column: int) -> str | None:
        return None


def put_project() -> None:
    put("m0.py", MODELS)
    put("m1.py", "def f(")
    for path in PATHS[2:]:
        put(path, CLOSED)


def test_answers_are_the_same() -> None:
    """
    Findings, dependencies and files that do not parse are the same from three processes and from one.
    """
    put_project()
    one = check(PATHS, engine, jobs=1)
    three = check(PATHS, engine, jobs=3)

    assert one.answers == three.answers
    assert len(one.answers) == len(PATHS) - 1
    assert "not_parsed" in one.answers["m1.py"]


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_every_way_to_begin_a_process(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It works where processes fork, and where they begin anew with what was pickled.
    """
    put_project()
    monkeypatch.setattr(workers, "START", start)
    found = {answer.path: len(answer.analysis.findings) for answer in analysed(engine, PATHS, PATHS, 2)}

    assert found == {path: int(path not in ("m0.py", "m1.py")) for path in PATHS}


def test_the_command_can_be_pickled() -> None:
    """
    What `tether check` gives to its processes can be sent to one that did not fork.
    """
    run = _Run(["."], Options(), Config(), make_analyser)

    assert pickle.loads(pickle.dumps(run._engine))


def test_a_process_that_dies() -> None:
    """
    The files of a process that died are analysed by the one that asked.
    """
    parent = os.getpid()
    found = [answer.path for answer in analysed(lambda _: Dying(parent), PATHS, PATHS, 2)]

    assert sorted(found) == sorted(PATHS)


@pytest.mark.parametrize(("files", "expected"), [(99, 1), (199, 1), (200, 2), (300, 3), (100_000, 8)])
def test_how_many_processes(files: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One process for each hundred files, at most eight, and never more than there are processors.
    """
    asked = [1]

    def shared(_make: object, _paths: object, _outdated: object, jobs: int) -> list[object]:
        asked.append(jobs)
        return []

    monkeypatch.setattr(workers, "_shared", shared)
    monkeypatch.setattr(workers, "processors", lambda: 64)
    paths = [Path(f"{number}.py").name for number in range(files)]
    assert len(list(analysed(lambda _: Dying(os.getpid()), paths, paths))) == files
    assert asked[-1] == expected
