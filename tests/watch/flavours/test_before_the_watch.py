"""What existed before the watch began: told as such, and watched from there on."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.people import User
from tests.watch.flavours.telling import told

LAZY = "lazy-load-after-close: loaded <load>, detached <end> ({}), used <use>"
EXPIRED = "expired-read-after-close: loaded <load>, expired {} ({}), detached <end> (close), used <use>"


def test_instance_from_before_the_watch_says_so(engine: Engine) -> None:
    """
    What was loaded and detached before the watch began is told as such; only the use has a line.
    """
    with Session(engine) as session:
        user = session.get(User, 1)
    with tether.watching() as report, pytest.raises(DetachedInstanceError):
        _ = user.orders  # <use>

    before = "[before the watch began]"
    assert [f"lazy-load-after-close: loaded {before}, detached {before}, used <use>"] == told(report.findings)


def test_session_from_before_the_watch_is_watched(engine: Engine) -> None:
    """
    A Session that was open when the watch began is watched from there on.
    """
    session = Session(engine)
    user = session.get(User, 1)
    with tether.watching() as report:
        session.close()  # <end>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    story = "lazy-load-after-close: loaded [before the watch began], detached <end> (close), used <use>"
    assert [story] == told(report.findings)


def test_change_before_the_watch_is_found_when_it_is_dropped(engine: Engine) -> None:
    """
    A change made before the watch began is found by what drops it; nobody knows where it was made.
    """
    session = Session(engine)
    user = session.get(User, 1)
    user.name = "changed"
    with tether.watching() as report:
        session.refresh(user)  # <drop>
        session.close()

    assert ["change-discarded: loaded [before the watch began], expired <drop> (refresh)"] == told(
        report.findings
    )


def test_earlier_watch_is_not_believed(engine: Engine) -> None:
    """
    What an earlier watch saw may have been overtaken since, so the later one does not tell it.
    """
    with tether.watching():
        session = Session(engine)
        user = session.get(User, 1)
        session.close()
    session.add(user)
    session.close()
    with tether.watching() as report, pytest.raises(DetachedInstanceError):
        _ = user.orders  # <use>

    (finding,) = report.findings
    assert "before the watch began" == finding.places[1].note
