"""SQLAlchemy's errors carry the story, and stay what they are in every other respect."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import InvalidRequestError, MissingGreenlet, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError, ObjectDeletedError
from sqlalchemy.pool import NullPool

import tether
from tests.watch.flavours.people import Order, User
from tether.core.paths import shown_path

# A refused statement leaves a coroutine of aiosqlite behind (SQLAlchemy 2.1).
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Connection.cursor' was never awaited")


def detached(engine: Engine) -> Any:
    """Read a relationship of a detached instance."""
    with Session(engine) as session:
        user = session.get(User, 1)
    return user.orders


def deleted(engine: Engine) -> Any:
    """Read an expired instance whose row is gone."""
    with Session(engine) as session:
        order = session.get(Order, 1)
        session.commit()
        session.execute(text("DELETE FROM shop_order"))
        return order.what


def refreshed_after_delete(engine: Engine) -> Any:
    """Refresh an instance whose row is gone."""
    with Session(engine) as session:
        order = session.get(Order, 1)
        session.execute(text("DELETE FROM shop_order"))
        session.refresh(order)


def added_twice(engine: Engine) -> Any:
    """Add a row of one Session to another."""
    with Session(engine) as one, Session(engine) as other:
        other.add(one.get(User, 1))


def refreshed_elsewhere(engine: Engine) -> Any:
    """Refresh a row of one Session through another."""
    with Session(engine) as one, Session(engine) as other:
        other.refresh(one.get(User, 1))


def expunged_twice(engine: Engine) -> Any:
    """Expunge what has left."""
    with Session(engine) as session:
        user = session.get(User, 1)
        session.expunge(user)
        session.expunge(user)


def without_await(engine: Engine) -> Any:
    """Read a relationship where nothing can be awaited."""

    async def read() -> Any:
        asynchronous = create_async_engine(engine.url.set(drivername="sqlite+aiosqlite"), poolclass=NullPool)
        async with AsyncSession(asynchronous) as session:
            user = await session.get(User, 1)
            return user.orders

    return asyncio.run(read())


def not_about_state(engine: Engine) -> Any:
    """Ask for one row where there are two: an InvalidRequestError that is not about an instance's state."""
    with Session(engine) as session:
        return session.query(User).one()


EXPLAINED = [
    detached,
    deleted,
    refreshed_after_delete,
    added_twice,
    refreshed_elsewhere,
    expunged_twice,
    without_await,
]
Program = Callable[[Engine], Any]


def _without_addresses(message: str) -> str:
    """Return a message without the addresses of instances, which differ in each run."""
    return re.sub(r"0x[0-9a-f]+|Session '\d+'|this is '\d+'|session '\d+'", "", message)


def raised_by(program: Program, engine: Engine, *, watched: bool) -> SQLAlchemyError:
    """Run a program that raises, with or without a watch, and return what it raised."""
    with tether.watching() if watched else nullcontext(), pytest.raises(SQLAlchemyError) as caught:
        program(engine)
    return caught.value


@contextmanager
def both(program: Program, engine: Engine) -> Iterator[tuple[SQLAlchemyError, SQLAlchemyError]]:
    """Give the error of a program without and with a watch."""
    yield raised_by(program, engine, watched=False), raised_by(program, engine, watched=True)


# ------------------------------------------------------------------ what is added


@pytest.mark.parametrize("program", EXPLAINED)
def test_message_begins_as_it_was_and_ends_with_one_line(engine: Engine, program: Program) -> None:
    """
    The message keeps every word of SQLAlchemy's, and gets one short line in brackets.
    """
    bare, told = (
        str(error) for error in (raised_by(program, engine, watched=flag) for flag in (False, True))
    )

    plain = _without_addresses(bare)
    start, _, added = _without_addresses(told).partition(" [tether: ")
    assert plain.startswith(start)
    summary, _, rest = added.partition("]")
    assert "\n" not in summary
    assert 0 < len(summary) < 300
    assert plain == start + rest


@pytest.mark.parametrize("program", EXPLAINED)
def test_notes_tell_the_whole_story_once(engine: Engine, program: Program) -> None:
    """
    The notes, which a traceback prints, hold one story with places in this file and in no other.
    """
    error = raised_by(program, engine, watched=True)

    (note,) = error.__notes__
    first, *places = note.splitlines()
    files = {line.split()[1].rpartition(":")[0] for line in places if not line.strip().startswith("help:")}
    assert first.startswith("tether: ")
    assert {shown_path(__file__)} == files
    assert note in "".join(traceback.format_exception(error))


def test_error_that_is_not_about_state_is_left_alone(engine: Engine) -> None:
    """
    An error of the same class that is raised for another reason gets no story.
    """
    error = raised_by(not_about_state, engine, watched=True)

    assert not hasattr(error, "__notes__")
    assert "tether" not in str(error)


# ------------------------------------------------------------------ what stays


def facts(error: SQLAlchemyError) -> dict[str, Any]:
    """Return what a program can see of an error, except for what is said in words."""
    return {
        "type": type(error),
        "bases": type(error).__mro__,
        "code": error.code,
        "number of args": len(error.args),
        "attributes": sorted(set(vars(error)) - {"__notes__"}),
        "orig": type(getattr(error, "orig", None)),
        "statement": getattr(error, "statement", None),
        "cause": type(error.__cause__),
        "context": type(error.__context__),
    }


@pytest.mark.parametrize("program", [*EXPLAINED, not_about_state])
def test_type_and_attributes_are_sqlalchemys(engine: Engine, program: Program) -> None:
    """
    Type, code, orig, args, attributes and chaining are those of the same error without a watch.
    """
    with both(program, engine) as (bare, told):
        assert facts(bare) == facts(told)


CLAUSES = {
    detached: DetachedInstanceError,
    deleted: (ObjectDeletedError, InvalidRequestError),
    refreshed_after_delete: InvalidRequestError,
    added_twice: InvalidRequestError,
    refreshed_elsewhere: InvalidRequestError,
    expunged_twice: InvalidRequestError,
    without_await: (MissingGreenlet, StatementError),
}


@pytest.mark.parametrize("program", EXPLAINED)
def test_except_clause_catches_as_before(engine: Engine, program: Program) -> None:
    """
    An ``except`` clause that caught the error catches it under the watch.
    """
    caught = []
    with tether.watching():
        try:
            program(engine)
        except CLAUSES[program] as error:
            caught.append(error)

    assert 1 == len(caught)


def pickled(error: Any) -> Any:
    """Return the error after a pickle."""
    return pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize(
    "program", [detached, deleted, refreshed_after_delete, added_twice, refreshed_elsewhere, expunged_twice]
)
@pytest.mark.parametrize("through", [pickled, copy.copy, copy.deepcopy])
def test_error_survives_a_pickle_as_before(engine: Engine, program: Program, through: Any) -> None:
    """
    A pickled or copied error, as process pools send them, has type and message, and is told once.
    """
    error = raised_by(program, engine, watched=True)
    again = through(error)

    assert facts(error)["type"] is type(again)
    assert str(error) == str(again)
    assert 1 == str(again).count("[tether: ")


def test_error_unpickled_under_the_watch_is_not_told_again(engine: Engine) -> None:
    """
    Making the error a second time, out of a pickle, is not a second mistake.
    """
    with tether.watching() as report:
        with pytest.raises(DetachedInstanceError) as caught:
            detached(engine)
        again = pickled(caught.value)

    assert ["lazy-load-after-close"] == [finding.hazard for finding in report.findings]
    assert 1 == report.findings[0].count
    assert str(caught.value) == str(again)


def test_error_the_program_makes_itself_is_left_alone(engine: Engine) -> None:
    """
    An error of SQLAlchemy's classes that the program makes is the program's.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            state = session.get(User, 1)
        error = DetachedInstanceError("mine")

    assert ("mine",) == error.args
    assert [] == report.findings
    assert state is not None


def test_subclass_of_the_program_keeps_its_constructor(engine: Engine) -> None:
    """
    A subclass with a constructor of its own is made as before.
    """

    class Missing(InvalidRequestError):
        def __init__(self, what: str, *, hint: str) -> None:
            super().__init__(f"no {what}", code="x")
            self.hint = hint

    with tether.watching():
        error = Missing("user", hint="look")

    assert ("no user", "x", "look") == (error.args[0], error.code, error.hint)
