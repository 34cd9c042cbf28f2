"""What is given by mistake: one error that names the thing and what to do, and nothing half done in the Session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

import tether
from tests.carry.back.conftest import fill
from tests.carry.back.models import Base, Customer, Item, Order
from tests.carry.back.people import row, theirs


class OtherBase(DeclarativeBase):
    pass


class Bill(OtherBase):
    __tablename__ = "bills"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def shop(sqlite_engine: Engine) -> Engine:
    """
    An engine on the filled shop.
    """
    fill(sqlite_engine)
    return sqlite_engine


@pytest.fixture
def draft(shop: Engine) -> Any:
    """
    A draft of an order with another status.
    """
    return changed_order(shop)


def changed_order(engine: Engine) -> Any:
    """Return a draft of an order with another status."""
    with Session(engine) as session:
        found: Any = tether.snapshot(session.get(Order, 1), include=[Order.items])
    changed = found.edit()
    changed.status = "mine"
    return changed


@contextmanager
def nothing_done(engine: Engine) -> Iterator[Session]:
    """Give a Session with work of its own; afterwards it holds exactly that work, and can commit it."""
    with Session(engine) as session:
        kept, order, customer = (
            session.get(Order, 1),
            session.get(Order, 2),
            Customer(name="cid", email="c@x"),
        )
        order.note = "unflushed"
        session.add(customer)
        before = dict(order.__dict__)

        yield session

        assert ([customer], [order], []) == (list(session.new), list(session.dirty), list(session.deleted))
        assert before == order.__dict__
        assert kept in session
        session.commit()
    assert ("unflushed",) == row(engine, Order, 2, "note")
    assert ("new",) == row(engine, Order, 1, "status")


TAKES_INSTANCES = {
    "attach": (tether.attach, TypeError),
    "plan": (tether.plan, TypeError),
    "rebase": (lambda session, thing: tether.rebase(thing), TypeError),
    "snapshot": (lambda session, thing: tether.snapshot(thing), tether.SnapshotError),
    "detach": (lambda session, thing: tether.detach(thing), tether.SnapshotError),
}


@pytest.mark.parametrize("verb", TAKES_INSTANCES)
@pytest.mark.parametrize(
    ("thing", "name"),
    [(object(), "object"), ({"id": 1}, "dict"), (None, "NoneType"), (5, "int"), ("x", "str")],
)
def test_unmapped_object(shop: Engine, verb: str, thing: Any, name: str) -> None:
    """
    What is no instance of a mapped class is refused by the name of its class, also within a list.
    """
    call, kind = TAKES_INSTANCES[verb]
    with nothing_done(shop) as session:
        with pytest.raises(kind, match=rf"\b{name}\b.*mapped class|mapped class.*\b{name}\b"):
            call(session, thing)
        if verb != "rebase":
            with pytest.raises(kind, match=rf"\b{name}\b"):
                call(session, [session.get(Order, 1), thing])


@pytest.mark.parametrize("call", [tether.thaw, tether.dumps, lambda thing: tether.patch(thing, {}, allow=[])])
def test_no_snapshot(shop: Engine, call: Callable[[Any], Any]) -> None:
    """
    What is no snapshot or draft is refused by what it is, with the call that makes one or the kind that is meant.
    """
    with nothing_done(shop) as session:
        for thing in (object(), session.get(Order, 1)):
            with pytest.raises(
                tether.SnapshotError, match=rf"takes a (snapshot or a )?draft; got <.*{type(thing).__name__}"
            ):
                call(thing)


def test_snapshot_of_another_registry(draft: Any) -> None:
    """
    A document is refused by the name of the class that the registry lacks; no registry at all by what it is.
    """
    data = tether.dumps(draft)

    with pytest.raises(
        tether.SnapshotError, match=r"`Order` is not in the registry that loads\(\) was given"
    ):
        tether.loads(data, OtherBase)
    with pytest.raises(tether.SnapshotError, match=r"takes the classes that may be made.*got <object"):
        tether.loads(data, object())


def test_table_that_is_not_there(draft: Any) -> None:
    """
    In a Session on another database the database says which table is missing; the Session holds nothing new.
    """
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        with pytest.raises(DBAPIError, match="no such table: orders"):
            tether.attach(session, draft)
        assert [] == list(session)
    engine.dispose()


@pytest.mark.parametrize("values", [{}, {"id": 1}], ids=["without a key", "with the key of a row"])
@pytest.mark.parametrize("verb", ["attach", "plan", "snapshot", "detach", "rebase"])
def test_transient(shop: Engine, verb: str, values: dict[str, Any]) -> None:
    """
    An instance that was never a row is refused by state and name, also with the primary key of a row.
    """
    call, _ = TAKES_INSTANCES[verb]
    with nothing_done(shop) as session, pytest.raises(ValueError, match=r"Order\b.* is transient"):
        call(session, Order(status="x", **values))


@pytest.mark.parametrize("verb", ["attach", "plan", "snapshot", "detach", "rebase"])
def test_pending(shop: Engine, verb: str) -> None:
    """
    A pending instance, of this Session or another one, is refused by state and name, and stays pending.
    """
    call, _ = TAKES_INSTANCES[verb]
    with Session(shop) as other, nothing_done(shop) as session:
        pending = Order(status="x")
        other.add(pending)
        with pytest.raises(ValueError, match=r"Order\b.* is pending"):
            call(session, pending)
        assert [pending] == list(other.new)


def test_pending_beside_a_draft(shop: Engine, draft: Any) -> None:
    """
    One pending instance in a list keeps the others from being brought home.
    """
    with Session(shop) as other, nothing_done(shop) as session:
        other.add(pending := Order(status="x"))
        with pytest.raises(ValueError, match="Order is pending"):
            tether.attach(session, [draft, pending])


@pytest.mark.parametrize("verb", ["attach", "plan"])
def test_transaction_that_a_flush_has_aborted(shop: Engine, draft: Any, verb: str) -> None:
    """
    SQLAlchemy's own error says to roll back, and with what it began; after that it works.
    """
    with Session(shop) as session:
        session.add(Customer(id=1, name="twice"))
        with pytest.raises(IntegrityError):
            session.flush()
        with pytest.raises(PendingRollbackError, match=r"Session\.rollback\(\)"):
            TAKES_INSTANCES[verb][0](session, draft)
        session.rollback()
        TAKES_INSTANCES[verb][0](session, draft)


def test_transaction_that_postgresql_has_aborted(postgresql_url: URL) -> None:
    """
    PostgreSQL's own error says that the transaction is aborted; nothing is in the Session, and a rollback helps.
    """
    engine = create_engine(postgresql_url)
    fill(engine)
    draft = changed_order(engine)
    with Session(engine) as session:
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT nonsense"))
        with pytest.raises(DBAPIError, match="current transaction is aborted"):
            tether.attach(session, draft)
        assert [] == list(session)
        session.rollback()
        assert "mine" == tether.attach(session, draft).status
    engine.dispose()


def test_closed_session(shop: Engine, draft: Any) -> None:
    """
    A Session that was closed begins anew, as for any other work.
    """
    with Session(shop) as session:
        session.close()
        assert "mine" == tether.attach(session, draft).status


@pytest.mark.skipif(
    "close_resets_only" not in signature(Session).parameters, reason="close_resets_only= came with 2.0.22"
)
def test_session_that_was_closed_for_good(shop: Engine, draft: Any) -> None:
    """
    Where close() is the end of a Session, it says so, and holds nothing.
    """
    with Session(shop, close_resets_only=False) as session:
        session.close()
        with pytest.raises(InvalidRequestError, match="permanently closed"):
            tether.attach(session, draft)
        assert [] == list(session)


def test_no_session(shop: Engine, draft: Any) -> None:
    """
    An AsyncSession is told where its functions are; a Session's class, a factory and an Engine are none.
    """
    for call in (tether.attach, tether.plan):
        with pytest.raises(TypeError, match=r"takes a Session; got AsyncSession: .* in tether\.aio"):
            call(AsyncSession(), draft)
        for thing, name in [(sessionmaker(shop), "sessionmaker"), (shop, "Engine"), (None, "NoneType")]:
            with pytest.raises(TypeError, match=f"takes a Session; got {name}"):
                call(thing, draft)


def test_scoped_session(shop: Engine, draft: Any) -> None:
    """
    A scoped_session stands for its Session.
    """
    session = scoped_session(sessionmaker(shop))
    assert "mine" == tether.plan(session, draft).apply().status
    session.rollback()
    assert "mine" == tether.attach(session, draft).status
    session.commit()
    session.remove()

    assert ("mine",) == row(shop, Order, 1, "status")


@pytest.mark.parametrize(
    ("include", "words"),
    [
        (["itemz"], "`Order` has no mapped attribute `itemz`; did you mean `items`"),
        (["items.nothing"], "`Item` has no mapped attribute `nothing`"),
        ([Item.order], "`Item.order` is not reached from Order"),
        (["status.x"], "`status` is no relationship"),
        ([5], "5 is no attribute of a mapped class, such as Order.items"),
        ("items", r"takes a list, such as include=\[Order.items\]"),
    ],
)
@pytest.mark.parametrize("call", [tether.snapshot, tether.detach])
def test_unknown_include(shop: Engine, call: Any, include: Any, words: str) -> None:
    """
    An include that does not lead anywhere is named, with what is near; the instance stays in its Session.
    """
    with nothing_done(shop) as session:
        order = session.get(Order, 1)
        with pytest.raises(tether.SnapshotError, match=words):
            call(order, include=include)
        assert order in session


def fails(conflict: tether.Conflict) -> Any:
    """Raise."""
    raise LookupError(f"no rule for {conflict.attribute}")


@pytest.mark.parametrize(
    ("policy", "kind", "words"),
    [
        (fails, LookupError, "no rule for status"),
        (lambda conflict: object(), TypeError, "returned a object for Order.status, which holds str"),
        (lambda conflict: 5, TypeError, "returned a int for Order.status, which holds str"),
        (lambda conflict: None, TypeError, "returned None for Order.status, which is NOT NULL"),
        (lambda: "x", TypeError, "argument"),
        ("nonsense", TypeError, 'takes "raise", "mine", "theirs" or a function, not \'nonsense\''),
        ({Order.status: 7}, TypeError, "or a function, not 7"),
    ],
)
def test_conflict_function(shop: Engine, draft: Any, policy: Any, kind: type[Exception], words: str) -> None:
    """
    A function that raises, or returns what the column cannot hold, leaves the Session as it was.
    """
    with Session(shop) as session, session.begin():
        session.get(Order, 1).note = "theirs"
    draft.items.append(draft.new(Item, label="mine"))
    theirs(shop, Order, 1, status="theirs")

    with Session(shop) as session:
        order = session.get(Order, 2)
        order.note = "unflushed"
        with pytest.raises(kind, match=words):
            tether.attach(session, draft, on_conflict=policy)

        assert ([], [order], []) == (list(session.new), list(session.dirty), list(session.deleted))
        session.commit()
    assert ("theirs", "theirs") == row(shop, Order, 1, "status", "note")


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_truncated_document(draft: Any, form: Any) -> None:
    """
    A document that was cut off anywhere is refused; spoiled ones are in out/test_hostile.py.
    """
    data = tether.dumps(draft, format=form)

    for end in range(len(data)):
        with pytest.raises(tether.SnapshotError, match=r"truncated|not a document"):
            tether.loads(data[:end], Base)


@pytest.mark.parametrize("thing", [None, 5, 10**15, 1.5, {}, [1, 2]])
def test_no_document(thing: Any) -> None:
    """
    What is neither bytes nor text is refused by its type; a number is no number of bytes.
    """
    with pytest.raises(tether.SnapshotError, match=rf"bytes or text; got {type(thing).__name__}"):
        tether.loads(thing, Base)
