"""Calls that no Session and no instance has a part in are run once, and end for each caller as they would for it."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.check.engines import engine_over
from tether.check.front.analysis import Analysis
from tether.check.interpreting.flow import Run

MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    orders: Mapped[list["Order"]] = relationship()

class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


def analysed(*files: str) -> dict[str, Analysis]:
    """Return what one engine says of files of the working directory, asked in this order."""
    engine = engine_over(*sorted(files))
    return {file: engine.analyse(file) for file in files}


def found_in(program: str) -> list[tuple[str, str]]:
    """Return hazard and source line of what is found in a program."""
    Path("program.py").write_text(f"{MODELS}\n{program}", encoding="utf-8")
    lines = Path("program.py").read_text(encoding="utf-8").splitlines()
    findings = analysed("program.py")["program.py"].findings
    return [
        (finding.hazard, lines[finding.line - 1].strip())
        for finding in findings
        if finding.severity != "hint"
    ]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each function is run."""
    counted: Counter[str] = Counter()
    begin = Run.begin

    def counting(self: Run, *args: Any, **more: Any) -> Any:
        counted[self.activation.body.qualname] += 1
        return begin(self, *args, **more)

    monkeypatch.setattr(Run, "begin", counting)
    return counted


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_is_run_once(runs: Counter[str]) -> None:
    """
    A call that reads a setting is run once for all its callers, whatever text each gives, and once by itself.
    """
    found_in("""
def setting(name):
    return name.upper()

def one(session: Session):
    return session.get(User, setting("one"))

def two(session: Session):
    return session.get(User, setting("two")), session.get(User, setting("three"))
""")
    assert runs["setting"] == 2


ENDED = """
def f(engine):
    with Session(engine) as session:
        user = session.get(User, 1)
    {between}
    return user.orders
"""
READ = [("lazy-load-after-close", "return user.orders")]


@pytest.mark.parametrize(
    ("helpers", "between", "expected"),
    [
        ("def log(text): print(text)", 'log("read")', READ),
        ("def stop(text): raise ValueError(text)", 'stop("no")', []),
        ("def stop(text):\n    raise ValueError(text)\ndef halt(text): stop(text)", 'halt("no")', []),
        ("def stop(text):\n    if text: raise ValueError(text)", 'stop("no")', READ),
        ("def flag(text): return False", 'if flag("a"): user = None', READ),
        ("def flag(text): return True", 'if flag("a"): return None', []),
        ("def down(n): return down(n - 1) if n else 0", "down(5)", READ),
        ("def ping(n): return pong(n)\ndef pong(n): return ping(n)", "ping(5)", READ),
        ("async def wait(n): return n", "wait(1)", READ),
    ],
)
def test_how_it_ends(helpers: str, between: str, expected: list[tuple[str, str]]) -> None:
    """
    What comes behind a plain call is reached where it returns, and not where it always raises.
    """
    assert found_in(helpers + ENDED.format(between=between)) == expected


def test_what_it_gives_is_used() -> None:
    """
    An object that a plain call made, and a function that it gave, are followed by its callers.
    """
    program = """
class Reader:
    def __init__(self, name):
        self.name = name
    def close(self, session):
        session.close()

def reader(name):
    return Reader(name)

def closing(name):
    return Reader(name).close

def f(engine):
    session = Session(engine)
    user = session.get(User, 1)
    reader("a").close(session)
    print(user.orders)

def g(engine):
    session = Session(engine)
    user = session.get(User, 1)
    closing("a")(session)
    return user.orders
"""
    assert found_in(program) == [("lazy-load-after-close", "print(user.orders)"), *READ]


def test_what_it_changes_is_changed_for_the_caller() -> None:
    """
    A field that a plain call sets is set on the object of its caller; the fields that it leaves alone keep their text.
    """
    program = """
class Options:
    def __init__(self, name):
        self.name = name
        self.verb = "end"
        self.keep = False
    def loose(self):
        self.keep = True

def end(options, session):
    if options.verb == "end" and not options.keep:
        session.close()

def ended(engine):
    session = Session(engine)
    options = Options("end")
    user = session.get(User, 1)
    end(options, session)
    return user.orders

def kept(engine):
    session = Session(engine)
    options = Options("end")
    options.loose()
    user = session.get(User, 1)
    end(options, session)
    orders = user.orders
    session.close()
    return orders
"""
    assert found_in(program) == READ


def test_callers_get_objects_of_their_own() -> None:
    """
    Two calls make two objects: what one caller puts into its own is not in the other's.
    """
    program = """
class Box:
    def __init__(self, name):
        self.session = None

def box(name):
    return Box(name)

def f(engine):
    session, other = Session(engine), Session(engine)
    mine, theirs = box("mine"), box("theirs")
    mine.session, theirs.session = session, other
    user = session.get(User, 1)
    theirs.session.close()
    orders = user.orders
    session.close()
    return orders

def g(engine):
    session, other = Session(engine), Session(engine)
    mine, theirs = box("mine"), box("theirs")
    mine.session, theirs.session = session, other
    user = session.get(User, 1)
    mine.session.close()
    other.close()
    return user.orders
"""
    assert found_in(program) == READ


def test_what_opens_a_session_is_not_plain() -> None:
    """
    A call that makes a Session of its own is run for what it does with it, for each caller.
    """
    program = """
def user_of(engine, number):
    with Session(engine) as session:
        return session.get(User, number)

def f(engine):
    return user_of(engine, 1).orders
"""
    assert [hazard for hazard, _ in found_in(program)] == ["lazy-load-after-close"]


CIRCLE = {
    "models.py": MODELS,
    "a.py": """
from b import b
def a(n):
    b(n)
    return not n
""",
    "b.py": """
from c import c
def b(n):
    return c(n)
""",
    "c.py": """
import a
def c(n):
    return a.a(n)
""",
    "use.py": """
from sqlalchemy.orm import Session
from models import User
from a import a
from b import b
from c import c
def f(engine):
    session = Session(engine)
    user = session.get(User, 1)
    a(1), b(2), c(3)
    session.close()
    return user.orders
""",
}


def test_the_order_of_the_files_does_not_matter() -> None:
    """
    Functions that call each other in a circle give the same answer whichever file is asked about first.
    """
    for name, text in CIRCLE.items():
        Path(name).write_text(text, encoding="utf-8")
    expected = analysed(*CIRCLE)
    assert [finding.hazard for finding in expected["use.py"].findings] == ["lazy-load-after-close"]
    assert all(analysed(*order) == expected for order in permutations(CIRCLE))
