"""attach() of values that another row holds by now, and of Sessions that cannot keep the promise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine, String, create_engine, text
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, selectinload

from tests.carry.back.conftest import fill
from tests.carry.back.models import Customer, Item, Order, statements
from tests.carry.back.people import row, taken, theirs
from tether.carry.attach import attach
from tether.carry.conflicts import Conflict, ConflictError, Kind
from tether.carry.plan import plan


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


class Names(DeclarativeBase):
    pass


class Member(Names):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(
        String(20, collation="NOCASE").with_variant(String(20), "mysql", "postgresql"), unique=True
    )


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def members(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """
    A table whose names are unique without regard to upper and lower case, on each database; two members.
    """
    if request.param == "sqlite":
        engine = request.getfixturevalue("sqlite_engine")
    else:
        engine = create_engine(request.getfixturevalue(f"{request.param}_url"))
    Names.metadata.create_all(engine)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(
                text("CREATE COLLATION nocase (provider=icu, locale='und-u-ks-level2', deterministic=false)")
            )
            connection.execute(text('ALTER TABLE members ALTER name TYPE varchar(20) COLLATE "nocase"'))
    with Session(engine) as session, session.begin():
        session.add_all([Member(id=1, name="ann"), Member(id=2, name="bob")])
    yield engine
    engine.dispose()


def test_value_that_differs_in_case(members: Engine) -> None:
    """
    Where the database finds "BOB" and "bob" equal, it is a conflict and not an IntegrityError at the flush.
    """
    ann = taken(members, Member, 1)
    ann.name = "BOB"

    with Session(members) as session, statements(members) as seen, pytest.raises(ConflictError) as raised:
        attach(session, ann)

    expected = Conflict((Member, (1,), None), "name", "ann", "BOB", (Member, (2,), None), Kind.UNIQUE)
    assert [expected] == raised.value.conflicts
    assert 2 == len([one for one in seen if one.startswith("SELECT")])


def test_own_value_in_another_case(members: Engine) -> None:
    """
    A row's own value, written in another case, is no conflict.
    """
    ann = taken(members, Member, 1)
    ann.name = "Ann"

    with Session(members) as session, session.begin():
        attach(session, ann)

    assert ("Ann",) == row(members, Member, 1, "name")


def test_value_that_only_the_database_finds_equal(mariadb_url: URL) -> None:
    """
    MariaDB's default collation ignores accents and spaces at the end; the database is asked, so it is a conflict.
    """
    engine = create_engine(mariadb_url)
    Names.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Member(id=1, name="ann"), Member(id=2, name="zoe"), Member(id=3, name="bob")])
    ann, bob = taken(engine, Member, 1), taken(engine, Member, 3)
    ann.name, bob.name = "Zoé ", "bo"

    with Session(engine) as session, pytest.raises(ConflictError) as raised:
        attach(session, [ann, bob])

    assert [("Zoé ", (Member, (2,), None))] == [(c.mine, c.theirs) for c in raised.value.conflicts]
    engine.dispose()


def test_citext(postgresql_url: URL) -> None:
    """
    PostgreSQL's citext is compared as the database compares it.
    """
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        if not connection.scalar(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'")):
            pytest.skip("this PostgreSQL has no citext")
        connection.execute(text("CREATE EXTENSION citext"))
        connection.execute(text("CREATE TABLE members (id int PRIMARY KEY, name citext UNIQUE)"))
        connection.execute(text("INSERT INTO members VALUES (1, 'ann'), (2, 'bob')"))
    with Session(engine) as session:
        ann = session.get(CitextMember, 1)
    ann.name = "BOB"

    with Session(engine) as session, pytest.raises(ConflictError) as raised:
        attach(session, ann)

    assert [Kind.UNIQUE] == [conflict.kind for conflict in raised.value.conflicts]
    engine.dispose()


class Citext(DeclarativeBase):
    pass


class CitextMember(Citext):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CITEXT, unique=True)


def two_who_want(engine: Engine, value: str) -> list[Customer]:
    """Return two copies, both with the same new value."""
    ann, bob = taken(engine, Customer, 1), taken(engine, Customer, 2)
    ann.email = bob.email = value
    return [ann, bob]


def test_two_rows_of_mine(shop: Engine) -> None:
    """
    Two rows of mine with one unique value are a conflict that names both, not an IntegrityError at the flush.
    """
    both = two_who_want(shop, "new@x")

    with Session(shop) as session:
        with pytest.raises(ConflictError) as raised:
            attach(session, both)
        assert not session.dirty
        assert raised.value.conflicts == plan(session, both).conflicts

    expected = Conflict((Customer, (2,), None), "email", "b@x", "new@x", (Customer, (1,), None), Kind.UNIQUE)
    assert [expected] == raised.value.conflicts


def test_policies_for_two_rows_of_mine(shop: Engine) -> None:
    """
    "theirs" leaves the value to the first, a function may choose another for the second, "mine" is a conflict still.
    """
    both = two_who_want(shop, "new@x")

    with Session(shop) as session, pytest.raises(ConflictError):
        attach(session, both, on_conflict="mine")
    with Session(shop) as session:
        attach(session, both, on_conflict=lambda conflict: f"2{conflict.mine}")
        session.flush()
        assert "2new@x" == session.get(Customer, 2).email
    with Session(shop) as session:
        attach(session, both, on_conflict="theirs")
        session.commit()
    assert ("new@x",) == row(shop, Customer, 1, "email")
    assert ("b@x",) == row(shop, Customer, 2, "email")


def test_two_new_rows_of_mine(shop: Engine) -> None:
    """
    The same of two new rows, by unique value and by primary key.
    """
    order = taken(shop, Order, 1, selectinload(Order.items))
    order.items += [Item(id=7, label="one"), Item(id=7, label="two")]

    with Session(shop) as session, pytest.raises(ConflictError) as raised:
        attach(session, order)

    assert [(Kind.UNIQUE, "id", 7)] == [(c.kind, c.attribute, c.mine) for c in raised.value.conflicts]


def test_two_copies_of_one_row(shop: Engine) -> None:
    """
    Two copies of one row with the same new value are one row.
    """
    copies = [taken(shop, Customer, 1), taken(shop, Customer, 1)]
    for copy in copies:
        copy.email = "new@x"

    with Session(shop) as session:
        attach(session, copies)
        session.commit()

    assert ("new@x",) == row(shop, Customer, 1, "email")
