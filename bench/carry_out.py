"""The tables of the way out: rows to bytes, database to bytes, bytes to rows."""

from __future__ import annotations

import functools
import pickle
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

import tether
from bench.carry_tables import Table, Variant
from bench.orders import Base, Customer, Item, Order, fill, load
from bench.peers import HAND, PEERS, Encoder, alike, hand, with_orjson
from tether.carry.pausing import collector_paused

OURS = "tether.dumps(tether.snapshot(orders))"


def ready(orders: list[Order]) -> tuple[dict[str, Encoder], dict[str, str]]:
    """Return the encoders that can run here, each checked against the hand-written one, and why others cannot."""
    wanted = alike(with_orjson()(orders))
    encoders: dict[str, Encoder] = {}
    unavailable: dict[str, str] = {}
    for name, make in PEERS.items():
        try:
            encoders[name] = make()
        except ImportError as error:
            unavailable[name] = str(error)
            continue
        if alike(encoders[name](orders)) != wanted:
            raise SystemExit(f"{name} does not write what the hand-written code does")
    return encoders, unavailable


def ours(orders: list[Order]) -> bytes:
    """Return tether's document."""
    return tether.dumps(tether.snapshot(orders))


def ours_msgpack(orders: list[Order]) -> bytes:
    """Return tether's document as MessagePack."""
    return tether.dumps(tether.snapshot(orders), format="msgpack")


def check(orders: list[Order], write: Encoder) -> None:
    """Insist that a document of tether's holds every value that the hand-written dicts hold."""
    if hand(tether.loads(write(orders), Base)) != hand(orders):
        raise SystemExit("what tether.loads() gives is not what was written")


def size(_prepared: Any, result: Any) -> dict[str, object]:
    """Return how long the bytes are, where there are any."""
    return {"MB": round(len(result) / 1e6, 2)} if isinstance(result, bytes) else {}


def extract(orders: int) -> Table:
    """Return the table of the way from loaded rows to bytes."""
    engine = shop(orders)
    rows = load(Session(engine, expire_on_commit=False))
    encoders, unavailable = ready(rows)
    check(rows, ours)
    check(rows, ours_msgpack)
    encoders |= {OURS: ours, f"{OURS} again": ours, "the same as MessagePack": ours_msgpack}
    variants = [
        Variant(name, functools.partial(on, rows, write), finish=size) for name, write in encoders.items()
    ]
    parts: dict[str, Callable[[Any], object]] = {
        "(tether.snapshot alone)": lambda _: tether.snapshot(rows),
        "(hand-written dicts alone)": lambda _: hand(rows),
        "pickle of the instances": lambda _: pickle.dumps(rows, protocol=5),
    }
    variants += [Variant(name, run, finish=size) for name, run in parts.items()]
    variants.append(
        Variant("(tether.dumps alone)", tether.dumps, lambda: tether.snapshot(rows), finish=size),
    )
    title = f"EXTRACT: {orders} orders, {3 * orders} items and their customers, loaded; to bytes"
    return Table(title, HAND, variants, unavailable)


def on(rows: list[Order], write: Encoder, _prepared: object) -> bytes:
    """Write the rows."""
    return write(rows)


def end_to_end(orders: int) -> Table:
    """Return the table of the way from the database to bytes."""
    engine = shop(orders)
    with Session(engine) as session:
        rows = load(session)
        encoders, unavailable = ready(rows)
        check(rows, ours)
        if alike(through_core(engine)) != alike(with_orjson()(rows)):
            raise SystemExit("the rows of Core are not those of the ORM")
        del rows
    encoders[OURS] = ours
    variants = [
        Variant(f"ORM load + {name}", functools.partial(loaded, engine, write), finish=size)
        for name, write in encoders.items()
    ]
    variants += [
        Variant("(ORM load alone)", lambda _: loaded(engine, bytes_of_nothing)),
        Variant("(ORM load alone, collector paused)", lambda _: paused(engine, orders, bytes_of_nothing)),
        Variant(
            f"ORM load + {HAND}, collector paused",
            lambda _: paused(engine, orders, with_orjson()),
            finish=size,
        ),
        Variant(f"ORM load + {OURS}, collector paused", lambda _: paused(engine, orders, ours), finish=size),
        Variant(
            "(limit: Core rows to structs by hand + msgspec)", lambda _: through_core(engine), finish=size
        ),
    ]
    title = f"END TO END: {orders} orders, {3 * orders} items and their customers; SQLite file to bytes"
    return Table(title, f"ORM load + {HAND}", variants, unavailable)


def loaded(engine: Engine, write: Encoder, _prepared: object = None) -> bytes:
    """Load through the ORM, and write."""
    with Session(engine) as session:
        return write(load(session))


def paused(engine: Engine, orders: int, write: Encoder) -> bytes:
    """Do the same while the collector rests."""
    with collector_paused(orders):
        return loaded(engine, write)


def bytes_of_nothing(_orders: list[Order]) -> bytes:
    """Write nothing."""
    return b""


@functools.cache
def structs() -> tuple[Any, Any, Any]:
    """Return a struct for each table."""
    return tuple(  # type: ignore[return-value]
        msgspec.defstruct(class_.__name__, [*class_.__table__.columns.keys(), *more], gc=False)
        for class_, more in ((Customer, ()), (Item, ()), (Order, ("customer", "items")))
    )


def through_core(engine: Engine) -> bytes:
    """Read rows without the ORM and put them together by hand: what nobody can be much faster than."""
    customer, item, order = structs()
    with engine.connect() as connection:
        customers = {row[0]: customer(*row) for row in connection.execute(select(Customer.__table__))}
        items: dict[int, list[Any]] = {}
        for row in connection.execute(select(Item.__table__).order_by(Item.id)):
            items.setdefault(row[1], []).append(item(*row))
        rows = connection.execute(select(Order.__table__).order_by(Order.id))
        return msgspec.json.encode(
            [order(*row, customers[row.customer_id], items.get(row.id, [])) for row in rows]
        )


def back_from_bytes(orders: int) -> Table:
    """Return the table of the way from bytes to rows that can be read."""
    engine = shop(orders)
    with Session(engine, expire_on_commit=False) as session:
        rows = load(session)
    written = {"JSON": ours(rows), "MessagePack": ours_msgpack(rows)}
    plain = with_orjson()(rows)
    plain_loads = import_module("orjson").loads
    pickled = pickle.dumps(rows, protocol=5)
    variants = [
        Variant("orjson.loads of the hand-written JSON: dicts and text", lambda _: plain_loads(plain)),
        Variant("orjson.loads of the hand-written JSON: dicts and text again", lambda _: plain_loads(plain)),
        Variant("pickle.loads of the instances", lambda _: pickle.loads(pickled)),
    ]
    for name, data in written.items():
        variants.append(Variant(f"tether.loads, {name}", functools.partial(read, data)))
        variants.append(
            Variant(f"tether.loads, {name}, and every value read", functools.partial(read_all, data))
        )
    title = f"LOADS: {orders} orders, {3 * orders} items and their customers; bytes to rows"
    return Table(title, variants[0].name, variants)


def read(data: bytes, _prepared: object = None) -> list[Order]:
    """Return what tether makes of a document."""
    found: list[Order] = tether.loads(data, Base)
    return found


def read_all(data: bytes, _prepared: object = None) -> object:
    """Read every attribute of every row too."""
    return hand(read(data))


def shop(orders: int) -> Engine:
    """Return a filled database in a file of its own, which is removed when the process ends."""
    folder = _folders[0] if _folders else tempfile.TemporaryDirectory(prefix="tether-bench-")
    _folders.append(folder)
    engine = create_engine(f"sqlite:///{Path(folder.name) / f'{orders}.sqlite'}")
    fill(engine, orders)
    return engine


_folders: list[tempfile.TemporaryDirectory[str]] = []  # kept until the process ends
