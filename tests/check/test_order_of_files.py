"""What is said of a file does not depend on the files that were looked at before it."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.check.engines import engine_over

FLASK = """
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()

class {name}(db.Model):
    id = db.Column(db.Integer, primary_key=True)

CACHE = {{}}

def load(key):
    CACHE[key] = {name}.query.filter_by(id=key).one()

def other(key):
    return db.session.get({name}, key)
"""
JOINED = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker
from zope.sqlalchemy import register

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

DBSession = scoped_session(sessionmaker(create_engine("sqlite:///shop.db")))
register(DBSession)
"""
READING = """
import transaction
from {module} import DBSession, User

def work():
    user = DBSession.get(User, 1)
    transaction.commit()
    print(user.id)
"""
PROGRAMS = {
    "the extension, twice": {
        "one.py": FLASK.format(name="User"),
        "two.py": FLASK.format(name="Order"),
    },
    "transactions, twice": {
        "one.py": JOINED,
        "two.py": JOINED,
        "use_one.py": READING.format(module="one"),
        "use_two.py": READING.format(module="two"),
    },
}
FOUND = {
    "the extension, twice": {"one.py": ["instance-kept"], "two.py": ["instance-kept"]},
    "transactions, twice": {
        "one.py": [],
        "two.py": [],
        "use_one.py": ["expired-read-after-close"],
        "use_two.py": ["expired-read-after-close"],
    },
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_ambient_sessions_are_those_of_the_file(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    ``Model.query`` and ``transaction.commit()`` are about the Session of what the file imports, in whatever order.
    """
    monkeypatch.chdir(tmp_path)
    files = PROGRAMS[program]
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")

    for order in permutations(files):
        engine = engine_over(*sorted(files))
        answers = {name: engine.analyse(name) for name in order}
        found = {name: [finding.hazard for finding in answers[name].findings] for name in files}
        assert FOUND[program] == found, order


RING = {
    "app.py": "from flask_sqlalchemy import SQLAlchemy\n\ndb = SQLAlchemy()\n\nimport views\n",
    "models.py": """
from app import db

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String)
""",
    "views.py": """
from app import db
from models import User

def rename(key):
    user = User.query.filter_by(id=key).one()
    user.name = "Ada"
    db.session.refresh(user)
""",
}


def test_models_in_a_ring_of_imports_have_the_session_of_their_extension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the application imports its views at its end, `db` was not there when the class was looked at first.
    """
    monkeypatch.chdir(tmp_path)
    for name, text in RING.items():
        Path(name).write_text(text, encoding="utf-8")

    for order in permutations(RING):
        engine = engine_over(*sorted(RING))
        answers = {name: engine.analyse(name) for name in order}
        assert ["change-discarded"] == [finding.hazard for finding in answers["views.py"].findings], order
