"""What reaches a person through pydantic, through logging and as advice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pydantic
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, joinedload, selectinload, subqueryload
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import Order, User
from tests.watch.flavours.telling import place_of


class OrderOut(pydantic.BaseModel):
    """What goes out of an order."""

    model_config = pydantic.ConfigDict(from_attributes=True)
    what: str


class UserOut(pydantic.BaseModel):
    """What goes out of a user."""

    model_config = pydantic.ConfigDict(from_attributes=True)
    name: str
    orders: list[OrderOut]


def test_pydantic_shows_the_line(engine: Engine) -> None:
    """
    pydantic keeps only ``str(exc)`` of what a read raises, so the line in the message is what it shows.
    """
    with tether.watching():
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>
        with pytest.raises(pydantic.ValidationError) as caught:
            UserOut.model_validate(user)  # <use>

    shown = str(caught.value)
    assert "DetachedInstanceError" in shown
    assert f"lazy-load-after-close; loaded {place_of(__file__, 'load')}" in shown
    assert f"detached {place_of(__file__, 'end')}" in shown


def test_pydantic_model_is_used_at_the_line_that_validates(engine: Engine) -> None:
    """
    The read happens inside pydantic; the place is the program's call.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            user = session.get(User, 1)
        with pytest.raises(pydantic.ValidationError):
            UserOut.model_validate(user)  # <validate>

    assert [place_of(__file__, "validate")] == [
        f"{finding.path}:{finding.line}" for finding in report.findings
    ]


def test_logging_shows_the_story(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """
    ``logger.exception()`` prints the notes with the traceback.
    """
    with tether.watching():
        try:
            with Session(engine) as session:
                user = session.get(User, 1)
            _ = user.orders
        except DetachedInstanceError:
            logging.getLogger("program").exception("failed")

    assert "tether: lazy-load-after-close: `User.orders` is read" in caplog.text


# ------------------------------------------------------------------ advice


def test_advice_for_a_query_is_an_option_on_its_line(engine: Engine) -> None:
    """
    The option that loads the attribute goes on the query that loaded the instance.
    """
    with tether.watching() as report:
        with Session(engine) as session:
            user = session.query(User).filter_by(id=1).one()  # <query>
            order = session.query(Order).filter_by(id=1).one()  # <query of order>
        for read in (lambda: user.orders, lambda: user.bio, lambda: order.user):
            with pytest.raises(DetachedInstanceError):
                read()

    query, other = place_of(__file__, "query"), place_of(__file__, "query of order")
    assert {
        f".options(selectinload(User.orders)) on the query at {query}",
        f".options(undefer(User.bio)) on the query at {query}",
        f".options(joinedload(Order.user)) on the query at {other}",
    } == {finding.help for finding in report.findings}


def advice(engine: Engine, load: Callable[[Session], Any], read: Callable[[Any], Any]) -> str:
    """Return what is advised for a read after the Session's end."""
    with tether.watching() as report:
        with Session(engine) as session:
            row = load(session)
        with pytest.raises(DetachedInstanceError):
            read(row)
    (finding,) = report.findings
    return finding.help


STRATEGIES = [selectinload, joinedload, subqueryload]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_advice_for_a_row_that_came_along_is_a_chain(engine: Engine, strategy: Any) -> None:
    """
    An option for the class of an eagerly loaded row does not apply to the query: it needs the way there.
    """

    def load(session: Session) -> Order:
        query = select(User).options(strategy(User.orders))
        return session.scalars(query).unique().first().orders[0]  # <query of both>

    options = "selectinload(User.orders).joinedload(Order.user)"
    expected = f".options({options}) on the query at {place_of(__file__, 'query of both')}"
    assert expected == advice(engine, load, lambda order: order.user)


def test_advice_for_a_row_that_was_loaded_lazily_is_on_the_first_query(engine: Engine) -> None:
    """
    What a lazy load brings could have come with the query that loaded its parent, however long the way.
    """

    def load(session: Session) -> User:
        order = session.get(Order, 1)  # <first query>
        return order.user

    options = "joinedload(Order.user).selectinload(User.orders)"
    expected = f"options=[{options}] in the get() at {place_of(__file__, 'first query')}"
    assert expected == advice(engine, load, lambda user: user.orders)


def test_advice_is_code_that_works(engine: Engine) -> None:
    """
    A query with the advised option loads what was missing.
    """
    with Session(engine) as session:
        option = selectinload(User.orders).joinedload(Order.user)
        user = session.scalars(select(User).options(option)).first()
        order = session.get(Order, 3, options=[joinedload(Order.user).selectinload(User.orders)])

    assert user is user.orders[0].user
    assert order in order.user.orders


def test_advice_for_a_merged_row_is_an_option_of_merge(engine: Engine) -> None:
    """
    ``merge()`` loads the row itself, and takes options.
    """

    def load(session: Session) -> User:
        return session.merge(User(id=1, name="user 1"))  # <merge>

    expected = f"options=[selectinload(User.orders)] in the merge() at {place_of(__file__, 'merge')}"
    assert expected == advice(engine, load, lambda user: user.orders)


def test_advice_for_a_new_row_names_no_query(engine: Engine) -> None:
    """
    A row that the program created was loaded by no query.
    """

    def load(session: Session) -> User:
        user = User(id=7, name="new")
        session.add(user)
        session.flush()
        session.commit()
        _ = user.name
        return user

    expected = (
        "load it while the Session is open, for example by a query with .options(selectinload(User.orders))"
    )
    assert expected == advice(engine, load, lambda user: user.orders)


def test_advice_depends_on_what_expired(engine: Engine) -> None:
    """
    ``expire_on_commit=False`` is advised against a commit, and never against a rollback.
    """
    said = {}
    for end in ("commit", "rollback"):
        with tether.watching() as report:
            with Session(engine) as session:
                user = session.get(User, 1)
                getattr(session, end)()
            with pytest.raises(DetachedInstanceError):
                _ = user.name
        (said[end],) = (finding.help for finding in report.findings)

    assert said["commit"].startswith("expire_on_commit=False")
    assert "expire_on_commit=False does not help" in said["rollback"]
