"""Every prediction about commit, close and merge, compared with what they do: {situation} x {operation}."""

from __future__ import annotations

import re
import warnings

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.orm import InstanceState, Session

from tests.explaining.models import Base
from tests.explaining.situations import SITUATIONS
from tether.core.states import State
from tether.explaining.consequences import close_of, commit_of, merge_of
from tether.explaining.reading import reading
from tether.explaining.surroundings import around
from tether.orm.inspect import net_changes, state_of


def session_of(kept: object) -> Session | None:
    first = kept[0] if isinstance(kept, tuple) else kept
    return first if isinstance(first, Session) else None


def own_statement(instance: Base, statements: list[str]) -> str:
    """Return the word that starts the last statement written for the instance's own tables."""
    tables = "|".join(table.name for table in inspect(type(instance)).tables)
    found = [re.match(rf"(INSERT INTO|UPDATE|DELETE FROM) ({tables})\b", text) for text in statements]
    words = [match[1].split()[0] for match in found if match]
    return words[-1] if words else ""


def updated_columns(statements: list[str]) -> set[str]:
    """Return the columns between SET and WHERE of every UPDATE."""
    clauses = [
        re.search(r"SET (.*) WHERE", text, re.DOTALL) for text in statements if text.startswith("UPDATE")
    ]
    return {name for clause in clauses if clause for name in re.findall(r"(\w+)=", clause[1])}


def attempt(operation: object) -> str:
    """Call it; return the exception's name, or ""."""
    try:
        operation()
    except Exception as error:  # noqa: BLE001  whatever it is, its name is what was predicted
        return type(error).__name__
    return ""


@pytest.mark.parametrize("name", SITUATIONS)
def test_commit_is_predicted(engine: Engine, statements: list[str], name: str) -> None:
    """
    What a commit writes for the instance, sets, raises, and leaves it as, is as predicted.
    """
    instance, kept = SITUATIONS[name](engine)
    session, state = session_of(kept), inspect(instance)
    predicted = commit_of(state)
    held, expires = state.session is not None, "expires it" in predicted.text
    statements.clear()
    raised = attempt(session.commit) if session is not None else ""

    assert predicted.raises == raised
    assert predicted.state == state_of(instance)
    assert predicted.statement == own_statement(instance, statements)
    if predicted.statement == "UPDATE":
        assert set(predicted.attributes) == updated_columns(statements)
    if held and not raised and predicted.state is State.PERSISTENT:
        assert expires == state.expired


@pytest.mark.parametrize("name", SITUATIONS)
def test_close_is_predicted(engine: Engine, statements: list[str], name: str) -> None:
    """
    A close writes nothing; it leaves the state, the unsaved changes and the unreadable attributes it names.
    """
    instance, kept = SITUATIONS[name](engine)
    session, state = session_of(kept), inspect(instance)
    predicted = close_of(state)
    statements.clear()
    if session is not None:
        session.close()

    assert predicted.state == state_of(instance)
    assert [] == [
        statement for statement in statements if statement.startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert [] == [key for key in predicted.attributes if key not in net_changes(state)]
    if session is not None and predicted.state is State.DETACHED and "it becomes" in predicted.text:
        assert named_unreadable(predicted.text) == unreadable(state)


def named_unreadable(text: str) -> set[str]:
    match = re.search(r"reading (.*) then raises DetachedInstanceError", text)
    return set(match[1].split(", ")) if match else set()


def unreadable(state: InstanceState[Base]) -> set[str]:
    """Return the columns and relationships that raise DetachedInstanceError when they are read."""
    names = [*state.mapper.column_attrs.keys(), *state.mapper.relationships.keys()]
    return {
        key for key in names if attempt(lambda key=key: getattr(state.object, key)) == "DetachedInstanceError"
    }


@pytest.mark.parametrize("name", SITUATIONS)
def test_merge_into_another_session_is_predicted(engine: Engine, statements: list[str], name: str) -> None:
    """
    A merge into another Session looks for the row only where it says so, and copies the attributes it names.
    """
    instance, kept = SITUATIONS[name](engine)
    state = inspect(instance)
    predicted = merge_of(state)
    statements.clear()
    with Session(engine, autoflush=False) as other:
        copy = other.merge(instance)

        assert set(predicted.attributes) == set(inspect(copy).committed_state)
        assert ("looks for the row" in predicted.text) == bool(
            [
                text
                for text in statements
                if re.search(rf"FROM .*\b{state.mapper.local_table.name}\b", text, re.DOTALL)
            ]
        )
        if "in its own Session" not in predicted.text:
            assert state_of(copy) in (
                {predicted.state, State.PENDING} if not state.has_identity else {predicted.state}
            )
    assert kept is None or kept


@pytest.mark.parametrize("name", SITUATIONS)
def test_merge_into_the_own_session_is_predicted(engine: Engine, name: str) -> None:
    """
    A merge gives the same instance exactly where the prediction says so.
    """
    instance, _kept = SITUATIONS[name](engine)
    session = inspect(instance).session
    predicted = merge_of(inspect(instance))
    if session is None:
        assert "in its own Session" not in predicted.text
        return
    with warnings.catch_warnings():
        # "already pending in this Session yet is being merged again"
        warnings.simplefilter("ignore")
        copy = session.merge(instance)

    assert ("gives this instance" in predicted.text) == (copy is instance)


@pytest.mark.parametrize("name", SITUATIONS)
def test_nothing_is_predicted_for_a_session_that_is_gone(engine: Engine, name: str) -> None:
    """
    An instance without a Session has no commit or close to go through, and reads only what is in memory.
    """
    instance, _kept = SITUATIONS[name](engine)
    state = inspect(instance)
    alone = state.session is None

    assert alone == commit_of(state).text.startswith("nothing, it is in no Session")
    assert alone == close_of(state).text.startswith("nothing, it is in no Session")
    assert not alone or (0, 0) == reading(state, state.mapper.primary_key[0].key, around(state)).selects
