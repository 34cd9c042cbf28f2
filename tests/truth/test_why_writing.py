"""What the hazards' words state about writing, and the table of S1 to S6 does not hold."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError, OperationalError, PendingRollbackError
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.exc import StaleDataError

from tests.truth.models import in_database, state_of
from tests.truth.shops import NAME, TOWN, Item, Page, Shop, Visit, fill, merge, move, taken_out, write


@pytest.fixture(autouse=True)
def _shops(engine: Engine) -> None:
    """Three shops in the database."""
    fill(engine)


class TestMerge:
    """merge-over-newer-row."""

    @pytest.mark.parametrize("name", ["ann", "Ada"], ids=["nothing changed", "another column changed"])
    def test_puts_back_what_was_not_changed(self, engine: Engine, name: str) -> None:
        """
        merge() writes every loaded column of the argument over the row, also one nobody changed on it.
        """
        shop = taken_out(engine)
        shop.name = name
        write(engine, move)
        write(engine, merge(shop))

        assert (name, "Ulm") == (in_database(engine, NAME), in_database(engine, TOWN))

    def test_deletes_a_newer_child_of_a_loaded_collection(self, engine: Engine) -> None:
        """
        With delete-orphan, a child that the loaded collection does not hold is deleted.
        """
        shop = taken_out(engine, selectinload(Shop.items))
        write(engine, lambda session: session.add(Item(id=50, shop_id=1)))
        write(engine, merge(shop))

        assert 0 == in_database(engine, "SELECT count(*) FROM item WHERE id = 50")

    def test_unlinks_a_newer_child_of_a_loaded_collection(self, engine: Engine) -> None:
        """
        Without it, such a child loses its link.
        """
        shop = taken_out(engine, selectinload(Shop.visits))
        write(engine, lambda session: session.add(Visit(id=50, shop_id=1)))
        write(engine, merge(shop))

        assert 1 == in_database(engine, "SELECT shop_id IS NULL FROM visit WHERE id = 50")

    def test_leaves_what_is_not_loaded(self, engine: Engine) -> None:
        """
        A collection that is not loaded on the argument is left as it is.
        """
        shop = taken_out(engine)
        write(engine, lambda session: session.add(Item(id=50, shop_id=1)))
        write(engine, merge(shop))

        assert 1 == in_database(engine, "SELECT count(*) FROM item WHERE id = 50")

    def test_refuses_an_older_version(self, engine: Engine) -> None:
        """
        With a version counter merge() of an older version raises StaleDataError.
        """
        with Session(engine) as session:
            page = session.get(Page, 1)

        def edit(session: Session) -> None:
            session.get(Page, 1).text = "second"

        write(engine, edit)
        with Session(engine) as session, pytest.raises(StaleDataError):
            session.merge(page)

    def test_of_the_sessions_own_instance_returns_it(self, session: Session) -> None:
        """
        merge() of a persistent instance returns that instance.
        """
        shop = session.get(Shop, 1)

        assert session.merge(shop) is shop


class TestEndOfASession:
    """never-committed and change-discarded."""

    @pytest.mark.parametrize("flush", [True, False], ids=["flushed", "only added"])
    def test_end_of_the_block_takes_back_what_was_not_committed(self, engine: Engine, flush: bool) -> None:
        """
        The end of `with Session(...)` commits nothing and raises nothing.
        """
        with Session(engine) as session:
            session.add(Shop(name="new"))
            if flush:
                session.flush()

        assert 0 == in_database(engine, "SELECT count(*) FROM shop WHERE name = 'new'")

    def test_a_change_travels_with_its_instance(self, engine: Engine) -> None:
        """
        A change that was not flushed when its Session was closed is saved by the next Session that adds it.
        """
        with Session(engine) as session:
            shop = session.get(Shop, 1)
            shop.name = "Ada"
        write(engine, lambda session: session.add(shop))

        assert "Ada" == in_database(engine, NAME)

    def test_a_connection_outside_decides(self, engine: Engine) -> None:
        """
        A Session on a connection whose transaction began outside leaves that transaction to its owner.
        """
        with engine.begin() as connection, Session(connection) as session:
            session.add(Shop(name="new"))
            session.flush()

        assert 1 == in_database(engine, "SELECT count(*) FROM shop WHERE name = 'new'")

    def test_refresh_takes_pending_children_out_where_it_cascades(self, session: Session) -> None:
        """
        refresh() of a parent with cascade="all" takes its pending children out of the Session.
        """
        shop, item = session.get(Shop, 1), Item(id=50)
        shop.items.append(item)
        session.refresh(shop)

        assert "transient" == state_of(item)

    def test_connection_is_held_until_the_session_is_collected(self, engine: Engine) -> None:
        """
        A Session that ran a statement keeps its connection out of the pool; its collection gives it back.
        """
        session = Session(engine)
        before = engine.pool.checkedout()  # type: ignore[attr-defined]
        session.get(Shop, 1)
        during = engine.pool.checkedout()  # type: ignore[attr-defined]
        del session
        gc.collect()

        assert (0, 1, 0) == (before, during, engine.pool.checkedout())  # type: ignore[attr-defined]

    @pytest.mark.parametrize("end", ["commit", "rollback"])
    def test_commit_and_rollback_give_the_connection_back(self, engine: Engine, end: str) -> None:
        """
        After commit or rollback an open Session holds no connection.
        """
        with Session(engine) as session:
            session.get(Shop, 1)
            getattr(session, end)()

            assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]


class TestAnotherSession:
    """instance-of-another-session."""

    @pytest.mark.parametrize("method", ["add", "delete", "refresh", "expire"])
    def test_refuses_the_instance(self, engine: Engine, session: Session, method: str) -> None:
        """
        add, delete, refresh and expire of another Session raise InvalidRequestError.
        """
        shop = session.get(Shop, 1)

        with Session(engine) as other, pytest.raises(InvalidRequestError):
            getattr(other, method)(shop)

    def test_refuses_it_through_a_relationship(self, engine: Engine, session: Session) -> None:
        """
        add() of a new child raises if its parent belongs to another Session.
        """
        item = Item(shop=session.get(Shop, 1))

        with Session(engine) as other, pytest.raises(InvalidRequestError, match="already attached"):
            other.add(item)

    def test_merge_copies_it(self, engine: Engine, session: Session) -> None:
        """
        merge() takes a copy and leaves the instance where it is.
        """
        shop = session.get(Shop, 1)

        with Session(engine) as other:
            assert other.merge(shop) is not shop
        assert shop in session


class TestBeforeTheCommit:
    """sent-before-commit."""

    def test_the_key_is_known_from_the_flush_on(self, session: Session) -> None:
        """
        A new instance has None for its key until the flush.
        """
        shop = Shop(name="Ada")
        session.add(shop)
        before = shop.id
        session.flush()

        assert (None, True) == (before, isinstance(shop.id, int))

    def test_nobody_else_sees_the_row(self, engine: Engine, session: Session) -> None:
        """
        Another Session does not find a row that is only flushed; after the commit it does.
        """
        shop = Shop(name="Ada")
        session.add(shop)
        session.flush()
        found = []
        for end in (None, session.commit):
            key = shop.id
            if end is not None:
                end()
            with Session(engine) as other:
                found.append(other.get(Shop, key) is not None)

        assert [False, True] == found


class TestFailedFlush:
    """swallowed-database-error."""

    def test_the_session_refuses_everything_until_rollback(self, session: Session) -> None:
        """
        After a failed flush each use raises PendingRollbackError; after rollback() the Session works.
        """
        session.add(Shop(name="ann"))
        with pytest.raises(IntegrityError):
            session.flush()
        with pytest.raises(PendingRollbackError):
            session.get(Shop, 1)
        with pytest.raises(PendingRollbackError):
            session.commit()
        session.rollback()

        assert "ann" == session.get(Shop, 1).name

    def test_is_active_says_so(self, session: Session) -> None:
        """
        is_active is False from a failed flush to the rollback; a statement that fails by itself leaves it True.
        """
        with pytest.raises(OperationalError):
            session.execute(text("SELECT nothing FROM nowhere"))
        before = session.is_active
        session.add(Shop(name="ann"))
        with pytest.raises(IntegrityError):
            session.flush()
        failed = session.is_active
        session.rollback()

        assert (True, False, True) == (before, failed, session.is_active)

    @pytest.mark.parametrize(
        "call",
        [
            lambda session, shop: session.rollback(),
            lambda session, shop: session.close(),
            lambda session, shop: session.invalidate(),
            lambda session, shop: session.expunge_all(),
            lambda session, shop: session.expunge(shop),
            lambda session, shop: session.add(Shop(name="new")),
            lambda session, shop: session.add_all([Shop(name="new")]),
            lambda session, shop: session.is_modified(shop),
            lambda session, shop: session.in_transaction(),
            lambda session, shop: session.expire(shop),
            lambda session, shop: session.expire_all(),
        ],
    )
    def test_what_asks_no_database_is_not_refused(
        self, session: Session, call: Callable[[Session, Shop], object]
    ) -> None:
        """
        After a failed flush these raise nothing.
        """
        shop = session.get(Shop, 1)
        session.add(Shop(name="ann"))
        with pytest.raises(IntegrityError):
            session.flush()

        call(session, shop)

    def test_the_whole_transaction_is_lost(self, engine: Engine, session: Session) -> None:
        """
        What was flushed before in the same transaction is rolled back as well.
        """
        session.get(Shop, 1).town = "Bonn"
        session.flush()
        session.add(Shop(name="ann"))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()
        session.commit()

        assert "Ulm" == in_database(engine, TOWN)

    def test_a_savepoint_keeps_the_rest(self, engine: Engine, session: Session) -> None:
        """
        Inside begin_nested() only the savepoint is rolled back.
        """
        session.get(Shop, 1).town = "Bonn"
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(Shop(name="ann"))
        session.commit()

        assert "Bonn" == in_database(engine, TOWN)
