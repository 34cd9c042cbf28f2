"""Every prediction about a Session, compared with what commit, rollback and close do to all that is in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapper, Session, close_all_sessions

from tests.explaining.conftest import fill
from tests.explaining.models import Person, Tag, Team
from tests.explaining.situations import SITUATIONS
from tests.explaining.test_consequences import attempt, session_of
from tether.core.states import State
from tether.explaining import explain
from tether.orm.inspect import state_of

WITH_SESSION = [name for name in SITUATIONS if not name.startswith(("transient", "session_c", "made"))]


def now(session: Session, operation: str) -> str:
    text: str = explain(session).to_dict()["now"][operation]
    return text


def number(text: str, word: str) -> int:
    """Return the number that stands before *word*, 0 if the word is not there."""
    match = re.search(rf"(\d+) {word}", text)
    return int(match[1]) if match else 0


def test_every_situation_with_a_session_is_tried(engine: Engine) -> None:
    """
    What the other tests leave out has no Session to explain.
    """
    found = []
    for name, make in SITUATIONS.items():
        close_all_sessions()
        fill(engine)
        found += [name] if session_of(make(engine)[1]) is not None else []

    assert WITH_SESSION == found


@pytest.fixture
def written(engine: Engine) -> Iterator[Counter[str]]:
    """How many instances were inserted and deleted, and rows updated, so far."""
    counts: Counter[str] = Counter()

    def inserted(mapper: object, connection: object, target: object) -> None:
        counts["inserted"] += 1

    def deleted(mapper: object, connection: object, target: object) -> None:
        counts["deleted"] += 1

    def sent(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith("UPDATE"):
            counts["updated"] += len(parameters) if many else 1

    event.listen(engine, "before_cursor_execute", sent)
    event.listen(Mapper, "after_insert", inserted)
    event.listen(Mapper, "after_delete", deleted)
    yield counts
    event.remove(Mapper, "after_insert", inserted)
    event.remove(Mapper, "after_delete", deleted)


@pytest.mark.parametrize("name", WITH_SESSION)
def test_commit_of_a_session_is_predicted(engine: Engine, written: Counter[str], name: str) -> None:
    """
    A commit inserts, updates and deletes as many instances as it says, and expires them or not.
    """
    _instance, kept = SITUATIONS[name](engine)
    session = session_of(kept)
    assert session is not None
    text = now(session, "commit")
    written.clear()
    raised = attempt(session.commit)
    held = list(session.identity_map.values())

    if raised:
        assert f"raises {raised}" == text
        return
    assert number(text, "inserted") == written["inserted"]
    assert number(text, "deleted") == written["deleted"]
    if "rows of relationships" not in text:
        assert number(text, "updated") == written["updated"]
    if held:
        assert {"expires every instance" in text} == {inspect(instance).expired for instance in held}


@pytest.mark.parametrize("name", WITH_SESSION)
def test_rollback_of_a_session_is_predicted(engine: Engine, written: Counter[str], name: str) -> None:
    """
    A rollback writes nothing, expires everything or does nothing at all, as it says.
    """
    _instance, kept = SITUATIONS[name](engine)
    session = session_of(kept)
    assert session is not None
    text, new = now(session, "rollback"), list(session.new)
    held = [instance for instance in session.identity_map.values() if not inspect(instance).expired]
    written.clear()
    session.rollback()
    still = [instance for instance in held if inspect(instance).session is session]

    assert Counter() == written
    assert len(new) == number(text, "new become")
    assert all(state_of(instance) is State.TRANSIENT for instance in new)
    if still:
        assert {"expires every instance" in text} == {inspect(instance).expired for instance in still}


@pytest.mark.parametrize("name", WITH_SESSION)
def test_close_of_a_session_is_predicted(engine: Engine, written: Counter[str], name: str) -> None:
    """
    A close detaches as many instances as it says, makes the new ones transient, and writes nothing.
    """
    _instance, kept = SITUATIONS[name](engine)
    session = session_of(kept)
    assert session is not None
    text, new, held = now(session, "close"), list(session.new), list(session.identity_map.values())
    written.clear()
    session.close()
    states = Counter(state_of(instance) for instance in (*new, *held))

    assert Counter() == written
    assert number(text, "become") == states[State.DETACHED]
    assert number(text, "new become") == states[State.TRANSIENT]
    assert len(new) + len(held) == states.total()


def test_transaction_in_words(engine: Engine) -> None:
    """
    No transaction, one, savepoints in it, and one that a failed flush has ended, each have their words.
    """
    session = Session(engine)
    seen = [explain(session).to_dict()["transaction"]]
    session.begin()
    seen.append(explain(session).to_dict()["transaction"])
    session.begin_nested()
    seen.append(explain(session).to_dict()["transaction"])
    session.begin_nested()
    seen.append(explain(session).to_dict()["transaction"])
    session.rollback()
    session.add(Person(id=1))
    with pytest.raises(IntegrityError):
        session.flush()
    seen.append(explain(session).to_dict()["transaction"])

    assert [
        "not in a transaction",
        "in a transaction",
        "in a transaction with 1 savepoint",
        "in a transaction with 2 savepoints",
        "a flush failed, and the transaction waits for rollback()",
    ] == seen


def test_only_net_changes_are_listed(engine: Engine) -> None:
    """
    Session.dirty also has instances whose attributes were set to what they were; they are left out.
    """
    with Session(engine) as session:
        red, blue = session.get(Team, 7), session.get(Team, 8)
        assert red is not None
        assert blue is not None
        red.name, blue.name = "red", "green"
        dirty, changed = len(session.dirty), explain(session).to_dict()["changed"]

    assert 2 == dirty
    assert [{"instance": "Team(id=8)", "attributes": ["name"]}] == changed


def test_large_session_is_cut(engine: Engine) -> None:
    """
    A hundred instances are listed by name and the rest is counted, in the order of class and key.
    """
    with Session(engine) as session:
        tags = [Tag(id=number) for number in range(100, 250)]
        session.add_all(tags)
        new = explain(session).short.splitlines()
        session.flush()
        held = explain(session).long.splitlines()

    assert "  ... and 50 more" == new[-1]
    assert ["identity map", "  Tag(id=100): persistent"] == held[1:3]
    assert "  ... and 50 more" == held[102]
