"""A watch is switched on and off without a trace, and its modes do what they say."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, exc
from sqlalchemy.orm import Session
from sqlalchemy.orm import exc as orm_exc
from sqlalchemy.orm.state import InstanceState

import tether
from tests.watch.customers import Customer, open_customers
from tether.core.config import Config
from tether.orm.private import NAMES


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Engine]:
    """
    An engine on a shop with five customers.
    """
    engine = open_customers(tmp_path)
    yield engine
    engine.dispose()


def wrapped_names() -> set[str]:
    """Return the names of SQLAlchemy's that are wrapped right now."""
    held = {name: getattr(entry.owner(), entry.attribute) for name, entry in NAMES.items()}
    return {name for name, function in held.items() if getattr(function, "__tether__", False)}


def refreshed_away(engine: Engine) -> Customer:
    """Change a customer and lose the change by a refresh."""
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        assert customer is not None
        customer.name = "lost"
        session.refresh(customer)
        return customer


def found(report: tether.Report) -> set[str]:
    """Return the names of the hazards in a report."""
    return {finding.hazard for finding in report.findings}


def test_off_means_off() -> None:
    """
    After the last stop() no wrapper, finalizer, mark or changed exception class is left.
    """
    originals = {
        cls: vars(cls).get("__init__") for cls in (orm_exc.DetachedInstanceError, exc.MissingGreenlet)
    }
    start = threading.Thread.start
    with tether.watching(config=Config()):
        assert wrapped_names() >= {"detach", "modified", "execute", "read"}
        assert "__del__" in vars(Session)

    assert set() == wrapped_names()
    assert "__del__" not in vars(Session)
    assert [] == [name for name in vars(InstanceState) if name.startswith("_tether")]
    assert originals == {cls: vars(cls).get("__init__") for cls in originals}
    assert start is threading.Thread.start


def test_nested_watches_count(shop: Engine) -> None:
    """
    An inner watching() joins the outer one, and its end leaves the outer one on.
    """
    with tether.watching(config=Config()) as outer:
        with tether.watching() as inner:
            refreshed_away(shop)
        assert "detach" in wrapped_names()

    assert outer is inner
    assert {"change-discarded"} == found(outer)


def test_stop_without_start_says_what_to_do() -> None:
    """
    stop() without a running watch is an error that names start().
    """
    with pytest.raises(RuntimeError, match=r"tether\.start\(\)"):
        tether.stop()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "shout"}, "collect, warn, log, raise"),
        ({"only": ["write-while-detachd"]}, "write-while-detached"),
        ({"sampel": 0.5}, "sample"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], words: str) -> None:
    """
    A mode, hazard or option nobody knows is a ConfigError that lists what there is, and nothing is started.
    """
    with pytest.raises(tether.ConfigError, match=words):
        tether.start(**{"config": Config(), **options})

    assert set() == wrapped_names()


def test_only_installs_what_it_needs() -> None:
    """
    With one hazard asked for, hooks that it does not need are not installed.
    """
    with tether.watching(only=["lazy-load-after-close"], config=Config()):
        wrapped = wrapped_names()

    assert set() == wrapped & {"read", "execute", "flush", "merge", "modified", "all_rows"}


def _arguments(function: Callable[..., Any]) -> Any:
    code = inspect.unwrap(function).__code__, function.__code__
    return [c.co_varnames[: c.co_argcount + c.co_kwonlyargcount] for c in code]


def test_public_methods_keep_their_parameters() -> None:
    """
    Code that looks at the parameters of Session's methods sees the same names as without the watch.
    """
    with tether.watching("raise", config=Config()):
        methods = {name: _arguments(m) for name, m in vars(Session).items() if hasattr(m, "__tether__")}

    public = {name: names for name, names in methods.items() if not name.startswith("_")}
    assert public
    assert {} == {name: names for name, names in public.items() if names[0] != names[1]}


def test_collect_is_silent(shop: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Mode collect writes nothing and warns of nothing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tether.watching(config=Config()) as report:
            refreshed_away(shop)

    assert {"change-discarded"} == found(report)
    assert ("", "") == tuple(capsys.readouterr())


def test_warn_points_at_the_users_line(shop: Engine) -> None:
    """
    Mode warn issues a TetherWarning whose file and line are the finding's.
    """
    with pytest.warns(tether.TetherWarning) as caught, tether.watching("warn", config=Config()) as report:
        refreshed_away(shop)

    finding = report.findings[0]
    assert [(finding.path, finding.line)] == [(w.filename, w.lineno) for w in caught]


def test_log_goes_to_the_logger_tether(shop: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """
    Mode log writes one line for each finding to the logger "tether".
    """
    with caplog.at_level(logging.WARNING, "tether"), tether.watching("log", config=Config()) as report:
        refreshed_away(shop)

    finding = report.findings[0]
    expected = f"{finding.path}:{finding.line} change-discarded: {finding.message}"
    assert [("tether", logging.ERROR, expected)] == caplog.record_tuples


def test_raise_comes_before_a_refresh_drops_the_change(shop: Engine) -> None:
    """
    Mode raise stops refresh() before it forgets the change, and the Session goes on.
    """
    with tether.watching("raise", config=Config()), Session(shop) as session:
        customer = session.get(Customer, 1)
        assert customer is not None
        customer.name = "kept"
        with pytest.raises(tether.HazardError, match="change-discarded"):
            session.refresh(customer)
        session.commit()
        name = customer.name

    assert "kept" == name


def test_raise_after_a_close_leaves_it_closed(shop: Engine) -> None:
    """
    Mode raise lets close() do all its work first: the connection is back in the pool.
    """
    with tether.watching("raise", config=Config()):
        session = Session(shop)
        session.add(Customer(id=9))
        session.flush()
        with pytest.raises(tether.HazardError, match="never-committed") as caught:
            session.close()

    assert not session.in_transaction()
    assert "0" == shop.pool.status().split("Checked out connections: ")[-1][:1]
    assert ["never-committed"] == [finding.hazard for finding in caught.value.findings]


def test_raise_does_not_replace_an_error_of_sqlalchemy(shop: Engine) -> None:
    """
    Mode raise leaves a DetachedInstanceError what it is, and raises nothing afterwards.
    """
    with tether.watching("raise", config=Config()):
        with Session(shop) as session:
            customer = session.get(Customer, 1)
        assert customer is not None
        with pytest.raises(orm_exc.DetachedInstanceError):
            _ = customer.orders
        with Session(shop) as session:
            session.get(Customer, 2)


def test_sampling_takes_an_even_share(shop: Engine) -> None:
    """
    With sample=0.25, one Session of four is watched, in the order they are made.
    """
    with tether.watching(sample=0.25, config=Config()) as report:
        for _ in range(8):
            refreshed_away(shop)

    assert [("change-discarded", 2)] == [(f.hazard, f.count) for f in report.findings]


def test_a_comment_allows_a_hazard_at_its_line(shop: Engine) -> None:
    """
    An allow comment on the line silences that hazard there, and no other line.
    """
    with tether.watching(config=Config()) as report, Session(shop) as session:
        customer = session.get(Customer, 1)
        assert customer is not None
        customer.name = "a"
        session.refresh(customer)  # tether: allow[change-discarded] the form was abandoned
        customer.name = "b"
        session.refresh(customer)

    assert 1 == len(report.findings)
    assert "session.refresh(customer)" == report.findings[0].where.text


def test_a_class_can_be_allowed(shop: Engine) -> None:
    """
    per-class in the configuration silences a hazard for one model.
    """
    config = Config(per_class=(("Customer", frozenset({"change-discarded"})),))
    with tether.watching(config=config) as report:
        refreshed_away(shop)

    assert [] == report.findings


def test_data_is_printed_only_if_asked_for(shop: Engine) -> None:
    """
    Messages name no primary key unless values=True.
    """
    with tether.watching(config=Config()) as silent, Session(shop) as session:
        _leave_open(session)
    with tether.watching(values=True, config=Config()) as open_, Session(shop) as session:
        _leave_open(session)

    assert "Customer#" not in str(silent)
    assert "Customer#(3,)" in str(open_)


def _leave_open(session: Session) -> None:
    customer = session.get(Customer, 3)
    session.close()
    with pytest.raises(orm_exc.DetachedInstanceError):
        _ = customer.orders  # type: ignore[union-attr]


def test_importing_the_watch_costs_nothing_until_it_starts() -> None:
    """
    Importing tether.watch imports neither SQLAlchemy's hooks nor detectors.
    """
    code = "import sys, tether.watch; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()
