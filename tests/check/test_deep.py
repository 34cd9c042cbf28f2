"""Programs that are deeper than Python's own stack is by default."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from tests.check.engines import engine_over
from tether.check.deep import on_deep_stack

LONG = 400  # modules: eleven calls for each import are four times Python's limit
MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

def user_of(engine):
    with Session(engine) as session:
        user = session.get(User, 1)
        session.commit()
    return user
"""
NESTING = """
def f(rows):
    held = ()
    for row in rows:
        held = (held, row)
    for one in [held]:
        print(one)
"""
USING = "from m1 import user_of\n\ndef show(engine):\n    print(user_of(engine).name)\n"


@pytest.mark.parametrize("last", [MODELS, f"import m0\n{MODELS}"], ids=["chain", "ring"])
def test_a_long_chain_of_imports_is_followed(
    last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What the last of hundreds of modules defines is known in the first, also if that one imports it in a ring.
    """
    monkeypatch.chdir(tmp_path)
    names = [f"m{number}.py" for number in range(LONG)]
    for number, name in enumerate(names[:-1]):
        text = f"from m{number + 1} import user_of\n" if number else USING
        Path(name).write_text(text, encoding="utf-8")
    Path(names[-1]).write_text(last, encoding="utf-8")
    found = engine_over(*names).analyse("m0.py")

    assert ((), [("expired-read-after-close", 4)]) == (
        found.failed,
        [(finding.hazard, finding.line) for finding in found.findings],
    )


def depth(calls: int) -> int:
    """Return how many calls were made in each other."""
    return depth(calls - 1) + 1 if calls else 0


def test_there_is_room_for_thousands_of_calls() -> None:
    """
    Far more calls than usual fit, the limit is as before afterwards, and what the work raises is raised.
    """
    limit = sys.getrecursionlimit()

    assert (5_000, limit) == (on_deep_stack(lambda: depth(5_000)), sys.getrecursionlimit())
    with pytest.raises(KeyError, match="nothing"):
        on_deep_stack(lambda: {}["nothing"])


def test_it_is_deep_enough_inside_itself() -> None:
    """
    Work that is done on a deep stack asks for no other one.
    """
    assert on_deep_stack(lambda: on_deep_stack(lambda: depth(5_000))) == 5_000


def test_work_that_ends_first_leaves_room_for_the_other() -> None:
    """
    Of two works at once, as of two folders in an editor, the one that began later has its room to the end.
    """
    limit, begun, is_over, given = sys.getrecursionlimit(), threading.Event(), threading.Event(), []

    def later() -> int:
        begun.set()
        is_over.wait()
        return depth(5_000)

    other = threading.Thread(target=lambda: given.append(on_deep_stack(later)))

    def first() -> None:
        other.start()
        begun.wait()

    on_deep_stack(first)
    is_over.set()
    other.join()

    assert ([5_000], limit) == (given, sys.getrecursionlimit())


def test_without_memory_for_it_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where no thread with such a stack can be started, the work runs as it is.
    """

    def refuse(_self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)

    assert on_deep_stack(lambda: depth(50)) == 50


def test_a_tuple_of_tuples_that_a_loop_makes_is_no_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A tuple that holds the tuple of the turn before has an end, and so has the analysis of what iterates it.
    """
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(NESTING, encoding="utf-8")

    assert () == engine_over("program.py").analyse("program.py").failed
