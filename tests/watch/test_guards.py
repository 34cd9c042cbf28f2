"""The watch never becomes the program's bug."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

import tether
from tests.watch.customers import Customer, open_customers
from tether.core.config import Config
from tether.core.finding import Finding, Place
from tether.orm import private
from tether.watch import ledger, memory, site
from tether.watch.detectors.change_discarded import ChangeDiscarded
from tether.watch.ledger import Ledger
from tether.watch.memory import CommitLog, Runs
from tether.watch.probes.detaching import Expiring
from tether.watch.site import Sites


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Engine]:
    """
    An engine on a shop with five customers.
    """
    engine = open_customers(tmp_path)
    yield engine
    engine.dispose()


def lose_a_change(engine: Engine) -> str | None:
    """Change a customer, refresh it, and return what it then holds."""
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        assert customer is not None
        customer.name = "lost"
        session.refresh(customer)
        return customer.name


@pytest.mark.filterwarnings("ignore::tether.DetectorDisabledWarning")
def test_a_detector_that_raises_is_switched_off_and_named(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A detector that raises is named once in the report, and the program goes on.
    """

    def broken(self: ChangeDiscarded, event: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ChangeDiscarded, "changes_dropped", broken)
    with tether.watching(config=Config()) as report:
        names = [lose_a_change(shop), lose_a_change(shop)]

    assert ["c1", "c1"] == names
    (sentence,) = report.disabled
    assert sentence.startswith("change-discarded is switched off: its detector raised ZeroDivisionError in ")


@pytest.mark.filterwarnings("ignore::tether.DetectorDisabledWarning")
def test_a_hook_that_raises_passes_through(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A hook whose own work raises is named once, and SQLAlchemy's function still runs.
    """

    def broken(self: Expiring, session: object, state: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Expiring, "expired", broken)
    with tether.watching(config=Config()) as report:
        name = lose_a_change(shop)

    assert "c1" == name
    assert 1 == len(report.disabled)
    assert "'Expiring' raised ZeroDivisionError" in report.disabled[0]


@pytest.mark.filterwarnings("ignore::tether.DetectorDisabledWarning")
def test_a_missing_name_switches_off_only_what_needs_it(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where SQLAlchemy lacks a name, the report says which, and hazards that do not need it are still found.
    """
    gone = replace(private.NAMES["merge"], path="Session._merge_of_the_future")
    monkeypatch.setitem(private.NAMES, "merge", gone)  # type: ignore[arg-type]
    with tether.watching(config=Config()) as report:
        lose_a_change(shop)

    assert ["change-discarded"] == [finding.hazard for finding in report.findings]
    assert any("Session._merge_of_the_future does not exist" in sentence for sentence in report.disabled)
    assert any("merge-over-newer-row is switched off" in sentence for sentence in report.disabled)


@pytest.mark.filterwarnings("ignore::tether.DetectorDisabledWarning")
def test_other_parameters_count_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A name whose parameters are not the expected ones is not wrapped.
    """
    other = replace(private.NAMES["flush"], parameters=("self", "rows"))
    monkeypatch.setitem(private.NAMES, "flush", other)  # type: ignore[arg-type]
    with tether.watching(config=Config()) as report:
        wrapped = hasattr(Session._flush, "__tether__")

    assert not wrapped
    assert any("Session._flush takes (self, objects)" in sentence for sentence in report.disabled)


def test_sqlalchemy_has_every_name_we_wrap() -> None:
    """
    Each name exists in this SQLAlchemy, with the parameters we expect.
    """
    assert [] == [problem for name in private.NAMES.values() if (problem := name.problem())]


def test_nothing_keeps_instances_or_sessions_alive(shop: Engine) -> None:
    """
    Instances and Sessions are collected under the watch as soon as the program lets go of them.
    """
    alive: list[weakref.ref[object]] = []

    def run() -> None:
        session = Session(shop)
        customers = session.scalars(select(Customer)).all()
        for customer in customers:
            customer.name = "changed"
            alive.extend([weakref.ref(customer), *map(weakref.ref, customer.orders)])
        session.commit()
        detached = session.get(Customer, 1)
        assert detached is not None
        _ = detached.orders
        session.close()
        detached.name = "late"
        alive.extend([weakref.ref(detached), weakref.ref(session)])

    with tether.watching(config=Config()) as report:
        run()
        gc.collect()
        left = [reference() for reference in alive if reference() is not None]
        hazards = {finding.hazard for finding in report.findings}

    assert [] == left
    assert "write-while-detached" in hazards


def test_memory_of_queries_is_a_ring() -> None:
    """
    Of very many queries the newest are remembered, and that some were forgotten is known.
    """
    runs = Runs()
    for number in range(memory.MAXIMUM_RUNS + 5):
        runs.add(number, None)

    assert len(runs.sites) <= memory.MAXIMUM_RUNS
    assert memory.MAXIMUM_RUNS + 4 in runs.sites
    assert runs.forgotten


def test_memory_of_commits_is_bounded() -> None:
    """
    The log of commits forgets the rows that were committed longest ago.
    """
    log = CommitLog()
    for number in range(memory.MAXIMUM_COMMITTED + 5):
        log.add(number, "UPDATE", None, 1, ())

    assert memory.MAXIMUM_COMMITTED == len(log.rows)
    assert 0 not in log.rows


def test_memory_of_findings_is_bounded() -> None:
    """
    After a thousand different findings the next ones are counted, not kept.
    """
    book = Ledger(Config(), "collect", frozenset())
    for line in range(1, ledger.MAXIMUM_FINDINGS + 8):
        book.add(Finding("x", "error", "m", Place("used", "a.py", line)))

    assert (ledger.MAXIMUM_FINDINGS, 7) == (len(book.findings()), book.dropped)


def test_memory_of_sites_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A program that makes new code all the time does not grow the table of call sites without end.
    """
    monkeypatch.setattr(site, "MAXIMUM_SITES", 10)
    sites = Sites()
    for number in range(40):
        names: dict[str, object] = {"capture": sites.capture}
        exec(compile("def f(): return capture()", f"/program/{number}.py", "exec"), names)
        names["f"]()  # type: ignore[operator]

    assert len(sites.interned) <= 10


class Hostile(dict[str, object]):
    """A dictionary whose ``values`` is something else, as in SQLAlchemy's own fixtures."""

    values = 3  # type: ignore[assignment]


KEPT_BY_THIS_MODULE = Hostile(a=1)


def test_the_programs_containers_are_read_by_their_built_in_methods() -> None:
    """
    Looking for kept instances runs none of the program's code.
    """
    with tether.watching(only=["instance-kept"], config=Config()) as report:
        pass

    assert [] == report.disabled
