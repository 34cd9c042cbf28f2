"""Every member of Session, called on every state of an instance: what inspect() shows is what the table says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import InvalidRequestError, NoResultFound
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tests.lifecycle.calls import SELECTED, Scene, scenes
from tests.lifecycle.checking import JUST_LOADED, fits, rows_here, which
from tests.lifecycle.conftest import Databases
from tests.lifecycle.evaluate import Call, World, after
from tests.lifecycle.world import PRIMARY_KEY, look, look_at_all, populate
from tether.lifecycle.rows import Effect, Row

SESSION, SCOPED = "sqlalchemy.orm.Session.", "sqlalchemy.orm.scoped_session."
MEMBERS = {
    name: row
    for name, row in rows_here().items()
    if name.startswith((SESSION, SCOPED))
    and row.role == "call"
    and "()" not in name
    and not name.endswith(".__call__")
}
# A flush comes first and deletes the row that was to be read.
NO_ROW = {("refresh", "marked"), ("refresh", "deleted")}


def call_of(row: Row, scene: Scene, before: World) -> Call:
    """Return what the evaluator must know of *scene*."""
    by_key = {key: name for name, key in PRIMARY_KEY.items()}
    asked = by_key.get(scene.key, "")
    there = asked not in ("", "transient", "detached", "lost", "deleted") and (
        asked != "pending" or "autoflush" in scene.settings
    )
    absent = {name for name, seen in before.items() if seen.state != "persistent" or not seen.loaded}
    given: dict[str, object] = dict(scene.named)
    if scene.instance and row.parameters:
        given[row.parameters[0]] = scene.instance
    return Call(
        given=given,
        result=[asked] if there else SELECTED if "statement" in row.parameters else [],
        settings=scene.settings,
        absent=absent,
    )


def arguments_of(scene: Scene, world: dict[str, object]) -> list[Any]:
    """Return the positional arguments, instances in place of their names."""

    def instance(value: Any) -> Any:
        return world[value] if isinstance(value, str) and value in world else value

    return [
        [instance(one) for one in value] if isinstance(value, list) else instance(value)
        for value in scene.arguments
    ]


def refused(row: Row, scene: Scene, before: World) -> bool:
    """Return whether the table says that the call raises for this instance."""
    if not scene.instance:
        return False
    seen = before[scene.instance]
    # Session.merge: "load=False does not support objects transient" nor "objects marked as dirty"
    unloaded = scene.named.get("load") is False and (
        seen.state in ("transient", "pending") or (seen.state == "detached" and bool(seen.changes))
    )
    return unloaded or (bool(row.needs) and seen.state not in row.needs)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning", "ignore::sqlalchemy.exc.SADeprecationWarning")
def test_member(name: str, databases: Databases) -> None:
    """
    What a member of Session, or of scoped_session, does to each instance, and what it returns, is what its row says.
    """
    row, member = MEMBERS[name], name.rpartition(".")[2]
    seen_both: set[bool] = set()
    wrong: dict[str, Any] = {}
    for scene in scenes(member, row):
        if (member, scene.instance) in NO_ROW or (name.startswith(SCOPED) and not scene.common):
            continue
        session = Session(
            databases.fresh(), **{one: one in scene.settings for one in ("expire_on_commit", "autoflush")}
        )
        found, problem = play(name, row, scene, session)
        seen_both |= found if len(found) == 1 else set()
        if problem:
            wrong[str(scene)] = problem
        session.close()

    assert {} == wrong
    if any(not effect.sure for effect in row.effects) and name.startswith(SESSION):
        assert {True, False} == seen_both


@pytest.mark.parametrize("name", [name for name in MEMBERS if name.startswith(SESSION)])
def test_every_effect_shows(name: str, databases: Databases) -> None:
    """
    Without any one of the effects on instances, a row would say something else in one of the scenes, and be refuted.
    """
    row, member = MEMBERS[name], name.rpartition(".")[2]
    with Session(databases.fresh()) as session:
        before = look_at_all(populate(session), session)
    calls = [call_of(row, scene, before) for scene in scenes(member, row) if not refused(row, scene, before)]
    idle = [
        effect
        for number, effect in enumerate(row.effects)
        if effect.to != "session"
        and effect.verb != "copy"  # what merge() gives is looked at, not what it was given
        and all(
            after(before, row.effects, call) == after(before, without(row, number), call) for call in calls
        )
    ]

    assert [] == idle


def without(row: Row, number: int) -> list[Effect]:
    """Return the effects of *row* without one of them."""
    return [effect for one, effect in enumerate(row.effects) if one != number]


def play(name: str, row: Row, scene: Scene, session: Session) -> tuple[set[bool], Any]:
    """Run one scene; return whether what may happen has happened, and what was not as the row says."""
    world = populate(session)
    before = look_at_all(world, session)
    receiver: Any = session
    if name.startswith(SCOPED):
        receiver = scoped_session(sessionmaker())
        receiver.registry.set(session)
    member, call = name.rpartition(".")[2], call_of(row, scene, before)
    try:
        value = getattr(receiver, member)
        if not row.attribute and callable(value):
            value = value(*arguments_of(scene, world), **scene.named)
    except NoResultFound:
        value = None
        if not name.endswith("get_one"):
            raise
    except InvalidRequestError:
        same = look_at_all(world, session) == before
        return set(), "" if refused(row, scene, before) and same else "it raised"
    else:
        if refused(row, scene, before):
            return set(), "it did not raise"
        if not fits(row.returns, value, receiver, session):
            return set(), f"it returned {value!r}"
    fresh = row.returns and row.returns.state and value is not None and value not in world.values()
    if fresh and look(value, session) != JUST_LOADED:
        return set(), look(value, session)
    return which(before, row.effects, call, look_at_all(world, session))
