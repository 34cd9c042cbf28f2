"""S6: what survives pickle and JSON, and what comes back into a Session."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, inspect, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Session, defer, object_session, undefer

from tests.truth.models import (
    LOST,
    Post,
    User,
    history_of,
    in_database,
    loaded,
    outcome,
    rename_elsewhere,
    state_of,
)


def again(instance: User) -> User:
    """Return what comes out of a pickle of *instance*."""
    copy = pickle.loads(pickle.dumps(instance))
    assert isinstance(copy, User)
    return copy


@pytest.fixture
def fresh(engine: Engine, session: Session) -> Iterator[Session]:
    """
    A second Session, for the time after the first.
    """
    with Session(engine) as second:
        yield second


def test_s6_1(user: User) -> None:
    """
    S6.1: A pickled persistent instance comes back detached, with what was loaded and nothing else.
    """
    assert 2 == len(user.posts)
    copy = again(user)

    assert ("detached", ["data", "id", "name", "nick", "posts"]) == (state_of(copy), loaded(copy))
    assert (LOST, "detached") == (outcome(lambda: copy.bio), state_of(copy.posts[0]))
    assert outcome(lambda: copy.posts[0].user) == LOST


def test_s6_1b(session: Session, user: User) -> None:
    """
    S6.1b: It cannot be added while the original is persistent there.
    """
    with pytest.raises(InvalidRequestError, match="another instance with key"):
        session.add(again(user))


def test_s6_1c(session: Session, user: User) -> None:
    """
    S6.1c: It can be merged there; the result is the original.
    """
    assert session.merge(again(user)) is user


def test_s6_2(session: Session, user: User) -> None:
    """
    S6.2: An unflushed change and its old value survive the pickle.
    """
    user.name = "changed"
    copy = again(user)
    session.rollback()

    assert (True, {"name": "ann"}) == (inspect(copy).modified, dict(inspect(copy).committed_state))
    assert (["changed"], ["ann"]) == history_of(copy, "name")


def test_s6_2b(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.2b, S6.2c: Added to another Session the change is pending there, and is committed.
    """
    user.name = "changed"
    copy = again(user)
    session.close()
    fresh.add(copy)

    assert (True, "persistent") == (copy in fresh.dirty, state_of(copy))

    fresh.commit()

    assert "changed" == in_database(engine)


def test_s6_3(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.3: Unpickled, written and merged, the change is saved.
    """
    session.close()
    copy = again(user)
    copy.name = "written"
    merged = fresh.merge(copy)
    fresh.commit()

    assert ("written", "detached", "persistent") == (in_database(engine), state_of(copy), state_of(merged))


def test_s6_4(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.4, S6.4b: An old pickle that is added shows its old value until it is expired.
    """
    copy = again(user)
    session.close()
    rename_elsewhere(engine, "newer")
    fresh.add(copy)

    assert ("ann", "newer") == (copy.name, in_database(engine))

    fresh.commit()

    assert "newer" == copy.name


def test_s6_4c(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.4c: An old pickle that is merged overwrites the newer row.
    """
    copy = again(user)
    session.close()
    rename_elsewhere(engine, "newer")
    fresh.merge(copy)
    fresh.commit()

    assert "ann" == in_database(engine)


def test_s6_5(session: Session, user: User) -> None:
    """
    S6.5: An expired instance is pickled empty.
    """
    session.commit()
    copy = again(user)

    assert ([], LOST) == (loaded(copy), outcome(lambda: copy.name))


def test_s6_6(user: User) -> None:
    """
    S6.6: Unpickled while the original is alive, the copy knows no Session.
    """
    copy = again(user)

    assert (None, None) == (object_session(copy), inspect(copy).session_id)


def test_s6_6b(user: User) -> None:
    """
    S6.6b: state.info survives the pickle.
    """
    inspect(user).info["x"] = 1

    assert {"x": 1} == inspect(again(user)).info


def test_s6_7(session: Session, fresh: Session) -> None:
    """
    S6.7: Loader options survive the pickle: the deferred column is fetched in the next Session.
    """
    user = session.scalars(select(User).options(undefer(User.bio), defer(User.nick))).one()
    copy = again(user)
    fresh.add(copy)

    assert (2, "a", "B") == (len(inspect(copy).load_options), copy.nick, copy.bio)


def test_s6_8() -> None:
    """
    S6.8: A transient instance comes back transient.
    """
    copy = again(User(name="new"))

    assert ("transient", "new") == (state_of(copy), copy.name)


def test_s6_9(session: Session) -> None:
    """
    S6.9: A pending instance comes back transient.
    """
    user = User(id=5, name="pending")
    session.add(user)

    assert "transient" == state_of(again(user))


def test_s6_10() -> None:
    """
    S6.10: Attribute events of the class reach an unpickled instance.
    """
    copy, values = again(User(name="new")), []

    def listen(target: User, value: str, old: object, initiator: object) -> None:
        values.append(value)

    event.listen(User.name, "set", listen)
    copy.name = "set"
    event.remove(User.name, "set", listen)

    assert ["set"] == values


def test_s6_11(session: Session, user: User) -> None:
    """
    S6.11: A MutableDict still tracks changes after the pickle.
    """
    copy = again(user)
    session.close()
    assert copy.data is not None
    copy.data["k"] = 5

    assert (True, MutableDict) == (inspect(copy).modified, type(copy.data))


@pytest.mark.parametrize("of", [lambda user: user, vars], ids=["S6.12 the instance", "S6.13 its vars()"])
def test_s6_12_and_13(user: User, of: object) -> None:
    """
    S6.12, S6.13: json refuses an instance, and its vars() because of the state in it.
    """
    assert callable(of)
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(of(user))


def test_s6_14(session: Session, user: User) -> None:
    """
    S6.14: Through JSON an instance comes back transient, with every column set.
    """
    columns = {column.key: getattr(user, column.key) for column in inspect(User).column_attrs}
    copy = User(**json.loads(json.dumps(columns)))

    assert ("transient", True, {"posts"}) == (
        state_of(copy),
        inspect(copy).modified,
        set(inspect(copy).unloaded),
    )


def test_s6_15(engine: Engine, session: Session, user: User) -> None:
    """
    S6.15: Merged, it writes what was changed and keeps the rest.
    """
    columns = {column.key: getattr(user, column.key) for column in inspect(User).column_attrs}
    copy = User(**json.loads(json.dumps(columns)))
    session.commit()
    copy.name = "json"
    session.merge(copy)
    session.commit()

    assert ("json", "B") == (in_database(engine), in_database(engine, "SELECT bio FROM user"))


def test_s6_16(session: Session, user: User) -> None:
    """
    S6.16: vars() right after a commit holds no values.
    """
    session.commit()

    assert [] == loaded(user)


def test_s6_17(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.17: A pending child goes along in the pickle and is inserted by the merge.
    """
    user.posts.append(Post(title="new"))
    copy = again(user)
    session.close()
    fresh.merge(copy)
    fresh.commit()

    assert 3 == in_database(engine, "SELECT count(*) FROM post")


def test_s6_18(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.18: So does the removal of a child, carried out after add().
    """
    del user.posts[0]
    copy = again(user)
    session.close()
    fresh.add(copy)
    fresh.commit()

    assert 1 == in_database(engine, "SELECT count(*) FROM post WHERE user_id = 1")


def test_s6_19(engine: Engine, session: Session, user: User, fresh: Session) -> None:
    """
    S6.19: A change that was flushed before the pickle and rolled back after it is lost.
    """
    user.name = "flushed"
    session.flush()
    copy = again(user)
    session.rollback()
    session.close()
    fresh.add(copy)

    assert copy not in fresh.dirty

    fresh.commit()

    assert "ann" == in_database(engine)
