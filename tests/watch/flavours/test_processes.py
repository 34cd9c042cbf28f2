"""Child processes: a fork goes on with an empty report, a spawned child is a program of its own."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"

SECONDS = 60

# Python 3.12 and later warn of a fork beside threads; no thread of these tests holds a lock.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def read_detached(url: URL, number: int) -> None:
    """Make a finding."""
    engine = create_engine(url, poolclass=NullPool)
    with Session(engine) as session:  # <end>
        user = session.get(User, number)  # <load>
    with pytest.raises(DetachedInstanceError):
        _ = user.orders  # <use>


def in_fork(work: Callable[[], Any]) -> Any:
    """Run *work* in a forked child, and return what it returns."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)  # a child that hangs ends, and sends nothing
        try:
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def test_forked_child_begins_with_an_empty_report(engine: Engine) -> None:
    """
    A child finds its own findings and none of its parent's, and the parent none of the child's.
    """
    with tether.watching() as report:
        read_detached(engine.url, 1)

        def work() -> list[list[str]]:
            before = told(report.findings)
            read_detached(engine.url, 2)
            return [before, told(report.findings)]

        before, after = in_fork(work)

    assert ([], [LAZY]) == (before, after)
    assert [1] == [finding.count for finding in report.findings]


def test_work_of_the_childs_own_is_the_childs(engine: Engine) -> None:
    """
    A child that ends with a Session of its own in the middle of its work reports that.
    """

    def work() -> list[str]:
        own = create_engine(engine.url, poolclass=NullPool)
        session = Session(own)  # <open>
        session.add(User(id=7, name="new"))  # <make>
        session.flush()  # <flush>
        report.finish()
        return told(report.findings)

    with tether.watching(only=["never-committed"]) as report:
        in_child = in_fork(work)

    assert ["never-committed: opened <open>, created <make>, flushed <flush>"] == in_child
    assert [] == told(report.findings)


def test_open_work_of_the_parent_is_not_the_childs(engine: Engine) -> None:
    """
    A child that ends does not report what its parent's Session has not committed.
    """
    with tether.watching(only=["never-committed", "change-discarded", "write-while-detached"]) as report:
        with Session(engine) as session:
            lost = session.get(User, 2)
        lost.name = "lost so far"
        with Session(engine) as session:
            session.get(User, 1).name = "changed"
            session.flush()

            def work() -> list[str]:
                report.finish()
                return told(report.findings)

            in_child = in_fork(work)
            session.commit()
            session.add(lost)
            session.commit()

    assert [] == in_child
    assert [] == told(report.findings)


def test_row_of_the_parent_is_told_in_the_child(engine: Engine) -> None:
    """
    What the parent loaded and detached before the fork keeps its lines in the child.
    """
    with tether.watching() as report:
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>

        def work() -> list[str]:
            with pytest.raises(DetachedInstanceError):
                _ = user.orders  # <use>
            return told(report.findings)

        in_child = in_fork(work)

    assert [LAZY] == in_child
    assert [] == told(report.findings)


def test_fork_while_another_thread_writes_the_report_does_not_hang(engine: Engine) -> None:
    """
    A child has a lock of its own: the one that a thread held at the fork is never given back there.
    """
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with report._ledger._lock:
            held.set()
            release.wait(30)

    def work() -> list[str]:
        read_detached(engine.url, 1)
        return told(report.drain())

    with tether.watching() as report:
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(30)
        in_child = in_fork(work)
        release.set()
        thread.join()

    assert [LAZY] == in_child
    assert [] == told(report.findings)


def in_child(url: URL, number: int) -> list[str]:
    """Watch in a process of a pool."""
    with tether.watching() as report:
        read_detached(url, number)
    return told(report.findings)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pool_of_processes(engine: Engine, method: str) -> None:
    """
    Processes of a pool, forked or spawned, watch on their own account.
    """
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found = pool.submit(in_child, engine.url, 1).result(timeout=120)

    assert [LAZY] == found


def test_row_sent_to_a_process_pool_is_told(engine: Engine) -> None:
    """
    A row given to a pool of processes is told where it is submitted.
    """
    with tether.watching(only=["instance-handed-over"]) as report, Session(engine) as session:
        user = session.get(User, 1)  # <load>
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            pool.submit(type, user).result(timeout=120)  # <hand over>

    assert ["instance-handed-over: loaded <load>, used <hand over>"] == told(report.findings)


PROGRAM = """
import multiprocessing
import sys
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


engine = create_engine("sqlite:///child.db")


def lose(number):
    with Session(engine) as session:
        user = session.get(User, number)
    user.name = "lost"


if __name__ == "__main__":
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(User(id=1, name="a"))
    engine.dispose()
    context = multiprocessing.get_context(sys.argv[1])
    child = context.Process(target=lose, args=(1,))
    child.start()
    child.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_run_reports_the_children(tmp_path: Path, method: str) -> None:
    """
    ``tether run`` reports what a child lost, however it was started, at the child's own line.
    """
    (tmp_path / "program.py").write_text(PROGRAM)
    arguments = [sys.executable, "-m", "tether", "run", "--format", "json", "--out", "out.json", "program.py"]
    result = subprocess.run(
        [*arguments, method], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )

    assert 0 == result.returncode, result.stderr
    findings = json.loads((tmp_path / "out.json").read_text())["findings"]
    text = PROGRAM.splitlines()
    assert [("write-while-detached", 'user.name = "lost"')] == [
        (finding["hazard"], text[finding["line"] - 1].strip()) for finding in findings
    ]
