"""The cache changes no result of the engine: files of a small shop are edited, moved and deleted at random."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import chdir
from itertools import count
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from tether.check.front.analysis import Analyser, read_file
from tether.check.front.cache import Cache, key_of
from tether.check.front.checking import Checked, check
from tether.check.front.judging import Wanted, judge
from tether.check.syntax import make_analyser
from tether.core.config import Config
from tether.hazards import all_hazards

HEAD = """\
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

engine = create_engine("sqlite://")


class Base(DeclarativeBase): ...


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))


"""
USER = """\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list[Order]] = relationship({})
"""
MODELS = [f"{HEAD}{USER.format(lazy)}\n\nmake = sessionmaker(engine)\n" for lazy in ("", 'lazy="selectin"')]
REPOSITORY = [
    f"from {m} import User, engine\nfrom sqlalchemy.orm import Session\n\n\n"
    f"def load(key: int) -> User:\n    with Session(engine{e}) as session:\n"
    f"        user = session.get(User, key)\n        {c}\n        return user\n"
    for m in ("models", "shop.models")
    for e in ("", ", expire_on_commit=False")
    for c in ("session.commit()", "pass", "user.orders")
]
VIEWS = [
    f"# what a session loaded\n"
    f"from {m} import load\n\n\ndef show(key: int) -> str:\n    user = load(key)\n    return {r}\n\n\n"
    f"def rename(key: int) -> None:\n    load(key).name = 'Ada'\n"
    for m in ("repository", "shop.repository", "nowhere")
    for r in ("user.name", "str(len(user.orders))")
]
EXPORTS = ["", "from models import *\n", "from shop.repository import load\n"]
KINDS = {"models": MODELS, "repository": REPOSITORY, "views": VIEWS, "__init__": EXPORTS}
NAMES = ["models.py", "repository.py", "views.py", "shop/__init__.py", "shop/models.py", "shop/repository.py"]
LATER = 10_000_000_000

writes = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(KINDS[Path(name).stem]))
)
steps = writes | st.tuples(st.sampled_from(NAMES), st.none() | st.sampled_from(NAMES))
BEGINNING = {"models.py": MODELS[0], "repository.py": REPOSITORY[0], "views.py": VIEWS[1]}


def take(step: tuple[str, str | None], times: count[int]) -> None:
    """Write, delete or rename one file."""
    path, what = Path(step[0]), step[1]
    if what is not None and what not in NAMES:
        path.parent.mkdir(exist_ok=True)
        path.write_text(what, encoding="utf-8")
        os.utime(path, ns=(0, next(times) * 1000))
    elif path.exists() and what is None:
        path.unlink()
    elif path.exists() and what is not None:
        Path(what).parent.mkdir(exist_ok=True)
        path.replace(what)


def checked(cache: Cache | None) -> Checked:
    paths = sorted(path.as_posix() for path in Path().rglob("*.py"))

    def make(some: list[str]) -> Analyser:
        return make_analyser(some, str(Path.cwd()), Config(), read_file)

    return check(paths, make, cache, now=lambda: time.time_ns() + LATER)


def told(result: Checked) -> list[tuple[str, int, int, str, str]]:
    """Return what a person sees of the findings."""
    wanted = Wanted(hazards=all_hazards(), level="hint", known=all_hazards())
    return [
        (finding.path, finding.line, finding.column, finding.hazard, finding.message)
        for finding in judge(result.answers, wanted).findings
    ]


@given(st.lists(st.lists(steps, max_size=2), max_size=5))
@example([[("models.py", MODELS[1])], [("repository.py", REPOSITORY[4])], [("models.py", "shop/models.py")]])
def test_the_findings_are_those_of_a_run_without_the_cache(
    rounds: list[list[tuple[str, str | None]]],
) -> None:
    """
    After any edits, additions, deletions and renames, a run with the cache tells what a fresh run tells.
    """
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        times, said = count(1), list[str]()
        for step in BEGINNING.items():
            take(step, times)
        key = key_of(Config(), ["."], "3")
        checked(Cache("cache", key, said.append))
        for edits in rounds:
            for step in edits:
                take(step, times)

            assert told(checked(None)) == told(checked(Cache("cache", key, said.append)))
        assert [] == said
