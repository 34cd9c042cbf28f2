"""explain() loads nothing and changes nothing: the whole state is compared before and after."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from tests.explaining.models import Person
from tests.explaining.situations import SITUATIONS
from tether.explaining import explain


def everything(instance: object) -> dict[str, Any]:
    """Return all there is to know about an instance and its Session, private names included."""
    state = inspect(instance)
    assert state.mapper  # computed at its first use and kept
    facts: dict[str, Any] = {
        "dict": {key: snapshot(value) for key, value in instance.__dict__.items()},
        "committed": {key: snapshot(value) for key, value in state.committed_state.items()},
        "expired": (state.expired, set(state.expired_attributes)),
        "flags": (state.modified, state.key, state.session_id, state.was_deleted),
        "callables": dict(state.callables),
        "state": {key: snapshot(value) for key, value in vars(state).items()},
    }
    return facts | of_session(state.session)


def of_session(session: Session | None) -> dict[str, Any]:
    if session is None:
        return {}
    return {
        "new": set(map(id, session.new)),
        "dirty": set(map(id, session.dirty)),
        "deleted": set(map(id, session.deleted)),
        "identity_map": {key: id(value) for key, value in session.identity_map.items()},
        "transaction": (
            id(session.get_transaction()),
            id(session.get_nested_transaction()),
            session.is_active,
        ),
        "session": {key: snapshot(value) for key, value in vars(session).items()},
    }


def snapshot(value: object) -> object:
    """Return the value's identity and, for containers, what is in it."""
    inside = tuple(map(id, value)) if isinstance(value, (list, set, dict)) else ()
    return id(value), inside


@pytest.mark.parametrize("name", SITUATIONS)
def test_explaining_an_instance_changes_nothing(engine: Engine, statements: list[str], name: str) -> None:
    """
    No statement is sent, and instance, InstanceState, Session and identity map are as before.
    """
    instance, _kept = SITUATIONS[name](engine)
    statements.clear()
    before = everything(instance)
    explanation = explain(instance)
    every_form = (str(explanation), explanation.short, explanation.long, explanation._repr_html_())
    json.dumps(explanation.to_dict())

    assert all(every_form)
    assert [] == statements
    assert before == everything(instance)


@pytest.mark.parametrize("name", SITUATIONS)
def test_explaining_a_session_changes_nothing(engine: Engine, statements: list[str], name: str) -> None:
    """
    No statement is sent, and the Session and everything in it are as before.
    """
    instance, kept = SITUATIONS[name](engine)
    session = kept[0] if isinstance(kept, tuple) else kept
    if session is None:
        session = Session(engine)
    statements.clear()
    before = everything(instance), of_session(session)
    explanation = explain(session)
    json.dumps(explanation.to_dict())

    assert explanation.long.startswith(explanation.short)
    assert [] == statements
    assert before == (everything(instance), of_session(session))


@pytest.mark.parametrize("name", SITUATIONS)
def test_secret_is_nowhere(engine: Engine, name: str) -> None:
    """
    The value of a secret column is in no form of the explanation, of the instance or of its Session.
    """
    instance, kept = SITUATIONS[name](engine)
    if isinstance(instance, Person):
        instance.__dict__["token"] = "hunter2"
        instance.__dict__["masked"] = "hunter2"
    subjects = [
        instance,
        *(thing for thing in (kept if isinstance(kept, tuple) else [kept]) if isinstance(thing, Session)),
    ]
    explanations = [explain(subject) for subject in subjects]
    forms = [
        form
        for one in explanations
        for form in (one.long, one.short, one._repr_html_(), json.dumps(one.to_dict()))
    ]

    assert [] == [form for form in forms if "hunter2" in form or "letter='c'" in form or "'c'" in form]


def test_explanation_keeps_nothing_alive(engine: Engine) -> None:
    """
    An explanation holds text only: instance and Session can be collected while it is kept.
    """
    session = Session(engine)
    person = session.get(Person, 1)
    explanations = explain(person), explain(session)
    gone = weakref.ref(person), weakref.ref(session)
    del person, session
    gc.collect()

    assert [None, None] == [reference() for reference in gone]
    assert all(explanation.long for explanation in explanations)


def test_explanation_does_not_change_later(engine: Engine) -> None:
    """
    An explanation is of the moment it was asked for, and what to_dict() gave can be changed freely.
    """
    with Session(engine) as session:
        person = session.get(Person, 1)
        explanation = explain(person)
        explanation.to_dict()["attributes"].clear()

    assert "persistent" == explanation.to_dict()["state"]
    assert "name" in explanation.to_dict()["attributes"]
