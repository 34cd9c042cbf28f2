"""Rows with equal identity keys in different databases, or different schemas, are different rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

import tether
from tests.watch.flavours.people import Order, User, fill
from tests.watch.flavours.telling import told

OUTDATED = "outdated-read: loaded <load>, detached <end> (close), committed <commit> (commit), used <use>"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """
    A second database with the same rows.
    """
    engine = create_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    fill(engine)
    yield engine
    engine.dispose()


def rename(engine: Engine) -> None:
    """Commit a new name in a Session of its own."""
    with Session(engine) as session:
        session.get(User, 1).name = "renamed"
        session.commit()  # <commit>


def read_after_rename(engine: Engine, renamed: Engine) -> list[str]:
    """Read a detached row of *engine* after the row with its key was renamed in *renamed*."""
    with tether.watching() as report:
        with Session(engine) as session:  # <end>
            user = session.get(User, 1)  # <load>
        rename(renamed)
        _ = user.name  # <use>
    return told(report.findings)


def test_newer_row_of_the_same_database_is_told(engine: Engine) -> None:
    """
    A detached row is outdated once this process has committed a newer version of it.
    """
    assert [OUTDATED] == read_after_rename(engine, engine)


def test_second_engine_on_the_same_database_is_the_same_database(engine: Engine) -> None:
    """
    Two engines of one URL speak of the same rows.
    """
    second = create_engine(engine.url)
    found = read_after_rename(engine, second)
    second.dispose()

    assert [OUTDATED] == found


def test_row_of_another_database_is_another_row(engine: Engine, other: Engine) -> None:
    """
    A commit to one database says nothing about the row with the same key in another.
    """
    assert [] == read_after_rename(engine, other)


def test_each_database_in_memory_is_its_own() -> None:
    """
    Two engines on ``sqlite://`` have the same URL, and nothing else in common.
    """
    engines = [create_engine("sqlite://"), create_engine("sqlite://")]
    for engine in engines:
        fill(engine)
    same, other = read_after_rename(engines[0], engines[0]), read_after_rename(engines[0], engines[1])
    for engine in engines:
        engine.dispose()

    assert ([OUTDATED], []) == (same, other)


def test_session_on_two_databases_knows_the_rows_of_both(engine: Engine, other: Engine) -> None:
    """
    A Session that binds each class to a database of its own is compared database by database.
    """
    with tether.watching() as report:
        with Session(binds={User: engine, Order: other}) as session:  # <end>
            user = session.get(User, 1)  # <load>
            session.get(Order, 1)
        rename(engine)
        _ = user.name  # <use>

    assert [OUTDATED] == told(report.findings)


class Tenants(DeclarativeBase):
    """Base of the model below."""


class Page(Tenants):
    """A row of a tenant."""

    __tablename__ = "page"
    __table_args__ = {"schema": "tenant"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


@pytest.mark.parametrize("renamed, expected", [("one", [OUTDATED]), ("two", [])])
def test_schema_of_another_tenant_holds_another_row(
    tmp_path: Path, renamed: str, expected: list[str]
) -> None:
    """
    Where schemas are translated, one engine has many rows with the same identity key.
    """
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        for name in ("one", "two"):
            connection.execute(text(f"ATTACH '{tmp_path / name}.db' AS {name}"))
    tenants = {
        name: engine.execution_options(schema_translate_map={"tenant": name}) for name in ("one", "two")
    }
    for tenant in tenants.values():
        Tenants.metadata.create_all(tenant)
        with Session(tenant) as session, session.begin():
            session.add(Page(id=1, name="a"))

    with tether.watching() as report:
        with Session(tenants["one"]) as session:  # <end>
            page = session.get(Page, 1)  # <load>
        with Session(tenants[renamed]) as session:
            session.get(Page, 1).name = "renamed"
            session.commit()  # <commit>
        _ = page.name  # <use>
    engine.dispose()

    assert expected == told(report.findings)


@pytest.mark.parametrize("nested", [False, True])
def test_row_that_is_flushed_twice_is_newer_in_both_attributes(engine: Engine, nested: bool) -> None:
    """
    A row flushed again with another attribute, also in a savepoint, is newer in what each flush wrote.
    """
    with tether.watching() as report:
        with Session(engine) as session:  # <end>
            order = session.get(Order, 1)  # <load>
        with Session(engine) as session:
            other = session.get(Order, 1)
            other.what = "newer"
            session.flush()
            with session.begin_nested() if nested else nullcontext():
                other.user_id = 2
                session.flush()
            session.commit()  # <commit>
        _ = order.what  # <use>
        _ = order.user_id  # <use>

    assert [OUTDATED, OUTDATED] == told(report.findings)
    assert {"Order.what", "Order.user_id"} == {finding.subject for finding in report.findings}
