"""Every kind of Session and every way to get one."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> ({}), used <use>"


class OwnSession(Session):
    """A Session with a constructor, a query and an end of the program's own."""

    def __init__(self, bind: Engine, label: str, **options: Any) -> None:
        super().__init__(bind, **options)
        self.label = label


def plain(engine: Engine) -> Any:
    """Make a Session."""
    return Session(engine)


def made_by_sessionmaker(engine: Engine) -> Any:
    """Make a Session by a sessionmaker."""
    return sessionmaker(engine)()


def own_subclass(engine: Engine) -> Any:
    """Make a Session of a subclass."""
    return OwnSession(engine, "label")


def own_subclass_by_sessionmaker(engine: Engine) -> Any:
    """Make a Session of a subclass by a sessionmaker."""
    return sessionmaker(engine, class_=OwnSession, label="label")()


def scoped(engine: Engine) -> Any:
    """Make a Session for this thread."""
    return scoped_session(sessionmaker(engine))


MAKERS = [plain, made_by_sessionmaker, own_subclass, own_subclass_by_sessionmaker, scoped]


@pytest.mark.parametrize("make", MAKERS)
def test_story_is_that_of_any_session(engine: Engine, make: Callable[[Engine], Any]) -> None:
    """
    Whatever the Session, and however it was made, the story names the program's lines.
    """
    with tether.watching() as report:
        session = make(engine)
        user = session.get(User, 1)  # <load>
        session.close()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_scoped_session_that_is_removed(engine: Engine) -> None:
    """
    ``scoped_session.remove()`` closes, and the line is the one that removes.
    """
    registry = scoped_session(sessionmaker(engine))
    with tether.watching() as report:
        user = registry.get(User, 1)  # <load>
        registry.remove()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_sessionmaker_names_the_line_that_calls_it(engine: Engine) -> None:
    """
    A Session is opened where the program calls its sessionmaker.
    """
    with tether.watching(only=["never-committed"]) as report, sessionmaker(engine)() as session:  # <open>
        session.get(User, 1).name = "changed"  # <change>
        session.flush()  # <flush>

    story = "opened <open>, changed <change>, flushed <flush>, closed <open> (close)"
    assert [f"never-committed: {story}"] == told(report.findings)


def test_close_in_a_method_of_the_subclass_is_the_programs(engine: Engine) -> None:
    """
    A subclass of Session is the program's own code, so its line is the one that is named.
    """

    class Closing(Session):
        def done(self) -> None:
            self.close()  # <end>

    with tether.watching() as report:
        session = Closing(engine)
        user = session.get(User, 1)  # <load>
        session.done()
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_block_that_an_exception_leaves_loses_nothing(engine: Engine) -> None:
    """
    What a block drops because an exception leaves it is explained by the exception.
    """

    def work() -> None:
        with Session(engine) as session:
            session.get(User, 1).name = "changed"
            session.flush()
            raise LookupError

    with tether.watching() as report, pytest.raises(LookupError):
        work()

    assert [] == told(report.findings)


def test_rows_that_are_never_committed_name_where_they_were_made(engine: Engine) -> None:
    """
    A new row is told by the line that created it, an old one by the line that changed it.
    """
    with tether.watching() as report:
        with Session(engine) as session:  # <open>
            session.add(User(id=7, name="new"))  # <make>
            session.flush()  # <flush>
        with Session(engine) as session:  # <open again>
            session.add(User(id=8, name="new"))  # <add>

    flushed = "opened <open>, created <make>, flushed <flush>, closed <open> (close)"
    added = "opened <open again>, created <add>, closed <open again> (close)"
    assert sorted([f"never-committed: {flushed}", f"never-committed: {added}"]) == told(report.findings)


def test_session_in_a_transaction_of_somebody_else_loses_nothing(engine: Engine) -> None:
    """
    A Session on a Connection that has begun leaves the end of the transaction to whoever began it.
    """
    with tether.watching() as report, engine.begin() as connection:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            session.get(User, 1).name = "changed"
            session.commit()
        with Session(connection, join_transaction_mode="rollback_only") as session:
            session.get(User, 1).name = "changed again"
            session.flush()

    assert [] == told(report.findings)


# ------------------------------------------------------------------ a __del__ of the program's own


def test_del_of_a_subclass_runs_once_and_calls_ours(engine: Engine) -> None:
    """
    A subclass whose ``__del__`` calls ``super().__del__`` where there is one is seen like any other.
    """
    calls = []

    class Finalized(Session):
        def __del__(self) -> None:
            calls.append("own")
            finalize = getattr(super(), "__del__", None)
            if finalize is not None:
                finalize()

    with tether.watching(only=["session-never-closed"]) as report:
        session = Finalized(engine)  # <open>
        session.get(User, 1)  # <use>
        del session
        gc.collect()

    assert ["own"] == calls
    assert ["session-never-closed: opened <open>, used <use>"] == told(report.findings)


def test_del_of_a_subclass_that_does_not_call_ours_goes_on_working(engine: Engine) -> None:
    """
    A subclass whose ``__del__`` closes the Session itself keeps it; a read is no loss.
    """
    calls = []

    class Finalized(Session):
        def __del__(self) -> None:
            calls.append("own")
            self.close()

    with tether.watching() as report:
        session = Finalized(engine)
        session.get(User, 1)
        del session
        gc.collect()

    assert ["own"] == calls
    assert [] == told(report.findings)
    assert [] == report.disabled
    assert not hasattr(Session, "__del__")


def test_program_that_gives_session_itself_a_del_keeps_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A finalizer that the program put on Session stays the one that runs, during the watch and after.
    """
    calls: list[str] = []
    monkeypatch.setattr(Session, "__del__", lambda self: calls.append("own"), raising=False)
    with tether.watching():
        session = Session(engine)
        session.get(User, 1)
        session.close()
        del session
        gc.collect()
    during = list(calls)
    session = Session(engine)
    del session
    gc.collect()

    assert (["own"], ["own", "own"]) == (during, calls)
