"""M1 to M6: what `session.merge()` does, and what `attach()` does, with the same copy and the same colleague."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session, make_transient, selectinload
from sqlalchemy.orm.exc import StaleDataError

import tether
from proof.storm import models as storm
from proof.storm.models import CountedPart, CountedThing
from tests.carry.back.models import Base, Customer, Item, Order, Versioned, statements
from tests.carry.back.people import row, somebody, taken, theirs
from tether.carry.drafts import edit


def labels(engine: Engine) -> list[str]:
    """Return the items of the first order."""
    with Session(engine) as session:
        return list(session.scalars(select(Item.label).where(Item.order_id == 1).order_by(Item.label)))


def unchanged_order(engine: Engine) -> Order:
    """Return a copy with its items, from before somebody added another one."""
    order = taken(engine, Order, 1, selectinload(Order.items))
    with somebody(engine, Order, 1) as there:
        there.items.append(Item(label="theirs"))
    return order


def merge(engine: Engine, copy: Any) -> None:
    """Bring it back as SQLAlchemy does."""
    with Session(engine) as session:
        session.merge(copy)
        session.commit()


def attach(engine: Engine, copy: Any) -> None:
    """Bring it back as tether does."""
    with Session(engine) as session:
        tether.attach(session, copy)
        session.commit()


def unsent(draft: Any) -> Any:
    """Return the draft itself."""
    return draft


def as_document(draft: Any) -> Any:
    """Return the draft after it has been bytes."""
    return tether.loads(tether.dumps(draft), Base)


class TestM1:
    """
    `merge()` of an unchanged parent, after somebody else added a child.
    """

    def test_merge_deletes_their_child(self, shop: Engine) -> None:
        """
        merge() of an unchanged copy deletes the child that somebody added, without a word.
        """
        merge(shop, unchanged_order(shop))

        assert ["a", "b"] == labels(shop)

    def test_attach_keeps_their_child(self, shop: Engine) -> None:
        """
        attach() of the same copy keeps it.
        """
        attach(shop, unchanged_order(shop))

        assert ["a", "b", "theirs"] == labels(shop)

    def test_without_delete_orphan(self, shop: Engine) -> None:
        """
        Without delete-orphan merge() unlinks what they linked; attach() leaves it linked.
        """
        for bring, expected in ((attach, 2), (merge, None)):
            copy = taken(shop, Customer, 2, selectinload(Customer.orders))
            with Session(shop) as session, session.begin():
                session.add(Order(id=9, status="new", customer_id=2))
            bring(shop, copy)

            assert (expected,) == row(shop, Order, 9, "customer_id")
            with Session(shop) as session, session.begin():
                session.delete(session.get(Order, 9))

    def test_with_a_version_column(self, shop: Engine) -> None:
        """
        A version column does not help: a new child does not change its parent's version.
        """
        storm.Base.metadata.create_all(shop)
        with Session(shop) as session, session.begin():
            storm.fill(session, storm.WITH_VERSION, 1)

        names = []
        for bring in (attach, merge):
            copy = taken(shop, CountedThing, 1, selectinload(CountedThing.parts))
            with somebody(shop, CountedThing, 1) as there:
                there.parts.append(CountedPart(name=bring.__name__, label="theirs"))
            bring(shop, copy)
            with Session(shop) as session:
                names.append([part.name for part in session.get(CountedThing, 1).parts])

        assert [["first-1-0", "first-1-1", "attach"], ["first-1-0", "first-1-1", "attach"]] == names

    def test_draft(self, shop: Engine) -> None:
        """
        attach() of an unchanged draft, and of one that has been a document, keeps their child too.
        """
        for send in (unsent, as_document):
            with Session(shop) as session:
                draft = edit(tether.snapshot(session.get(Order, 1), include=[Order.items]))
            with somebody(shop, Order, 1) as there:
                there.items.append(Item(label=send.__name__))
            attach(shop, send(draft))

        assert ["a", "as_document", "b", "unsent"] == labels(shop)


class TestM2:
    """
    A copy with one change, after somebody else changed another attribute.
    """

    @pytest.mark.parametrize(("bring", "note"), [(merge, "n"), (attach, "theirs")])
    def test_other_attribute(self, shop: Engine, bring: Any, note: str) -> None:
        """
        With only `status` changed, merge() puts their `note` back to what it was; attach() keeps it.
        """
        order = taken(shop, Order, 1)
        order.status = "mine"
        theirs(shop, Order, 1, note="theirs")

        bring(shop, order)

        assert ("mine", note) == row(shop, Order, 1, "status", "note")

    @pytest.mark.parametrize("send", [unsent, as_document])
    def test_draft(self, shop: Engine, send: Any) -> None:
        """
        attach() of a draft with that change, and of one that has been a document, keeps theirs too.
        """
        with Session(shop) as session:
            draft = edit(tether.snapshot(session.get(Order, 1)))
        draft.status = "mine"
        theirs(shop, Order, 1, note="theirs")

        attach(shop, send(draft))

        assert ("mine", "theirs") == row(shop, Order, 1, "status", "note")

    def test_merge_writes_what_it_was_not_told(self, shop: Engine) -> None:
        """
        merge() counts their `note` as changed by the copy, though the copy's history has only `status`.
        """
        order = taken(shop, Order, 1)
        order.status = "mine"
        theirs(shop, Order, 1, note="theirs")

        with Session(shop) as session:
            merged = session.merge(order)
            changed = {
                name for name in ("status", "note") if inspect(merged).attrs[name].history.has_changes()
            }

        assert {"status"} == dict(inspect(order).committed_state).keys()
        assert {"status", "note"} == changed


class TestM3:
    """
    The same two changes with a version column.
    """

    def test_false_conflict(self, shop: Engine) -> None:
        """
        With a version column merge() raises StaleDataError for different attributes; attach() keeps both.
        """
        thing = taken(shop, Versioned, 1)
        thing.name = "mine"
        theirs(shop, Versioned, 1, email="theirs")

        with pytest.raises(StaleDataError) as raised:
            merge(shop, thing)
        assert not hasattr(raised.value, "conflicts")
        attach(shop, thing)

        assert ("mine", "theirs", 3) == row(shop, Versioned, 1, "name", "email", "version")

    def test_true_conflict_is_a_stale_data_error(self, shop: Engine) -> None:
        """
        A true conflict of attach() is caught by whoever caught SQLAlchemy's, and says what it is about.
        """
        thing = taken(shop, Versioned, 1)
        thing.name = "mine"
        theirs(shop, Versioned, 1, name="theirs")

        with pytest.raises(StaleDataError) as raised:
            attach(shop, thing)

        assert isinstance(raised.value, tether.ConflictError)
        assert [("name", "a", "mine", "theirs")] == [
            (c.attribute, c.base, c.mine, c.theirs) for c in raised.value.conflicts
        ]

    def test_conflict_error_survives_pickle(self, shop: Engine) -> None:
        """
        A ConflictError can be sent between processes with its conflicts.
        """
        thing = taken(shop, Versioned, 1)
        thing.name = "mine"
        theirs(shop, Versioned, 1, name="theirs")
        with pytest.raises(tether.ConflictError) as raised:
            attach(shop, thing)

        copy = pickle.loads(pickle.dumps(raised.value))

        assert (raised.value.conflicts, str(raised.value)) == (copy.conflicts, str(copy))


class TestM4:
    """
    A change after `expunge()`, or not flushed at `close()`.
    """

    def test_change_after_expunge(self, shop: Engine) -> None:
        """
        A change made after expunge() is lost in that Session; attach() brings it home.
        """
        with Session(shop) as session:
            order = session.get(Order, 1)
            session.expunge(order)
            order.status = "mine"
            session.commit()
        assert ("new",) == row(shop, Order, 1, "status")

        attach(shop, order)

        assert ("mine",) == row(shop, Order, 1, "status")

    def test_change_that_was_not_flushed_at_close(self, shop: Engine) -> None:
        """
        What was not flushed when its Session was closed is still on the instance, and comes home with it.
        """
        with Session(shop) as session:
            order = session.get(Order, 1)
            order.status = "mine"
        assert ("new",) == row(shop, Order, 1, "status")

        attach(shop, order)

        assert ("mine",) == row(shop, Order, 1, "status")


class TestM5:
    """
    A hundred parents with two loaded children each.
    """

    def test_statements(self, shop: Engine) -> None:
        """
        merge() of a hundred parents with children sends a SELECT for each row; attach() one for all that changed.
        """
        orders = self.orders(shop)

        with Session(shop) as session, session.no_autoflush, statements(shop) as merged:
            for order in orders:
                session.merge(order)
        with Session(shop) as session, statements(shop) as attached:
            tether.attach(session, orders)
            session.commit()

        assert 200 == len(merged)
        assert ["DELETE orders", "SELECT orders", "UPDATE orders"] == attached

    def orders(self, shop: Engine) -> list[Order]:
        """Return a hundred changed copies with two items each."""
        with Session(shop) as session, session.begin():
            session.add_all(
                Order(id=n, status="new", items=[Item(label="x"), Item(label="y")]) for n in range(100, 200)
            )
        with Session(shop) as session:
            query = session.query(Order).options(selectinload(Order.items)).filter(Order.id >= 100)
            found = query.all()
        for order in found:
            order.status = "paid"
        return found

    @pytest.mark.skipif(not hasattr(Session, "merge_all"), reason="merge_all() came with SQLAlchemy 2.1")
    def test_merge_all(self, shop: Engine) -> None:
        """
        merge_all() of 2.1 sends as many as merge().
        """
        orders = self.orders(shop)

        with Session(shop) as session, session.no_autoflush, statements(shop) as merged:
            session.merge_all(orders)

        assert 200 == len(merged)

    def test_one_query_first(self, shop: Engine) -> None:
        """
        With the rows and their children loaded by one query before, merge() sends none: two in all.
        """
        orders = self.orders(shop)

        with Session(shop) as session, session.no_autoflush, statements(shop) as merged:
            query = session.query(Order).options(selectinload(Order.items)).filter(Order.id >= 100)
            kept = query.all()
            for order in orders:
                session.merge(order)

        assert ["SELECT orders", "SELECT items"] == merged
        assert 100 == len(kept)


class TestM6:
    """
    The base of a three-way merge, which SQLAlchemy keeps, with three holes.
    """

    def test_base_is_kept(self, shop: Engine) -> None:
        """
        SQLAlchemy keeps the old value of a loaded attribute that was changed while detached, also in a pickle.
        """
        order = taken(shop, Order, 1)
        order.status = "mine"

        assert {"status": "new"} == dict(inspect(pickle.loads(pickle.dumps(order))).committed_state)

    def test_set_while_expired(self, shop: Engine) -> None:
        """
        First hole: an attribute set while expired has no base; attach() refuses it by name, merge() overwrites.
        """
        with Session(shop) as session:
            order = session.get(Order, 1)
            session.commit()
        order.status = "mine"
        theirs(shop, Order, 1, status="theirs")

        with pytest.raises(
            tether.NoBaseError, match=r"`Order.status` cannot be brought back: it was set while"
        ):
            attach(shop, order)
        assert ("theirs",) == row(shop, Order, 1, "status")
        merge(shop, order)
        assert ("mine",) == row(shop, Order, 1, "status")

    def test_change_in_place(self, shop: Engine) -> None:
        """
        Second hole: a change in place through Mutable has no base on the instance; a draft of a snapshot has one.
        """
        order = taken(shop, Order, 1)
        order.data["k"] = 2

        with pytest.raises(tether.NoBaseError, match=r"`Order.data`.*changed in place"):
            attach(shop, order)
        with Session(shop) as session:
            draft = edit(tether.snapshot(session.get(Order, 1)))
        draft.data["k"] = 2
        attach(shop, draft)
        assert ({"k": 2},) == row(shop, Order, 1, "data")

    def test_make_transient(self, shop: Engine) -> None:
        """
        Third hole: after make_transient() nobody knows which row it was; attach() refuses it.
        """
        order = taken(shop, Order, 1)
        make_transient(order)

        with pytest.raises(ValueError, match="is transient: it has no row yet"):
            attach(shop, order)
