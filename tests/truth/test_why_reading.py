"""What the hazards' words state about reading, and the table of S1 to S6 does not hold."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import InvalidRequestError, SAWarning
from sqlalchemy.orm import Session, raiseload, selectinload
from sqlalchemy.orm.exc import DetachedInstanceError

from tests.truth.models import in_database
from tests.truth.shops import Item, Shop, fill, taken_out


@pytest.fixture(autouse=True)
def _shops(engine: Engine) -> None:
    """Three shops in the database."""
    fill(engine)


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
