"""A program that uses every public name. Type checkers read it (`make types`); it is not run."""

from __future__ import annotations

from typing import assert_type

from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import tether
from tether import ConfigError, Finding, HazardError, Place, Report


def watch_a_part() -> list[Finding]:
    """A with block gives a report of findings."""
    with tether.watching() as report:
        assert_type(report, Report)
    assert_type(report.disabled, list[str])
    return report.findings


def watch_from_here_to_there() -> Report:
    """Options are keywords, and are checked."""
    assert_type(tether.start("warn", only=["never-committed"], sample=0.5, values=False), Report)
    return tether.stop()


def story(finding: Finding) -> list[str]:
    """A finding has places, and plain values only."""
    assert_type(finding.places, tuple[Place, ...])
    assert_type(finding.line, int)
    return [f"{place.path}:{place.line} {place.text}" for place in finding.places]


def fails() -> str:
    """Errors carry facts."""
    try:
        with tether.watching(mode="raise"):
            pass
    except HazardError as error:
        assert_type(error.findings, tuple[Finding, ...])
    except ConfigError as error:
        return f"{error.where}: {error.problem}"
    return ""


class Base(DeclarativeBase):
    """The program's own."""


class Order(Base):
    """A row."""

    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


def change(session: Session) -> bytes:
    """A draft is an Order to a type checker; what it can do more are functions, since Order has no such methods."""
    snap = tether.snapshot(session.get_one(Order, 1), include=[Order.title])
    draft = tether.edit(snap)
    assert_type(draft, Order)
    draft.title = "other"
    assert_type(tether.new(draft, Order, title="second"), Order)
    assert_type(tether.is_changed(draft), bool)
    for changed in tether.changes(draft):
        assert_type(changed.attribute, str)
    return tether.dumps(draft)
