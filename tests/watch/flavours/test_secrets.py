"""No value of any column reaches a finding, an error or the report, unless it is asked for."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Engine, ForeignKey, LargeBinary, String, create_engine, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import NullPool

import tether
from tether.errors import DetectorDisabledWarning
from tether.hazards import all_hazards
from tether.watch.detectors.lazy_load_after_close import LazyLoadAfterClose

# What the programs below do wrong makes SQLAlchemy warn, too.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

SENTINEL = "5ecret"


class Base(DeclarativeBase):
    """Base of the models."""


class Account(Base):
    """Every column holds a secret, the primary key and the column that is not loaded among them."""

    __tablename__ = "account"
    key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    name: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    blob: Mapped[bytes] = mapped_column(LargeBinary)
    later: Mapped[str] = mapped_column(String, deferred=True)
    cards: Mapped[list[Card]] = relationship(back_populates="account", cascade="all, delete-orphan")
    visits = relationship("Visit", lazy="dynamic")

    def __repr__(self) -> str:
        return f"Account({self.key!r}, {self.__dict__!r})"


class Card(Base):
    """A child whose primary key is a secret too."""

    __tablename__ = "card"
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    account_key: Mapped[str | None] = mapped_column(ForeignKey("account.key"))
    account: Mapped[Account | None] = relationship(back_populates="cards")

    def __repr__(self) -> str:
        return f"Card({self.__dict__!r})"


class Visit(Base):
    """A child that is reached by a query of its own."""

    __tablename__ = "visit"
    key: Mapped[str] = mapped_column(primary_key=True)
    account_key: Mapped[str | None] = mapped_column(ForeignKey("account.key"))


def account(number: int) -> Account:
    """Return a new row full of secrets."""
    return Account(
        key=f"{SENTINEL}-key-{number}",
        number=int("73" * 5),
        name=f"{SENTINEL} name",
        data={SENTINEL: SENTINEL},
        blob=SENTINEL.encode(),
        later=f"{SENTINEL} later",
        cards=[Card(key=f"{SENTINEL}-card-{number}-{each}", name=SENTINEL) for each in range(3)],
    )


ROWS = 4
SECRETS = (SENTINEL, "73" * 5)


@contextmanager
def opened() -> Iterator[Engine]:
    """Give an Engine on rows full of secrets; a row that is locked is refused at once."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/secrets.db"
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 0})
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add_all([account(number) for number in range(ROWS)])
        yield engine
        gc.collect()
        engine.dispose()


# ------------------------------------------------------------------ mistakes of all kinds


class Program:
    """A program that makes one mistake after the other, on a handful of rows and Sessions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.session = Session(engine)
        self.rows: list[Account] = []
        self.errors: list[BaseException] = []

    def load(self, number: int) -> None:
        """Load a row and keep it."""
        row = self.session.get(Account, f"{SENTINEL}-key-{number}")
        if row is not None:
            self.rows.append(row)

    def row(self, number: int) -> Account:
        """Return one of the rows so far, or a new one."""
        return self.rows[number % len(self.rows)] if self.rows else account(9)

    def read(self, number: int) -> None:
        """Read everything of a row."""
        row = self.row(number)
        for name in ("name", "cards", "later", "data", "key"):
            with self.noting():
                getattr(row, name)
        with self.noting():
            list(row.visits)

    def write(self, number: int) -> None:
        """Change a row."""
        row = self.row(number)
        row.name = f"{SENTINEL} changed"
        row.number = int("73" * 5) + number
        row.data = {"new": SENTINEL}

    def append(self, number: int) -> None:
        """Add a child."""
        self.row(number).cards.append(
            Card(key=f"{SENTINEL}-{len(self.errors)}-{id(object())}", name=SENTINEL)
        )

    def end(self, number: int) -> None:
        """End the Session in one of many ways."""
        ways = ("close", "commit", "rollback", "expunge_all", "expire_all", "flush")
        getattr(self.session, ways[number % len(ways)])()

    def leave(self, number: int) -> None:
        """Drop the Session, and open another."""
        self.session = Session(self.engine)
        gc.collect()

    def refresh(self, number: int) -> None:
        """Refresh or expire one row."""
        row = self.row(number)
        self.session.refresh(row) if number % 2 else self.session.expire(row)

    def merge(self, number: int) -> None:
        """Merge a row, and throw the result away."""
        self.session.merge(self.row(number))

    def add(self, number: int) -> None:
        """Add a row, or a copy of it, to a second Session."""
        if number % 2:
            Session(self.engine).add(self.row(number))
        else:
            self.session.add(account(number))
            self.session.flush()

    def elsewhere(self, number: int) -> None:
        """Change or delete the row behind the program's back."""
        with Session(self.engine) as session, session.begin():
            row = session.get(Account, f"{SENTINEL}-key-{number}")
            if row is not None and number == 3:
                session.delete(row)
            elif row is not None:
                row.name = f"{SENTINEL} elsewhere"
                row.cards.clear()

    def copy(self, number: int) -> None:
        """Pickle and copy a row, and write to the copy."""
        row = self.row(number)
        pickle.loads(pickle.dumps(row))
        copy.copy(row).name = SENTINEL

    def hand_over(self, number: int) -> None:
        """Give a row to a thread."""
        thread = threading.Thread(target=len, args=([self.row(number)],))
        thread.start()
        thread.join()

    def loop(self, number: int) -> None:
        """Load row by row."""
        for row in self.session.scalars(select(Account)):
            list(row.cards)

    def everything(self, number: int) -> None:
        """Fetch all rows only to count them."""
        for row in self.session.scalars(select(Account)).all():
            inspect(row)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what is raised, and go on."""
        try:
            yield
        except SQLAlchemyError as error:
            self.errors.append(error)


STEPS = [
    name
    for name, value in vars(Program).items()
    if callable(value) and name not in ("__init__", "row", "noting")
]
programs = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), min_size=3, max_size=25)


def watched(steps: list[tuple[str, int]], **options: Any) -> tuple[Any, Program]:
    """Run a program under the watch, and return the report and the program."""
    kept.clear()
    with opened() as engine:
        with tether.watching(only=all_hazards(), loop_threshold=2, rows_threshold=2, **options) as report:
            program = Program(engine)
            for step, number in steps:
                with program.noting():
                    getattr(program, step)(number)
            kept.extend(program.rows)
            program.rows.clear()
            report.finish()
        kept.clear()
        program.session.close()
    return report, program


kept: list[Account] = []


@pytest.fixture(scope="module", autouse=True)
def _collections_are_short() -> Iterator[None]:
    """Hide what was there before from the garbage collector, which the programs run often."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def leaked(words: str) -> bool:
    """Return True if a value of the database is in *words*."""
    return any(secret in words for secret in SECRETS)


def written(report: Any) -> Iterator[str]:
    """Yield everything that a report can be turned into, less the source lines, which are the program's."""
    for finding in report.findings:
        yield " ".join([finding.message, finding.help, finding.subject, finding.fingerprint])
        for place in finding.places:
            yield " ".join([place.role, place.path, place.function, place.cause, place.note])
    yield " ".join(report.disabled)


ONE_BY_ONE: list[list[tuple[str, int]]] = [
    [("load", 0), *((step, number) for step in STEPS for number in (0, 1) if step not in ("end", "leave"))],
    [("load", 0), ("load", 1), ("end", 0), ("write", 0), ("elsewhere", 1), ("read", 1)],
    [("load", 0), ("end", 0), ("elsewhere", 0), ("merge", 0)],
    [("load", 0), ("write", 0), ("refresh", 1), ("write", 0), ("leave", 0), ("load", 1), ("copy", 1)],
    [("loop", 0), ("everything", 0)],
    [("load", 0), ("write", 0), ("end", 5), ("end", 0)],
    [("load", 0), ("end", 1), ("hand_over", 0), ("copy", 0), ("end", 0), ("read", 0)],
]


def test_programs_make_most_mistakes_there_are() -> None:
    """
    The property is about something: one program after the other makes most kinds of mistakes.
    """
    found = {finding.hazard for steps in ONE_BY_ONE for finding in watched(steps)[0].findings}

    assert {
        "change-discarded",
        "copy-shares-state",
        "everything-loaded-at-once",
        "expired-instance-serialised",
        "expired-read-after-close",
        "instance-kept",
        "instance-of-another-session",
        "session-never-closed",
        "instance-handed-over",
        "lazy-load-after-close",
        "lazy-load-in-loop",
        "merge-over-newer-row",
        "never-committed",
        "outdated-read",
        "swallowed-database-error",
        "transient-copy-of-row",
        "write-while-detached",
    } <= found


@given(steps=programs)
@example(steps=ONE_BY_ONE[0])
@example(steps=ONE_BY_ONE[1])
@example(steps=ONE_BY_ONE[2])
@example(steps=ONE_BY_ONE[3])
@example(steps=ONE_BY_ONE[4])
@example(steps=ONE_BY_ONE[5])
@example(steps=ONE_BY_ONE[6])
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_no_value_is_told(steps: list[tuple[str, int]]) -> None:
    """
    Whatever a program does, no value of a column is in its findings or in what is added to its errors.
    """
    report, program = watched(steps)
    added = [note for error in program.errors for note in getattr(error, "__notes__", ())]
    added += [str(error).partition("[tether:")[2].partition("]")[0] for error in program.errors]

    assert [] == [words for words in (*written(report), *added) if leaked(words)]


@pytest.mark.filterwarnings("ignore::tether.errors.TetherWarning")
def test_detector_that_raises_does_not_tell_what_it_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A detector that is switched off is named with the class and the line of its error, not with the text.
    """

    def broken(self: object, event: object) -> None:
        raise KeyError(f"{SENTINEL} was in our hands")

    monkeypatch.setattr(LazyLoadAfterClose, "load_refused", broken)
    with pytest.warns(DetectorDisabledWarning, match="lazy-load-after-close is switched off") as warned:
        report, _ = watched([("load", 0), ("end", 0), ("read", 0)], mode="warn")

    assert [] == [
        words for words in [*report.disabled, *(str(each.message) for each in warned)] if leaked(words)
    ]
    assert f"its detector raised KeyError in {__name__}, line" in " ".join(report.disabled)
