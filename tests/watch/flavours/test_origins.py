"""Where an instance comes from: the line of the program, whoever else is on the stack."""

from __future__ import annotations

import contextlib
import copy
import functools
import pickle
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, make_transient_to_detached, sessionmaker
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import Order, User
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> ({}), used <use>"
EXPIRED = "expired-read-after-close: loaded <load>, expired {} ({}), detached <end> (close), used <use>"


def by_get(session: Session) -> User:
    """Load by primary key."""
    return session.get(User, 1)  # <load>


def by_scalars(session: Session) -> User:
    """Load by a select."""
    return session.scalars(select(User).order_by(User.id)).first()  # <load>


def by_execute(session: Session) -> User:
    """Load by a select of rows."""
    return session.execute(select(User, User.name).order_by(User.id)).first()[0]  # <load>


def by_query(session: Session) -> User:
    """Load by the legacy query."""
    return session.query(User).filter_by(id=1).one()  # <load>


def by_iteration(session: Session) -> User:
    """Load by iterating over a legacy query, which runs when the loop asks."""
    query = session.query(User).order_by(User.id)
    return next(user for user in query)  # <load>


def by_attribute(session: Session) -> User:
    """Load as the other end of a relationship."""
    return session.get(Order, 1).user  # <load>


def by_merge(session: Session) -> User:
    """Load by merging a copy."""
    return session.merge(User(id=1, name="user 1"))  # <load>


def by_comprehension(session: Session) -> User:
    """Load inside a comprehension, a function of its own before Python 3.12."""
    users = [session.get(User, number) for number in (1, 2)]  # <load>
    return users[0]


LOADERS = [by_get, by_scalars, by_execute, by_query, by_iteration, by_attribute, by_merge, by_comprehension]


@pytest.mark.parametrize("load", LOADERS)
def test_loaded_is_the_line_of_the_query(engine: Engine, load: Callable[[Session], User]) -> None:
    """
    Whichever way an instance is loaded, its story begins at the program's line that asked for it.
    """
    with tether.watching(only=["lazy-load-after-close"]) as report:
        with Session(engine) as session:  # <end>
            user = load(session)
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_created_instance_says_where_it_was_created(engine: Engine) -> None:
    """
    An instance that the program made and saved was created, not loaded.
    """
    with tether.watching() as report:
        with Session(engine, expire_on_commit=False) as session:  # <end>
            user = User(id=7, name="new")  # <make>
            session.add(user)
            session.commit()
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert ["lazy-load-after-close: created <make>, detached <end> (close), used <use>"] == told(
        report.findings
    )


def test_unpickled_instance_says_where_it_was_unpickled(engine: Engine) -> None:
    """
    An instance out of a pickle was never detached here; its story begins at the unpickling.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            data = pickle.dumps(session.get(User, 1))
        user = pickle.loads(data)  # <unpickle>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert ["lazy-load-after-close: unpickled <unpickle>, used <use>"] == told(report.findings)


def test_instance_made_detached_by_hand_was_never_in_a_session(engine: Engine) -> None:
    """
    An instance that ``make_transient_to_detached()`` makes has left no Session; its story tells none.
    """
    with tether.watching() as report:
        user = User(id=1, name="user 1")  # <make>
        make_transient_to_detached(user)
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert ["lazy-load-after-close: created <make>, used <use>"] == told(report.findings)


def test_deep_copy_says_where_it_was_copied(engine: Engine) -> None:
    """
    A deep copy goes through the same door as a pickle.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            user = copy.deepcopy(session.get(User, 1))  # <unpickle>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert ["lazy-load-after-close: unpickled <unpickle>, used <use>"] == told(report.findings)


@contextlib.contextmanager
def unit_of_work(engine: Engine) -> Iterator[Session]:
    """A context manager as many programs have one."""
    session = Session(engine)
    try:
        yield session
    finally:
        session.close()  # <end>


def test_context_manager_of_the_program_is_the_program(engine: Engine) -> None:
    """
    A Session that a context manager of the program closes is closed there, not in contextlib.
    """
    with tether.watching() as report:
        with unit_of_work(engine) as session:
            user = session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_exit_stack_and_closing_name_the_block(engine: Engine) -> None:
    """
    contextlib calls close(): the line is the program's, where the block is left.
    """
    with tether.watching() as report:
        with contextlib.ExitStack() as stack:  # <end>
            session = stack.enter_context(contextlib.closing(Session(engine)))
            user = session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_begin_block_of_a_sessionmaker_names_its_line(engine: Engine) -> None:
    """
    ``sessionmaker.begin()`` commits and closes at the end of its block.
    """
    with tether.watching() as report:
        with sessionmaker(engine).begin() as session:  # <end>
            user = session.get(User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.name  # <use>

    story = (
        "expired-read-after-close: loaded <load>, expired <end> (commit), detached <end> (close), used <use>"
    )
    assert [story] == told(report.findings)


def test_standard_library_between_is_passed_over(engine: Engine) -> None:
    """
    A call through functools, map or sorted is told at the program's line.
    """
    with tether.watching() as report:
        with Session(engine) as session:  # <end>
            load = functools.partial(session.get, User)
            users = list(map(load, [1]))  # <load>
        with pytest.raises(DetachedInstanceError):
            sorted(users, key=functools.cmp_to_key(lambda a, b: 0) and (lambda user: user.orders))  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_code_of_the_program_inside_eval_names_the_calling_line(engine: Engine) -> None:
    """
    Code without a file is passed over for the line that runs it.
    """
    with tether.watching() as report:
        with Session(engine) as session:  # <end>
            user = eval("session.get(User, 1)", {"session": session, "User": User})  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert [LAZY.format("close")] == told(report.findings)


def test_function_and_text_are_those_of_the_line(engine: Engine) -> None:
    """
    A place carries the function around it and the text of its line.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            user = by_get(session)
        with pytest.raises(DetachedInstanceError):
            _ = user.orders

    (finding,) = report.findings
    loaded, _, used = finding.places
    assert ("by_get", "return session.get(User, 1)  # <load>") == (loaded.function, loaded.text)
    assert ("test_function_and_text_are_those_of_the_line", "_ = user.orders") == (used.function, used.text)
