"""What reaches a person through pydantic, through logging and as advice."""

from __future__ import annotations

import logging

import pydantic
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
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


def test_advice_depends_on_what_expired(engine: Engine) -> None:
    """
    ``expire_on_commit=False`` is advised against a commit, and never against a rollback.
    """
    advice = {}
    for end in ("commit", "rollback"):
        with tether.watching() as report:
            with Session(engine) as session:
                user = session.get(User, 1)
                getattr(session, end)()
            with pytest.raises(DetachedInstanceError):
                _ = user.name
        (advice[end],) = (finding.help for finding in report.findings)

    assert advice["commit"].startswith("expire_on_commit=False")
    assert "expire_on_commit=False does not help" in advice["rollback"]
