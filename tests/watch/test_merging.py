"""What ``merge()`` does to rows that somebody else has changed, where the case files do not reach."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

import tether
from tether.core.config import Config


class Base(DeclarativeBase):
    """Base of these tests' models."""


class Invoice(Base):
    """The one invoice of an order."""

    __tablename__ = "invoice"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("bill.id"), unique=True)


class Bill(Base):
    """An order with at most one invoice."""

    __tablename__ = "bill"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None]
    invoice: Mapped[Invoice | None] = relationship(cascade="all, delete-orphan", single_parent=True)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """
    A database with one order and no invoice.
    """
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Bill(id=1, text="a"))
    yield engine
    engine.dispose()


def the_bill(session: Session) -> Bill:
    """Return the order, persistent; ``Session.get_one()`` is newer than the oldest SQLAlchemy."""
    bill = session.get(Bill, 1)
    assert bill is not None
    return bill


def load(engine: Engine) -> Bill:
    """Return the order, detached, with its invoice loaded."""
    with Session(engine) as session:
        bill = the_bill(session)
        _ = bill.invoice
        return bill


def found(report: tether.Report) -> list[tuple[str, str]]:
    """Return hazard and subject of each finding."""
    return [(finding.hazard, finding.subject) for finding in report.findings]


def test_an_unchanged_parent_removes_somebodys_one_to_one(engine: Engine) -> None:
    """
    merge() of an order that was loaded without an invoice deletes the invoice somebody has added since.
    """
    with tether.watching(config=Config()) as report:
        bill = load(engine)
        with Session(engine) as session, session.begin():
            the_bill(session).invoice = Invoice(id=5)
        with Session(engine) as session, session.begin():
            session.merge(bill)
        with Session(engine) as session:
            left = session.get(Invoice, 5)

    assert None is left
    assert [("merge-over-newer-row", "Bill.invoice")] == found(report)


def test_my_own_one_to_one_is_nobodys_loss(engine: Engine) -> None:
    """
    merge() of an order that got its invoice here, twice, is silent.
    """
    with tether.watching(config=Config()) as report:
        bill = load(engine)
        bill.invoice = Invoice(id=5)
        for _ in range(2):
            with Session(engine) as session, session.begin():
                session.merge(bill)

    assert [] == found(report)


def test_a_change_that_left_in_a_pickle_is_not_discarded(engine: Engine) -> None:
    """
    A change that was pickled before the close, and saved from the pickle, is not reported.
    """
    with tether.watching(config=Config()) as report:
        with Session(engine) as session:
            bill = the_bill(session)
            bill.text = "b"
            data = pickle.dumps(bill)
        del bill
        with Session(engine) as session, session.begin():
            session.add(pickle.loads(data))
        with Session(engine) as session:
            text = the_bill(session).text

    assert "b" == text
    assert [] == found(report)
