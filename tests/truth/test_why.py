"""What the hazards' own words state and the table of S1 to S6 does not hold."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, ForeignKey, event, func, select
from sqlalchemy.exc import IntegrityError, InvalidRequestError, PendingRollbackError, SAWarning
from sqlalchemy.orm import (
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    Session,
    mapped_column,
    raiseload,
    relationship,
    selectinload,
)
from sqlalchemy.orm.exc import DetachedInstanceError, StaleDataError

from tests.truth.models import in_database, state_of


class Base(DeclarativeBase):
    """Base of the models."""


class Shop(Base):
    """A parent whose items live and die with it, and whose visits do not."""

    __tablename__ = "shop"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    town: Mapped[str | None]
    items: Mapped[list[Item]] = relationship(back_populates="shop", cascade="all, delete-orphan")
    visits: Mapped[list[Visit]] = relationship()
    log: DynamicMapped[Visit] = relationship(viewonly=True)


class Item(Base):
    """Deleted when it leaves its shop."""

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shop.id"))
    shop: Mapped[Shop | None] = relationship(back_populates="items")


class Visit(Base):
    """Unlinked when it leaves its shop."""

    __tablename__ = "visit"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shop.id"))


class Page(Base):
    """A row with a version counter."""

    __tablename__ = "page"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it once


NAME, TOWN = "SELECT name FROM shop WHERE id = 1", "SELECT town FROM shop WHERE id = 1"


@pytest.fixture(autouse=True)
def _shops(engine: Engine) -> None:
    """Three shops with two items each; the first has a visit."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for key, name in enumerate(("ann", "bob", "cat"), 1):
            session.add(Shop(id=key, name=name, town="Ulm", items=[Item(), Item()]))
        session.add_all([Visit(shop_id=1), Page(id=1, text="first")])


def taken_out(engine: Engine, *options: object) -> Shop:
    """Return the first shop, detached by a close."""
    with Session(engine) as session:
        return session.get(Shop, 1, options=options)


def write(engine: Engine, change: Callable[[Session], object]) -> None:
    """Commit a change in a Session of its own."""
    with Session(engine) as session, session.begin():
        change(session)


def move(session: Session) -> None:
    """Change the town."""
    session.get(Shop, 1).town = "Bonn"


def merge(instance: object) -> Callable[[Session], object]:
    """Return what merges *instance*."""
    return lambda session: session.merge(instance)


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


class TestReading:
    """lazy-load-after-close, lazy-load-in-loop, everything-loaded-at-once, copy-shares-state."""

    def test_a_default_does_not_help(self, engine: Engine) -> None:
        """
        getattr() with a default raises all the same: the error is no AttributeError.
        """
        with pytest.raises(DetachedInstanceError):
            getattr(taken_out(engine), "items", None)

    def test_an_empty_foreign_key_raises_too(self, engine: Engine) -> None:
        """
        A many-to-one whose key is NULL raises on a detached instance, although there is nothing to load.
        """
        with Session(engine) as session:
            session.add(Item(id=50))
            session.commit()
            item = session.get(Item, 50)
            assert item.shop_id is None

        with pytest.raises(DetachedInstanceError):
            item.shop  # noqa: B018

    def test_raiseload_has_an_error_of_its_own(self, engine: Engine) -> None:
        """
        With raiseload a detached instance raises InvalidRequestError, not DetachedInstanceError.
        """
        with pytest.raises(InvalidRequestError, match="lazy='raise'"):
            taken_out(engine, raiseload(Shop.items)).items  # noqa: B018

    @pytest.mark.parametrize(
        ("options", "expected"), [([], 4), ([selectinload(Shop.items)], 2)], ids=["lazy", "selectinload"]
    )
    def test_a_loop_sends_one_statement_for_each_row(
        self, engine: Engine, session: Session, options: list[object], expected: int
    ) -> None:
        """
        Three rows read lazily take one statement and one for each; with selectinload two in all.
        """
        sent = statements(engine)
        for shop in session.scalars(select(Shop).options(*options)).all():
            assert 2 == len(shop.items)

        assert expected == len(sent)

    def test_a_loop_after_commit_sends_one_statement_for_each_row(
        self, engine: Engine, session: Session
    ) -> None:
        """
        After a commit each expired row is fetched by a statement of its own.
        """
        shops = session.scalars(select(Shop)).all()
        session.commit()
        sent = statements(engine)

        assert ["ann", "bob", "cat"] == [shop.name for shop in shops]
        assert 3 == len(sent)

    def test_all_keeps_every_instance_and_portions_do_not(self, session: Session) -> None:
        """
        During a loop over all() every instance is alive; with yield_per those of one portion.
        """
        everything = most_alive(session.scalars(select(Shop)).all(), session)
        portions = most_alive(session.scalars(select(Shop).execution_options(yield_per=1)), session)

        assert everything == 3
        assert portions < 3

    def test_a_dynamic_relationship_of_a_detached_parent_is_empty(self, engine: Engine) -> None:
        """
        It answers with an empty list and a warning, whatever the database holds.
        """
        shop = taken_out(engine)

        with pytest.warns(SAWarning, match="is detached"):
            visits = list(shop.log)

        assert ([], 1) == (visits, in_database(engine, "SELECT count(*) FROM visit WHERE shop_id = 1"))


def most_alive(shops: Iterable[Shop], session: Session) -> int:
    """Iterate, and return the greatest number of instances the Session held meanwhile."""
    most = 0
    for _ in shops:
        gc.collect()
        most = max(most, len(session.identity_map))
    return most


def statements(engine: Engine) -> list[str]:
    """Return a list that every statement is appended to from now on."""
    sent: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    return sent


def test_two_threads_at_once_pass_unnoticed(engine: Engine, session: Session) -> None:
    """
    session-shared: once a Session is connected, two threads that overlap on SQLite get no error.
    """
    session.connection()
    barrier = Barrier(2, timeout=10)
    event.listen(engine, "before_cursor_execute", lambda *arguments: barrier.wait())
    counts: list[int | None] = []

    def count() -> None:
        counts.append(session.scalar(select(func.count()).select_from(Shop)))

    threads = [Thread(target=count), Thread(target=count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [3, 3] == counts


def test_a_lazy_load_in_a_thread_uses_the_same_connection(engine: Engine, session: Session) -> None:
    """
    instance-handed-over: what a worker thread reads from a row runs in the transaction of the row's Session.
    """
    shop, connections = session.get(Shop, 1), []
    event.listen(engine, "before_cursor_execute", lambda *arguments: connections.append(arguments[0]))
    worker = Thread(target=lambda: shop.items)
    worker.start()
    worker.join()

    assert [session.connection()] == connections


def test_model_dump_of_an_expired_row_is_empty(engine: Engine) -> None:
    """
    expired-instance-serialised: SQLModel's model_dump() gives {} after a commit.
    """
    sqlmodel = pytest.importorskip("sqlmodel")

    class Town(sqlmodel.SQLModel, table=True):
        id: int | None = sqlmodel.Field(default=None, primary_key=True)
        name: str

    sqlmodel.SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        town = Town(name="Ulm")
        session.add(town)
        session.commit()

        assert {} == town.model_dump()
