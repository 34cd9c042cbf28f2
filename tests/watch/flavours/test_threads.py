"""Threads and greenlets: each tells its own lines, and one after the other is legal."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import greenlet
import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"


def test_story_that_happens_in_a_thread(engine: Engine) -> None:
    """
    The frames of a thread end where it starts; its own lines are told.
    """

    def work() -> None:
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    with tether.watching() as report:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    assert [LAZY] == told(report.findings)


def test_story_across_threads(engine: Engine) -> None:
    """
    A row that a worker returns is detached in the worker and used by the thread that waited.
    """

    def work(number: int) -> User:
        with Session(engine) as session:  # <end>
            return session.get(User, number)  # <load>

    with tether.watching() as report, ThreadPoolExecutor(2) as pool:
        for user in pool.map(work, [1, 2]):
            with pytest.raises(DetachedInstanceError):
                _ = user.orders  # <use>

    assert [LAZY] == told(report.findings)
    assert [2] == [finding.count for finding in report.findings]


def test_scoped_session_gives_each_thread_its_own(engine: Engine) -> None:
    """
    Threads that share a scoped_session share no Session: nothing is told.
    """
    registry = scoped_session(sessionmaker(engine))
    barrier = threading.Barrier(2, timeout=30)

    def work(number: int) -> None:
        barrier.wait()
        registry.get(User, number).name = f"renamed {number}"
        registry.rollback()
        registry.remove()

    with tether.watching(rollback=False) as report, ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [1, 2]))

    assert [] == told(report.findings)


def test_one_session_in_two_threads_at_once(engine: Engine) -> None:
    """
    Two threads inside one Session at the same time are told with the line each is at.
    """
    inside, done = threading.Event(), threading.Event()

    def read(session: Session) -> None:
        session.scalars(select(User)).all()

    @event.listens_for(engine, "before_cursor_execute")
    def hold(*arguments: object) -> None:
        if threading.current_thread().name == "first":
            inside.set()
            done.wait(30)  # <first>

    with tether.watching() as report:
        session = Session(engine)  # <open>
        work = threading.Thread(target=read, args=(session,), name="first")
        work.start()
        inside.wait(30)
        session.rollback()  # <second>
        done.set()
        work.join()
        session.close()

    story = "session-shared: opened <open>, inside <first>, used <second>"
    assert story in told(report.findings)


def test_one_session_in_two_threads_after_each_other(engine: Engine) -> None:
    """
    A Session that one thread hands to another and then leaves alone is used legally.
    """
    session = Session(engine)
    session.get(User, 1)
    session.commit()

    def work() -> None:
        session.get(User, 2).name = "changed"
        session.commit()

    with tether.watching() as report:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        session.get(User, 1)
        session.close()

    assert [] == told(report.findings)


def test_row_given_to_a_thread_while_its_session_is_open(engine: Engine) -> None:
    """
    A row in the arguments of a thread is told where the thread is started.
    """
    with tether.watching(only=["instance-handed-over"]) as report, Session(engine) as session:
        user = session.get(User, 1)  # <load>
        thread = threading.Thread(target=repr, args=(user,))
        thread.start()  # <hand over>
        thread.join()

    assert ["instance-handed-over: loaded <load>, used <hand over>"] == told(report.findings)


# ------------------------------------------------------------------ greenlets


def test_story_that_happens_in_a_greenlet(engine: Engine) -> None:
    """
    A greenlet tells its own lines, not those of the one that switched to it.
    """

    def work() -> None:
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    with tether.watching() as report:
        greenlet.greenlet(work).switch()

    assert [LAZY] == told(report.findings)


def test_greenlets_that_take_turns(engine: Engine) -> None:
    """
    Greenlets that switch inside a block, as gevent's do, each end at a line of their own.
    """
    users = []

    def first() -> None:
        with Session(engine) as session:  # <end of first>
            users.append(session.get(User, 1))  # <load of first>
            main.switch()

    def second() -> None:
        with Session(engine) as session:  # <end of second>
            users.append(session.get(User, 2))  # <load of second>
            main.switch()

    main = greenlet.getcurrent()
    with tether.watching() as report:
        workers = [greenlet.greenlet(first), greenlet.greenlet(second)]
        for _ in range(2):
            for worker in workers:
                worker.switch()
        for user in users:
            with pytest.raises(DetachedInstanceError):
                _ = user.orders  # <use>

    story = "lazy-load-after-close: loaded <load of {0}>, detached <end of {0}> (close), used <use>"
    assert [story.format("first"), story.format("second")] == told(report.findings)


def test_greenlet_in_an_except_block_does_not_silence_the_others(engine: Engine) -> None:
    """
    An exception that one greenlet handles explains nothing in another.
    """

    def handling() -> None:
        try:
            raise LookupError
        except LookupError:
            main.switch()

    def losing() -> None:
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>
            user.name = "changed"  # <change>

    main = greenlet.getcurrent()
    with tether.watching() as report:
        handler = greenlet.greenlet(handling)
        handler.switch()
        greenlet.greenlet(losing).switch()
        handler.switch()

    story = "change-discarded: loaded <load>, changed <change>, detached <end> (close)"
    assert [story] == told(report.findings)
