"""attach() of values that another row holds by now, and of Sessions that cannot keep the promise."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session, selectinload

from tests.carry.back.conftest import fill
from tests.carry.back.models import Customer, Item, Order, statements
from tests.carry.back.people import row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError, Kind


def test_value_that_they_took(shop: Engine) -> None:
    """
    A unique value that another row holds by now is a conflict that names that row.
    """
    ann = taken(shop, Customer, 1)
    ann.email = "new@x"
    theirs(shop, Customer, 2, email="new@x")

    with Session(shop) as session, statements(shop) as seen, pytest.raises(ConflictError) as raised:
        attach(session, ann)

    expected = Conflict((Customer, (1,), None), "email", "a@x", "new@x", (Customer, (2,), None), Kind.UNIQUE)
    assert [expected] == raised.value.conflicts
    assert ["DELETE customers", "SELECT customers", "SELECT customers"] == seen


def test_policies(shop: Engine) -> None:
    """
    "theirs" gives the value up, a function may choose another, and "mine" is a conflict still: both cannot have it.
    """
    theirs(shop, Customer, 2, email="new@x")
    ann = taken(shop, Customer, 1)
    ann.email, ann.name = "new@x", "Ann"
    with Session(shop) as session, pytest.raises(ConflictError):
        attach(session, ann, on_conflict="mine")

    with Session(shop) as session:
        attach(session, ann, on_conflict="theirs")
        session.commit()
    assert ("a@x", "Ann") == row(shop, Customer, 1, "email", "name")
    with Session(shop) as session:
        attach(session, ann, on_conflict=lambda conflict: f"1{conflict.mine}")
        session.commit()
    assert ("1new@x",) == row(shop, Customer, 1, "email")


def test_value_that_becomes_free(shop: Engine) -> None:
    """
    A value that another row gives up in the same call is free.
    """
    ann, bob = taken(shop, Customer, 1), taken(shop, Customer, 2)
    bob.email, ann.email = "c@x", "b@x"

    with Session(shop) as session:
        first, second = attach(session, [bob, ann])
        assert ("c@x", "b@x") == (first.email, second.email)


def test_primary_key_of_a_new_row(shop: Engine) -> None:
    """
    A new row whose primary key they used meanwhile is a conflict, not an IntegrityError at the flush.
    """
    order = taken(shop, Order, 1, selectinload(Order.items))
    order.items.append(Item(id=7, label="mine"))
    with Session(shop) as session, session.begin():
        session.add(Item(id=7, order_id=2, label="theirs"))

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)

    assert [(Kind.UNIQUE, "id", 7)] == [(c.kind, c.attribute, c.mine) for c in raised.value.conflicts]


def test_primary_key_that_i_changed_to_one_that_is_there(shop: Engine) -> None:
    """
    A primary key of mine that another row has is a conflict.
    """
    ann = taken(shop, Customer, 1)
    ann.id = 2

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, ann)

    assert [(Kind.UNIQUE, "id")] == [(c.kind, c.attribute) for c in raised.value.conflicts]


@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mariadb"])
def test_autocommit(server: str, request: pytest.FixtureRequest) -> None:
    """
    Where each statement commits by itself no lock holds, and attach() refuses to write.
    """
    url = (
        request.getfixturevalue("sqlite_engine").url
        if server == "sqlite"
        else request.getfixturevalue(f"{server}_url")
    )
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    fill(engine)
    order = taken(engine, Order, 1)

    with Session(engine) as session:
        assert "new" == attach(session, order).status
    order.status = "paid"
    with Session(engine) as session, pytest.raises(InvalidRequestError, match="AUTOCOMMIT"):
        attach(session, order)

    engine.dispose()
