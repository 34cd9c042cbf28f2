"""What only some mappings have: shards, SQLModel, values kept elsewhere, a class mapped late."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.ext.horizontal_shard import ShardedSession
from sqlalchemy.orm import Session, relationship
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlmodel import Field, Relationship, SQLModel
from sqlmodel import Session as SQLModelSession

import tether
from tests.watch.flavours.telling import told
from tests.watch.flavours.test_mappings import LAZY, LOST, declarative, filled


class Team(SQLModel, table=True):
    """A parent."""

    __tablename__ = "flavour_team"
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Player(SQLModel, table=True):
    """A child."""

    __tablename__ = "flavour_player"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="flavour_team.id")
    team: Any = Relationship(sa_relationship=relationship("Team"))


def test_row_of_a_shard_has_an_identity_token(tmp_path: Path) -> None:
    """
    A row of one shard is not taken for the row with the same primary key of another.
    """
    metadata, row, key = declarative()
    parent = type(row)
    engines = {name: create_engine(f"sqlite:///{tmp_path / name}.db") for name in ("east", "west")}
    for engine in engines.values():
        metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add(parent(id=1, name="a"))

    def opened() -> ShardedSession:
        return ShardedSession(
            shards=engines,
            shard_chooser=lambda mapper, instance, clause=None: inspect(instance).identity_token,
            identity_chooser=lambda mapper, primary_key, **options: ["east", "west"],
            execute_chooser=lambda context: ["east", "west"],
        )

    with tether.watching() as report:
        with opened() as session:  # <end>
            east = session.get(parent, key, identity_token="east")  # <load>
            west = session.get(parent, key, identity_token="west")
        with opened() as session:
            session.get(parent, key, identity_token="east").name = "b"
            session.commit()  # <commit>
        names = [east.name, west.name]  # <use>
    for engine in engines.values():
        engine.dispose()

    assert ["a", "a"] == names
    story = "outdated-read: loaded <load>, detached <end> (close), committed <commit> (commit), used <use>"
    assert [story] == told(report.findings)


def test_class_mapped_after_the_watch_began_is_watched(sqlite_engine: Engine) -> None:
    """
    A class may be mapped at any time: the watch knows no list of classes.
    """
    with tether.watching() as report:
        parent, key = filled(sqlite_engine, declarative)
        with Session(sqlite_engine) as session:  # <end>
            row = session.get(parent, key)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = row.children  # <use>

    assert [LAZY] == told(report.findings)


def test_sqlmodel_tells_its_story(sqlite_engine: Engine) -> None:
    """
    SQLModel's classes and its Session are SQLAlchemy's.
    """
    SQLModel.metadata.create_all(sqlite_engine, [Team.__table__, Player.__table__])
    with tether.watching() as report:
        with SQLModelSession(sqlite_engine) as session:
            session.add(Player(id=1, name="a", team=Team(id=1, name="b")))
            session.commit()
        with SQLModelSession(sqlite_engine) as session:  # <end>
            row = session.get(Player, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = row.team  # <use>
        row.name = "b"  # <write>
        del row

    assert [LAZY, LOST] == told(report.findings)


def test_dump_of_an_expired_sqlmodel_is_told(sqlite_engine: Engine) -> None:
    """
    SQLModel's model_dump() reads ``__dict__``, so an expired row gives an empty dictionary.
    """
    SQLModel.metadata.create_all(sqlite_engine, [Team.__table__, Player.__table__])
    with tether.watching() as report, SQLModelSession(sqlite_engine) as session:
        row = Team(id=1, name="a")  # <make>
        session.add(row)
        session.commit()  # <expire>
        dumped = row.model_dump()  # <use>

    assert {} == dumped
    story = "expired-instance-serialised: created <make>, expired <expire> (commit), used <use>"
    assert [story] == told(report.findings)


CUSTOM = '''
import sys
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.ext.instrumentation import InstrumentationManager
from sqlalchemy.orm import Session, registry
import tether


class Manager(InstrumentationManager):
    """Keeps values and state where SQLAlchemy does not expect them, as its documentation shows."""

    def install_state(self, class_, instance, state):
        object.__setattr__(instance, "_kept_state", state)

    def get_instance_dict(self, class_, instance):
        return object.__getattribute__(instance, "__dict__").setdefault("_kept_values", {})

    def initialize_instance_dict(self, class_, instance):
        object.__getattribute__(instance, "__dict__").setdefault("_kept_values", {})

    def state_getter(self, class_):
        return lambda instance: object.__getattribute__(instance, "_kept_state")

    def dict_getter(self, class_):
        return lambda instance: self.get_instance_dict(class_, instance)


mapping = registry()


class Plain:
    """Mapped as usual, beside."""
    __tablename__ = "plain"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Kept:
    """Its values are in a dictionary of their own."""
    __sa_instrumentation_manager__ = Manager
    __tablename__ = "kept"
    id = Column(Integer, primary_key=True)
    name = Column(String)


if sys.argv[1] == "before":
    mapping.mapped(Plain), mapping.mapped(Kept)
with tether.watching() as report:
    if sys.argv[1] != "before":
        mapping.mapped(Plain), mapping.mapped(Kept)
    engine = create_engine("sqlite://")
    mapping.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Plain(id=1, name="a"), Kept(id=1, name="a")])
    with Session(engine) as session:
        plain, kept = session.get(Plain, 1), session.get(Kept, 1)
        read = [plain.name, kept.name]
        kept.name = "b"
        session.commit()
        read += [plain.name, kept.name]
    with Session(engine) as session:
        lost = session.get(Kept, 1)
    lost.name = "c"
    read.append(lost.name)
    del lost
print(read)
print([(finding.hazard, finding.subject) for finding in report.findings])
print(report.disabled)
'''


@pytest.mark.parametrize("when", ["before", "after"])
def test_custom_instrumentation_goes_on_working(tmp_path: Path, when: str) -> None:
    """
    Values kept elsewhere (sqlalchemy.ext.instrumentation) are read and written as without a watch.
    """
    program = tmp_path / "custom.py"
    program.write_text(CUSTOM)
    result = subprocess.run(
        [sys.executable, str(program), when], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert "" == result.stderr
    read, found, disabled = result.stdout.splitlines()
    assert "['a', 'a', 'a', 'b', 'c']" == read
    assert "[('write-while-detached', 'Kept.name')]" == found
    assert "[]" == disabled
