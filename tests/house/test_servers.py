"""The fixtures for database servers and brokers, in runs of pytest of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pymysql
import pytest
from sqlalchemy import URL, create_engine, inspect, text

Run = Callable[..., pytest.RunResult]

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "127.0.0.1:1"  # nothing listens on port 1
USES_EACH_SERVER = """
def test_postgresql(postgresql_url): pass
def test_mariadb(mariadb_url): pass
def test_mariadb_again(mariadb_url): pass
def test_redis(redis_url): pass
def test_rabbitmq(rabbitmq_url): pass
def test_plain(): pass
"""


@pytest.fixture
def run_without_servers(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """
    Run the tests of USES_EACH_SERVER with our conftest, where no server answers.
    """
    pytester.makeconftest("from tests.conftest import *")
    pytester.makepyfile(USES_EACH_SERVER)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TETHER_TEST_POSTGRESQL", f"postgresql://postgres@{NOBODY}/test")
    monkeypatch.setenv("TETHER_TEST_MARIADB", f"mysql://root@{NOBODY}/test")
    monkeypatch.setenv("TETHER_TEST_REDIS", f"redis://{NOBODY}/0")
    monkeypatch.setenv("TETHER_TEST_RABBITMQ", f"amqp://guest:guest@{NOBODY}//")

    def run(*arguments: str, ci: str = "") -> pytest.RunResult:
        monkeypatch.setenv("CI", ci)
        settings = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(pytester.path))
        return pytester.runpytest_subprocess(
            *settings, "-p", "no:cacheprovider", *arguments, str(pytester.path)
        )

    return run


@pytest.mark.parametrize("workers", [[], ["--numprocesses=2"]], ids=["one process", "xdist"])
def test_without_servers_tests_skip_and_the_last_lines_say_why(
    run_without_servers: Run, workers: list[str]
) -> None:
    """
    Without servers their tests skip, and the lines before the closing one say how many, for which server.
    """
    result = run_without_servers(*workers)
    last_lines = result.outlines[-5:-1]

    assert {"passed": 1, "skipped": 5} == result.parseoutcomes()
    assert 0 == result.ret
    assert [
        f"1 test skipped: no PostgreSQL at postgresql://postgres@{NOBODY}/test (set TETHER_TEST_POSTGRESQL)",
        f"2 tests skipped: no MariaDB at mysql://root@{NOBODY}/test (set TETHER_TEST_MARIADB)",
        f"1 test skipped: no Redis at redis://{NOBODY}/0 (set TETHER_TEST_REDIS)",
        f"1 test skipped: no RabbitMQ at amqp://guest:guest@{NOBODY}// (set TETHER_TEST_RABBITMQ)",
    ] == last_lines


@pytest.mark.parametrize("workers", [[], ["--numprocesses=2"]], ids=["one process", "xdist"])
def test_in_ci_a_missing_server_fails_the_run(run_without_servers: Run, workers: list[str]) -> None:
    """
    With CI=true a test that lacks its server is an error, and the run fails.
    """
    result = run_without_servers(*workers, ci="true")

    assert {"passed": 1, "errors": 5} == result.parseoutcomes()
    assert pytest.ExitCode.TESTS_FAILED == result.ret


def test_tests_that_use_a_server_can_be_left_out(run_without_servers: Run) -> None:
    """
    Whoever asks for a server's fixture is marked `server`.
    """
    result = run_without_servers("-m", "not server")

    assert {"passed": 1, "deselected": 5} == result.parseoutcomes()


def test_a_skipped_test_without_a_server_is_not_counted_for_one(
    pytester: pytest.Pytester, run_without_servers: Run
) -> None:
    """
    A test that skips itself says so by itself.
    """
    pytester.makepyfile("import pytest\ndef test_it(): pytest.skip('not today')")

    result = run_without_servers()

    assert "skipped: no" not in result.stdout.str()


def test_postgresql_database_is_empty_and_ones_own(postgresql_url: URL) -> None:
    """
    The PostgreSQL database holds nothing, is not the shared one, and takes tables.
    """
    engine = create_engine(postgresql_url)
    tables = inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customer (id integer PRIMARY KEY)"))
    engine.dispose()

    assert "test" != postgresql_url.database
    assert [] == tables


def test_mariadb_database_is_empty_and_ones_own(mariadb_url: URL) -> None:
    """
    The MariaDB database holds nothing, is not the shared one, and takes tables.
    """
    engine = create_engine(mariadb_url)
    tables = inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customer (id integer PRIMARY KEY)"))
    engine.dispose()

    assert "test" != mariadb_url.database
    assert [] == tables


LEAVES_AN_OPEN_TRANSACTION = """
from sqlalchemy import create_engine, text
kept = []
def test_it({fixture}):
    connection = create_engine({fixture}).connect()
    connection.execute(text("CREATE TABLE customer (id integer PRIMARY KEY)"))
    connection.execute(text("INSERT INTO customer VALUES (1)"))
    kept.append(connection)
    print("database:", {fixture}.database)
"""


@pytest.fixture
def abandoned_database(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """
    Run a test that leaves a transaction open in its database, and return the database's name.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(fixture: str) -> str:
        pytester.makeconftest("from tests.conftest import *")
        pytester.makepyfile(LEAVES_AN_OPEN_TRANSACTION.format(fixture=fixture))
        settings = ("-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"))
        result = pytester.runpytest_subprocess(*settings, "-s", str(pytester.path))
        assert {"passed": 1} == result.parseoutcomes()
        return next(line.split()[-1] for line in result.outlines if "database:" in line)

    return run


def test_postgresql_database_is_dropped_whoever_still_uses_it(
    abandoned_database: Callable[[str], str], postgresql_url: URL
) -> None:
    """
    Afterwards the PostgreSQL database is gone, also if the test left a transaction open.
    """
    name = abandoned_database("postgresql_url")
    address = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)

    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname = %s", (name,)).fetchall()

    assert [] == found


def test_mariadb_database_is_dropped_whoever_still_uses_it(
    abandoned_database: Callable[[str], str], mariadb_url: URL
) -> None:
    """
    Afterwards the MariaDB database is gone, also if the test left a transaction open.
    """
    name = abandoned_database("mariadb_url")
    facts = mariadb_url.translate_connect_args(username="user")

    with pymysql.connect(**facts) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        found = [database for (database,) in cursor.fetchall() if database == name]

    assert [] == found
