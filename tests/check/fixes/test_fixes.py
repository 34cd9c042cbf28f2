"""The fixes of findings: what they write is run, and check finds nothing in it any more."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest
from sqlalchemy.orm.exc import DetachedInstanceError

from tether.check.front.run import Options, run
from tether.check.syntax import make_analyser

HEAD = """\
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship()


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))


Base.metadata.create_all(engine)
with Session(engine) as setup:
    setup.add(User(id=1, name="ann", orders=[Order(id=1)]))
    setup.commit()


def main():
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fixed(body: str, *, unsafe: bool = False) -> str | None:
    """Return the body of ``main`` after ``--fix``; None if nothing was written."""
    before = HEAD + indent(dedent(body), "    ")
    path = Path("shop.py")
    path.write_text(before, encoding="utf-8")
    run([], Options(fix=True, unsafe_fixes=unsafe, cache=False), make_analyser)
    after = path.read_text(encoding="utf-8")
    return None if after == before else dedent(after.partition("def main():\n")[2])


def ran(path: str = "shop.py") -> object:
    """Return what ``main`` of the file gives when it is run."""
    names: dict[str, object] = {"__name__": "shop"}
    sys.modules.pop("shop", None)
    exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec", dont_inherit=True), names)
    return names["main"]()


def finds_nothing() -> bool:
    return run([], Options(cache=False), make_analyser) == 0


MERGE = """\
with Session(engine) as session:
    user = session.get(User, 1)
with Session(engine) as session:
    session.merge(user)  # {"note": "kept"}
    user.name = "bob"
    session.commit()
with Session(engine) as session:
    return session.get(User, 1).name
"""


def test_the_result_of_merge_is_kept() -> None:
    """
    The change that was lost is saved.
    """
    assert MERGE.replace("    session.merge", "    user = session.merge") == fixed(MERGE)
    assert "bob" == ran()
    assert finds_nothing()


READ = """\
with Session(engine) as session, session.begin():
    user = session.get(User, 1)
    user.name = "eve"  # new
label = "Hello"
return f"{label} {user.name}", user.name.upper()
"""
HOISTED = """\
with Session(engine) as session, session.begin():
    user = session.get(User, 1)
    user.name = "eve"  # new
    user_name = user.name
label = "Hello"
return f"{label} {user_name}", user_name.upper()
"""


def test_a_read_behind_the_end_is_done_before_it() -> None:
    """
    The read that raised is the last thing in the block, and every later one uses its value.
    """
    assert HOISTED == fixed(READ)
    assert ("Hello eve", "EVE") == ran()
    assert finds_nothing()


def test_without_the_fix_it_raises() -> None:
    """
    A safe fix changes no program that works.
    """
    Path("shop.py").write_text(HEAD + indent(READ, "    "), encoding="utf-8")

    with pytest.raises(DetachedInstanceError):
        ran()


CLOSED = """\
session = Session(engine)
user = session.get(User, 1)
session.commit()
session.close()
return user.name
"""


def test_a_read_behind_a_call_is_done_before_it() -> None:
    """
    Where commit() had expired the value, the read stands before commit(), not before close().
    """
    expected = CLOSED.replace("session.commit()", "user_name = user.name\nsession.commit()")
    assert expected.replace("return user.name", "return user_name") == fixed(CLOSED)
    assert "ann" == ran()


LOADED = """\
with Session(engine) as session:
    user = session.scalars(select(User).where(User.id == 1)).one()
    if user.name == "ann":
        user.name = "eve"
    session.flush()
for order in user.orders:
    return order.id
"""


def test_a_relationship_is_read_before() -> None:
    """
    A lazy load that raised is done while the Session is open.
    """
    result = fixed(LOADED) or ""

    assert "    user_orders = user.orders\nfor order in user_orders:" in result
    assert 1 == ran()
    assert finds_nothing()


GUARDED = """\
with Session(engine) as session:
    user = session.get(User, 1)
if user is None:
    return 0
return len(user.orders)
"""


def test_a_relationship_is_loaded_with_the_rows() -> None:
    """
    Where the read cannot be done before, --unsafe-fixes asks for the relationship in the statement.
    """
    loaded = "session.get(User, 1, options=[selectinload(User.orders)])"

    assert None is fixed(GUARDED)
    assert GUARDED.replace("session.get(User, 1)", loaded) == fixed(GUARDED, unsafe=True)
    assert "\nfrom sqlalchemy.orm import selectinload\n" in Path("shop.py").read_text(encoding="utf-8")
    assert 1 == ran()
    assert finds_nothing()


SELECTED = GUARDED.replace("session.get(User, 1)", "session.scalar(select(User).where(User.id == 1))")


def test_a_relationship_is_loaded_with_a_select() -> None:
    """
    The option stands behind the class.
    """
    assert "select(User).options(selectinload(User.orders)).where(" in (fixed(SELECTED, unsafe=True) or "")
    assert 1 == ran()


@pytest.mark.parametrize(
    "body",
    [
        READ.replace("label =", "user_name ="),  # the name is taken
        READ.replace('label = "Hello"', "label = user.name if user else 1"),  # the read is decided there
        READ.replace("label", "user.name = label"),  # it is written to
        READ.replace('    user.name = "eve"  # new\n', '    user.name = "a"; user.id\n'),
        MERGE.replace("session.merge(user)", "other = session.merge(user)"),
        MERGE.replace("session.merge(user) ", "session.merge(user); session.flush() "),
        "with Session(engine) as s, s.begin():\n    user = s.get(User, 1)\nreturn [user.name for _ in 'a']\n",
        "with Session(engine) as s, s.begin():\n    user = s.get(User, 1)\nreturn lambda: user.name\n",
        "with Session(engine) as s, s.begin(): user = s.get(User, 1)\nreturn user.name\n",
    ],
)
def test_nothing_is_written_where_it_is_not_certain(body: str) -> None:
    """
    A person decides.
    """
    assert None is fixed(body)
