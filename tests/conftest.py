"""What every test may ask for, and what the run says about servers that are missing."""

from __future__ import annotations

import gc
import os
import signal
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, Engine, create_engine

from tests import servers

pytest_plugins = ["pytester"]

# The same sample in each run, and a long search for `make test-all`. No deadline: a machine may be busy.
settings.register_profile("sample", derandomize=True, max_examples=30, deadline=None, database=None)
settings.register_profile(
    "all", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("sample")

# A shell that starts the run in the background has it ignore these, and so would every program the tests start.
for number, handler in (("SIGINT", signal.default_int_handler), ("SIGQUIT", signal.SIG_DFL)):
    if hasattr(signal, number) and signal.getsignal(getattr(signal, number)) is signal.SIG_IGN:
        signal.signal(getattr(signal, number), handler)

FIXTURES = {
    "postgresql_url": servers.POSTGRESQL,
    "mariadb_url": servers.MARIADB,
    "redis_url": servers.REDIS,
    "rabbitmq_url": servers.RABBITMQ,
}
SKIPPED_FOR = "skipped for want of"  # key of a user property of the test's report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a server."""
    for item in items:
        if FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker("server")


def need(server: servers.Server, request: pytest.FixtureRequest) -> None:
    """Skip the test if *server* does not answer; with CI=true fail it."""
    refusal = servers.refusal(server)
    if not refusal:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{refusal} (CI=true: servers are not optional)", pytrace=False)
    # A user property travels from the processes of pytest-xdist to the one that prints the summary.
    request.node.user_properties.append((SKIPPED_FOR, server.name))
    pytest.skip(refusal)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say how many tests were skipped for want of which server, just before pytest's closing line."""
    yield
    reports = terminalreporter.stats.get("skipped", [])
    missing = Counter(
        name
        for report in reports
        for key, name in getattr(report, "user_properties", ())
        if key == SKIPPED_FOR
    )
    for server in FIXTURES.values():
        if count := missing[server.name]:
            tests = "1 test" if count == 1 else f"{count} tests"
            terminalreporter.write_line(
                f"{tests} skipped: no {server.name} at {server.address} (set {server.variable})", yellow=True
            )


EACH = 200  # tests after which all garbage is collected
_finished = count(1)


@pytest.fixture(autouse=True)
def _only_the_tests_own_objects_are_searched() -> Iterator[None]:
    """Let ``gc.collect()`` in a test look at what the test made, not at the hundreds of megabytes of the run."""
    gc.freeze()
    yield
    gc.unfreeze()
    if next(_finished) % EACH == 0:  # what is frozen is never collected
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nobody knows any more which test left a connection open
            gc.collect()


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[URL]:
    """
    A PostgreSQL database of the test's own, dropped afterwards.

    The driver is psycopg; `.set(drivername="postgresql+asyncpg")` gives another.
    """
    need(servers.POSTGRESQL, request)
    with servers.own_postgresql_database() as url:
        yield url


@pytest.fixture
def mariadb_url(request: pytest.FixtureRequest) -> Iterator[URL]:
    """
    A MariaDB database of the test's own, dropped afterwards; the driver is pymysql.
    """
    need(servers.MARIADB, request)
    with servers.own_mariadb_database() as url:
        yield url


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """
    The address of a Redis that other tests use at the same time: use keys of your own and delete them.
    """
    need(servers.REDIS, request)
    return servers.REDIS.address


@pytest.fixture
def rabbitmq_url(request: pytest.FixtureRequest) -> str:
    """
    The address of a RabbitMQ that other tests use at the same time: use queues of your own and delete them.
    """
    need(servers.RABBITMQ, request)
    return servers.RABBITMQ.address


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    """
    An Engine on an empty SQLite file.
    """
    engine = create_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    yield engine
    engine.dispose()
