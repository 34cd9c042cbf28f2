"""The watched program sees what it would see without the watch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.customers import Customer, open_customers
from tether.core.config import Config


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Engine]:
    """
    An engine on a shop with five customers.
    """
    engine = open_customers(tmp_path)
    yield engine
    engine.dispose()


def test_an_error_has_no_context_of_ours(shop: Engine) -> None:
    """
    A DetachedInstanceError raised under the watch has no other exception as its context.
    """
    with tether.watching(config=Config()):
        with Session(shop) as session:
            customer = session.get(Customer, 1)
        assert customer is not None
        with pytest.raises(DetachedInstanceError) as caught:
            _ = customer.orders

    assert None is caught.value.__context__


def test_sqlalchemys_warnings_stay_on_the_users_line(shop: Engine) -> None:
    """
    A warning of SQLAlchemy's names the same file under the watch as without it.
    """

    def warned() -> list[tuple[str, int]]:
        with warnings.catch_warnings(record=True) as caught, Session(shop) as session:
            warnings.simplefilter("always", SAWarning)
            session.get(Customer, 1)
            customer = session.get(Customer, 1)  # holds it in the identity map
            session.add(Customer(id=1))
            with pytest.raises(Exception, match="UNIQUE"):
                session.flush()
            session.rollback()
            assert customer is not None
        return [(warning.filename, warning.lineno) for warning in caught]

    bare = warned()
    with tether.watching(config=Config()):
        watched = warned()

    assert bare == watched
    assert [__file__] == [path for path, _ in bare]


def test_no_statement_is_added(shop: Engine) -> None:
    """
    The watch emits no SQL of its own.
    """
    from sqlalchemy import event

    statements: list[str] = []
    event.listen(shop, "before_cursor_execute", lambda *facts: statements.append(facts[2]))

    def run() -> list[str]:
        statements.clear()
        with Session(shop) as session:
            for customer in session.scalars(select(Customer)):
                customer.city = "Bonn"
                _ = customer.orders
            session.commit()
            merged = session.merge(Customer(id=1, city="Ulm"))
            session.refresh(merged)
            session.rollback()
        return list(statements)

    bare = run()
    with Session(shop) as session, session.begin():
        for customer in session.scalars(select(Customer)):
            customer.city = None
    with tether.watching(config=Config()):
        watched = run()

    assert bare == watched
