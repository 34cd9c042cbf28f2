"""The text of an explanation, word for word, and its other forms."""

from __future__ import annotations

import copy
import gc
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, ForeignKey, create_engine
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tether.core.finding import Place
from tether.explaining import explain
from tether.orm.provenance import Provenance, set_teller


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    card: Mapped[str | None] = mapped_column(info={"tether": "secret"})
    notes: Mapped[str | None] = mapped_column(deferred=True)
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer | None] = relationship(back_populates="orders")


class Key(Base):
    __tablename__ = "key"
    code: Mapped[str] = mapped_column(primary_key=True, info={"tether": "secret"})
    doors: Mapped[list[Door]] = relationship(back_populates="key")


class Door(Base):
    __tablename__ = "door"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(ForeignKey("key.code"))
    key: Mapped[Key] = relationship(back_populates="doors")


class Lock(Base):
    __tablename__ = "lock"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), info={"tether": "secret"})
    customer: Mapped[Customer] = relationship()


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Customer(id=1, name="Ann", card="4111", notes="-", orders=[Order(id=5), Order(id=6)]))
        session.add_all([Key(code="s3cret", doors=[Door(id=1)]), Lock(id=1, customer_id=1)])
        session.commit()
    yield engine
    engine.dispose()


def test_persistent_with_a_change(engine: Engine) -> None:
    """
    The long form tells state, Session, attributes and what would happen; the short one is its first line.
    """
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        customer.orders.append(Order())
        customer.name = "Eve"
        explanation = explain(customer)

    assert (
        f"""\
Customer(id=1) is persistent; changed: name, orders; 1 deferred
  class: {__name__}.Customer
  identity key: ({__name__}.Customer, (1,), None)
  session: Session on sqlite://, in a transaction, expire_on_commit=True
attributes
  id: loaded 1; reading it gives the loaded value
  name: changed from 'Ann' to 'Eve'; reading it gives the changed value
  card: loaded ***; reading it gives the loaded value
  notes: deferred; reading it flushes first (autoflush), then emits 1 SELECT
  orders: changed 3 Order (1 pending, 2 persistent), 1 added, 0 removed; reading it gives the changed value
now
  commit: emits UPDATE of name; writes the rows of orders; then expires it
  close: it becomes detached; the change of name, orders is not saved; \
reading notes then raises DetachedInstanceError
  merge: in its own Session: gives this instance, copies nothing; in another Session: \
looks for the row (1 SELECT or the identity map), adds a copy if there is none; \
copies card, id, name, orders; replaces orders as a whole"""
        == explanation.long
    )
    assert "Customer(id=1) is persistent; changed: name, orders; 1 deferred" == explanation.short
    assert explanation.short == str(explanation)
    assert f"<Explanation: {explanation.short}>" == repr(explanation)


def test_detached_and_expired(engine: Engine) -> None:
    """
    Of a detached, expired instance nothing can be read.
    """
    with Session(engine) as session:
        order = session.get(Order, 5)
        session.commit()

    assert (
        f"""\
Order(id=5) is detached; expired: id, customer_id; 1 unloaded
  class: {__name__}.Order
  identity key: ({__name__}.Order, (5,), None)
  session: none
attributes
  id: expired; reading it raises DetachedInstanceError
  customer_id: expired; reading it raises DetachedInstanceError
  customer: unloaded; reading it raises DetachedInstanceError
now
  commit: nothing, it is in no Session
  close: nothing, it is in no Session
  merge: looks for the row (1 SELECT or the identity map), adds a copy if there is none; \
copies nothing, because nothing is loaded"""
        == explain(order).long
    )


def test_transient() -> None:
    """
    A transient instance has no identity key; what was set on it is a change, and merge would add a copy.
    """
    order = Order(customer=Customer(name="Bob"))

    assert (
        f"""\
Order() is transient; changed: customer; 2 unloaded
  class: {__name__}.Order
  identity key: none, it has never been flushed
  session: none
attributes
  id: unloaded; reading it gives None
  customer_id: unloaded; reading it gives None
  customer: changed to Customer() (transient); reading it gives the loaded value
now
  commit: nothing, it is in no Session
  close: nothing, it is in no Session
  merge: adds a new pending copy; copies customer"""
        == explain(order).long
    )


def test_session(engine: Engine) -> None:
    """
    A Session lists what waits to be saved, then what it holds, then what would happen.
    """
    with Session(engine) as session:
        customer, order, other = session.get(Customer, 1), session.get(Order, 5), session.get(Order, 6)
        customer.name = "Eve"
        other.customer_id = 1  # equal: not a change
        session.add(Customer(name="Bob"))
        session.delete(order)
        explanation = explain(session)

    assert (
        """\
Session on sqlite://: in a transaction; 1 new, 1 changed, 1 deleted, 3 in the identity map
  new: Customer()
  changed: Customer(id=1): name
  deleted: Order(id=5)
identity map
  Customer(id=1): persistent, changed: name
  Order(id=5): persistent
  Order(id=6): persistent
now
  commit: 1 inserted, 1 updated, 1 deleted; expires every instance
  rollback: undoes what was flushed; expires every instance, whatever expire_on_commit says; \
1 new becomes transient; the changes of 1 are lost
  close: rolls back the transaction; 3 become detached; 1 new becomes transient; the changes of 1 are lost"""
        == explanation.long
    )
    assert explanation.long.split("\nidentity map")[0] == str(explanation)
    assert ["Customer()"] == explanation.to_dict()["new"]
    assert [{"instance": "Customer(id=1)", "attributes": ["name"]}] == explanation.to_dict()["changed"]


def test_places_of_a_watch_are_told(engine: Engine) -> None:
    """
    While something is watching, the places in the life of the instance are part of the explanation.
    """
    loaded = Place("loaded", "app.py", 3, text="session.get(Order, 5)")
    detached = Place("detached", "app.py", 4, cause="close")
    expired = Place("expired", note="before the watch began")
    with Session(engine) as session:
        order = session.get(Order, 5)
    set_teller(lambda state: Provenance(loaded=loaded, detached=detached, expired=expired))
    try:
        explanation = explain(order)
    finally:
        set_teller(None)

    assert """\
  loaded: app.py:3 session.get(Order, 5)
  expired: before the watch began
  detached: app.py:4 (close)""" == "\n".join(explanation.long.splitlines()[4:7])
    assert ["loaded", "expired", "detached"] == [place["role"] for place in explanation.to_dict()["places"]]
    assert [] == explain(order).to_dict()["places"]


def test_dictionary_has_the_facts(engine: Engine) -> None:
    """
    to_dict() gives each prediction as facts, and the Session's number as SQLAlchemy's own messages name it.
    """
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        customer.name = "Eve"
        facts = explain(customer).to_dict()
        number = facts["session"]["number"]
        with pytest.raises(InvalidRequestError, match=f"already attached to session '{number}'"):
            Session(engine).add(customer)

    assert ["name"] == facts["changed"]
    assert {"text": "gives the changed value", "raises": None, "may_raise": None, "selects": [0, 0]} == (
        facts["attributes"]["name"]["reading"]
    )
    assert "UPDATE" == facts["now"]["commit"]["statement"]
    assert ["name"] == facts["now"]["commit"]["attributes"]
    assert "detached" == facts["now"]["close"]["state"]


def test_html_is_escaped(engine: Engine) -> None:
    """
    A value with markup in it does not become markup in a notebook.
    """
    html = explain(Customer(name="<script>"))._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("form", ["short", "long", "html", "dict"])
def test_secret_keys_are_masked_through_relationships(engine: Engine, form: str) -> None:
    """
    A secret primary key, and one that a secret foreign key repeats, is masked in every form on both sides.
    """
    with Session(engine) as session:
        key, door, lock = session.get(Key, "s3cret"), session.get(Door, 1), session.get(Lock, 1)
        assert door.key is key
        assert lock.customer.id == 1
        forms = [
            {"short": e.short, "long": e.long, "html": e._repr_html_(), "dict": str(e.to_dict())}[form]
            for e in (explain(key), explain(lock), explain(session))
        ]

    assert [] == [text for text in forms if "s3cret" in text]
    if form == "long":
        assert "customer: loaded Customer(id=***) (persistent)" in forms[1]


def test_note_on_copies_and_deleted_rows(engine: Engine) -> None:
    """
    What a person would not guess has a line of its own: copy.copy(), a deleted row, a lost Session.
    """
    with Session(engine) as session:
        order, other = session.get(Order, 5), session.get(Order, 6)
        session.delete(order)
        marked = explain(order).to_dict()["notes"]
        session.commit()
    alone = Session(engine).get(Order, 6)
    gc.collect()

    assert ["marked for deletion by Session.delete(), not flushed"] == marked
    assert ["its row was deleted"] == explain(order).to_dict()["notes"]
    assert ["this is a copy.copy(): SQLAlchemy knows only the instance it was copied from"] == (
        explain(copy.copy(other)).to_dict()["notes"]
    )
    assert "session: none, its Session was garbage-collected" in explain(alone).long
