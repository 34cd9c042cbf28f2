"""Where `Query.get()` is seen, and what its fix makes of it."""

from __future__ import annotations

import pytest

from tests.casefile import Case, read_cases
from tests.test_catalogue import ROOT
from tether.check.front.fixing import edited
from tether.check.legacy_query_get import find

CASES = read_cases(ROOT / "tests/cases/legacy-query-get.md")


def fixed(source: str) -> str:
    """Return *source* with every fix made."""
    findings = find("a.py", source)
    return edited(source, [edit for finding in findings if finding.fix for edit in finding.fix.edits])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_cases(case: Case) -> None:
    """
    In each case, the lines that promise it are reported, and no others.
    """
    source = f"{case.setup.code}\n{case.block.in_place}"
    lines = case.setup.code.count("\n") + 1
    found = {(finding.line - lines, finding.hazard) for finding in find("a.py", source)}

    assert case.promises("check") == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("session.query(User).get(1)", "session.get(User, 1)"),
        ("db.session.query(User).get(1)", "db.session.get(User, 1)"),
        ("self.session.query(models.User).get(key)", "self.session.get(models.User, key)"),
        ("session.query(User).get((1, 2))", "session.get(User, (1, 2))"),
        ("session.query(User).get((1))", "session.get(User, (1))"),
        ("session.query(User).get(ident=1)", "session.get(User, ident=1)"),
        ("session.query(User).get(1,)", "session.get(User, 1,)"),
        ("session.query( User, ).get( 1 )", "session.get(User, 1 )"),
        ("session.query(User).get(\n    1\n)", "session.get(User, 1\n)"),
        ("x = (\n    session\n    .query(User)\n    .get(1)\n)", "x = (\n    session.get(User, 1)\n)"),
        ("x = session.query(User) \\\n    .get(1)", "x = session.get(User, 1)"),
        ("make_session().query(User).get(1)", "make_session().get(User, 1)"),
        ("session.query(User).get(1).name", "session.get(User, 1).name"),
        (
            "session.query(User).get(session.query(Order).get(1).user_id)",
            "session.get(User, session.get(Order, 1).user_id)",
        ),
        ("'ä' + session.query(User).get('ö')", "'ä' + session.get(User, 'ö')"),
        ("x = f(\r\n  session.query(User).get(1))\r\n", "x = f(\r\n  session.get(User, 1))\r\n"),
    ],
)
def test_fixes(before: str, after: str) -> None:
    """
    The fix asks the Session, and leaves everything else as it is written.
    """
    assert after == fixed(before)
    assert [] == find("a.py", after)


@pytest.mark.parametrize(
    "source",
    [
        "session.query(User)  # the one\\\n.get(1)".replace("\\\n", "\n").replace("session", "x = (session")
        + ")",
        "(session).query(User).get(1)",
        "session.query((User)).get(1)",
    ],
)
def test_found_without_a_fix(source: str) -> None:
    """
    Where a comment or parentheses stand inside the chain, the call is reported and left to a person.
    """
    assert [None] == [finding.fix for finding in find("a.py", source)]


@pytest.mark.parametrize(
    "source",
    [
        "session.query(User).options(selectinload(User.orders)).get(1)",
        "session.query(User).filter_by(name='a').get(1)",
        "session.query(User, Order).get(1)",
        "session.query(User.id).get(1)",
        "session.query(*models).get(1)",
        "session.query(User).get(*key)",
        "session.query(User).get(k for k in keys)",
        "session.query(User).get()",
        "session.query(User).get(1, 2)",
        "graph.query(User).get(1)",
        "request.query.get('page')",
        "User.query.get(1)",
        "from app import db\nrequest.query.get(db.session)",
        "from app import db\nURL.query.get(db.session)",
        "session.query(User).get(1",
        "session.query(User).get('\0')",
    ],
)
def test_what_is_something_else_is_silent(source: str) -> None:
    """
    Other chains, other objects and what is not Python are left alone.
    """
    assert [] == find("a.py", source)


FLASK = "from app.extensions import db\n\nclass User(db.Model): ...\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{FLASK}User.query.get(1)", f"{FLASK}db.session.get(User, 1)"),
        (
            "db = SQLAlchemy()\ndef f(): return User.query.get(1)",
            "db = SQLAlchemy()\ndef f(): return db.session.get(User, 1)",
        ),
        (
            f"{FLASK}class A(Base):\n @classmethod\n def of(cls, key): return cls.query.get(key)",
            f"{FLASK}class A(Base):\n @classmethod\n def of(cls, key): return db.session.get(cls, key)",
        ),
    ],
)
def test_flask_sqlalchemy(before: str, after: str) -> None:
    """
    `User.query.get()` becomes `db.session.get()` where the module has Flask-SQLAlchemy's db.
    """
    assert after == fixed(before)


@pytest.mark.parametrize(
    "function", ["def f(db): return User.query.get(1)", "def f():\n db = 1\n return User.query.get(1)"]
)
def test_another_db_hides_the_one_of_the_module(function: str) -> None:
    """
    In a function that has a db of its own, nothing is said.
    """
    assert [] == find("a.py", f"{FLASK}{function}")


def test_where_it_is() -> None:
    """
    The finding names line, column in characters, function and class.
    """
    (finding,) = find("a.py", "class A:\n  def f(self, db: 'Session'):\n    'ä'; db.query(User).get(1)\n")
    where = finding.where

    assert (3, 10, "A.f", "User") == (where.line, where.column, where.function, finding.subject)
