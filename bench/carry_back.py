"""The tables of the way back: rows that were changed outside, brought home and flushed.

Three of ten orders have a new total. Timed is from what was carried to the end of the flush; a rollback follows,
so every run starts from the same rows. After each run the rows are compared: exactly the wanted ones have changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, selectinload

import tether
from bench.carry_tables import Table, Variant
from bench.orders import EVERYTHING, Order, fill

NEW = Decimal("1.23")
MERGE = "session.merge() in a loop"
POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
SCHEMA = "tether_bench"
Carried = Any


def chunks(things: list[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of at most *size*."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


def is_changed(order: Any) -> bool:
    """Return whether this is one of the three of ten."""
    return bool(order.id % 10 < 3)


@dataclass
class Run:
    """What one run is given.

    Attributes:
        session: An open Session with a connection.
        carried: What comes home.
        counts: Statements that reach the driver, filled while it runs.
    """

    session: Session
    carried: list[Carried]
    counts: list[str]


class Bench:
    """Rows on one database, and ways to carry them."""

    def __init__(self, engine: Engine, statement: Any, orders: int) -> None:
        self.engine, self.statement = engine, statement
        fill(engine, orders)
        with Session(engine) as session:
            self.before = dict(session.execute(select(Order.id, Order.total)).tuples().all())
        self.after = {key: NEW if key % 10 < 3 else total for key, total in self.before.items()}
        self.seen: list[str] = []
        event.listen(engine, "before_cursor_execute", self.note)

    def note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        """Count a statement."""
        self.seen.append(statement)

    def detached(self) -> list[Order]:
        """Return detached orders, three of ten changed."""
        with Session(self.engine) as session:
            orders = list(session.scalars(self.statement))
        for order in filter(is_changed, orders):
            order.total = NEW
        return orders

    def drafts(self) -> list[Any]:
        """Return drafts, three of ten changed."""
        with Session(self.engine) as session:
            drafts = [snap.edit() for snap in tether.snapshot(list(session.scalars(self.statement)))]
        for draft in filter(is_changed, drafts):
            draft.total = NEW
        return drafts

    def prepare(self, carry: Callable[[], list[Carried]]) -> Callable[[], Run]:
        """Return what makes a run ready."""

        def ready() -> Run:
            carried = carry()
            session = Session(self.engine)
            session.connection()
            self.seen.clear()
            return Run(session, carried, self.seen)

        return ready

    def finish(self, run: Run, result: Any) -> dict[str, object]:
        """Insist on the rows, roll back, and say how many statements it took."""
        found: dict[str, object] = {"statements": len(run.counts)}
        with run.session as session:
            now = dict(
                session.connection().execute(select(Order.__table__.c.id, Order.__table__.c.total)).all()
            )
            if now != self.after:
                raise SystemExit("other rows were changed than should be")
            session.rollback()
        del result
        return found

    def variant(self, name: str, run: Callable[[Run], Any], carry: Callable[[], list[Carried]]) -> Variant:
        """Return a variant of this bench, run once so that it is warm and right."""
        ready = self.prepare(carry)
        return Variant(name, run, ready, self.finish)


def merge(run: Run) -> Any:
    """The loop that the documentation shows."""
    merged = [run.session.merge(order) for order in run.carried]
    run.session.flush()
    return merged


def merge_all(run: Run) -> Any:
    """SQLAlchemy 2.1."""
    merged = run.session.merge_all(run.carried)
    run.session.flush()
    return merged


def prefetch(options: Iterable[Any]) -> Callable[[Run], Any]:
    """Return the best workaround by hand: the rows are read with IN first, then merged without autoflush."""

    def work(run: Run) -> Any:
        kept: list[Order] = []
        with run.session.no_autoflush:
            for some in chunks(run.carried, 500):
                wanted = select(Order).where(Order.id.in_([order.id for order in some])).options(*options)
                kept += run.session.scalars(wanted)
            merged = [run.session.merge(order) for order in run.carried]
        run.session.flush()
        return kept, merged

    return work


COLUMNS = [attribute.key for attribute in inspect(Order).column_attrs]


def by_hand(run: Run) -> Any:
    """Code for these models alone, which overwrites what others changed: read with IN, set what differs, flush."""
    persistent = []
    with run.session.no_autoflush:
        for some in chunks(run.carried, 1000):
            wanted = select(Order).where(Order.id.in_([order.id for order in some]))
            found = {order.id: order for order in run.session.scalars(wanted)}
            for order in some:
                mine, theirs = vars(order), found[order.id]
                held = vars(theirs)
                for name in COLUMNS:
                    if mine[name] != held[name]:
                        setattr(theirs, name, mine[name])
                persistent.append(theirs)
    run.session.flush()
    return persistent


def bulk_update(run: Run) -> Any:
    """The least that must be done: the difference is known, nothing is read, no conflict is seen."""
    run.session.execute(update(Order), [{"id": o.id, "total": o.total} for o in run.carried if is_changed(o)])


def attach(run: Run) -> Any:
    """Ours."""
    persistent = tether.attach(run.session, run.carried)
    run.session.flush()
    return persistent


def table(title: str, bench: Bench, graph: bool) -> Table:
    """Return the variants on one database."""
    options = [selectinload(Order.items), selectinload(Order.customer)] if graph else []
    variants = [
        bench.variant(MERGE, merge, bench.detached),
        bench.variant("IN first, then merge() without autoflush", prefetch(options), bench.detached),
        bench.variant("tether.attach(detached)", attach, bench.detached),
        bench.variant("tether.attach(detached) again", attach, bench.detached),
        bench.variant("tether.attach(drafts)", attach, bench.drafts),
        bench.variant("update(Order), the known difference", bulk_update, bench.detached),
    ]
    if not graph:
        variants.append(bench.variant("by hand, for these models alone", by_hand, bench.detached))
    if hasattr(Session, "merge_all"):
        variants.append(bench.variant("session.merge_all() (2.1)", merge_all, bench.detached))
    for variant in variants:
        prepared = variant.prepare()
        variant.finish(prepared, variant.run(prepared))
    return Table(title, MERGE, variants)


def sqlite() -> Engine:
    """Return an engine on a file that goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="tether-bench-")
    engine = create_engine(f"sqlite:///{Path(folder.name, 'orders.sqlite')}")
    event.listen(engine, "engine_disposed", lambda _: folder.cleanup())
    return engine


def postgresql() -> Engine:
    """Return an engine on a schema of its own."""
    engine = create_engine(POSTGRESQL, connect_args={"options": f"-csearch_path={SCHEMA}"})
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    return engine


def described(orders: int, what: str, database: str) -> str:
    """Return a title."""
    return f"Bring {orders} orders{what} home, three of ten changed, and flush: {database}"


def flat(orders: int) -> Table:
    """Return the table of plain rows on SQLite."""
    return table(
        described(orders, "", "SQLite"), Bench(sqlite(), select(Order).order_by(Order.id), orders), False
    )


def graph(orders: int) -> Table:
    """Return the table of orders with items and customers on SQLite."""
    title = described(orders, " with items and customers", "SQLite")
    return table(title, Bench(sqlite(), EVERYTHING, orders), True)


def flat_postgresql(orders: int) -> Table:
    """Return the table of plain rows on PostgreSQL."""
    title = described(orders, "", "PostgreSQL")
    try:
        engine = postgresql()
    except SQLAlchemyError as error:
        return Table(title, MERGE, [], {MERGE: str(error)})
    return table(title, Bench(engine, select(Order).order_by(Order.id), orders), False)


def graph_postgresql(orders: int) -> Table:
    """Return the table of orders with items and customers on PostgreSQL."""
    title = described(orders, " with items and customers", "PostgreSQL")
    return table(title, Bench(postgresql(), EVERYTHING, orders), True)
