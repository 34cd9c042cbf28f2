"""Every situation an instance can be in, made as a program makes it; with it comes what must stay alive."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    Session,
    defer,
    joinedload,
    load_only,
    make_transient_to_detached,
    raiseload,
    selectinload,
)

from tests.explaining.models import Badge, Base, Dog, Person, Phone, Seat, Tag, Team

Situation = Callable[[Engine], tuple[Base, object]]


def transient(engine: Engine) -> tuple[Base, object]:
    return Person(id=9, name="new"), None


def transient_with_relations(engine: Engine) -> tuple[Base, object]:
    return Person(team=Team(id=9), phones=[Phone()]), None


def pending(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = Person(id=9, name="new", team_id=7)
    session.add(person)
    return person, session


def flushed(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = Person(id=9, name="new", team_id=7)
    session.add(person)
    session.flush()
    return person, session


def persistent(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    return session.get(Person, 1), session


def persistent_without_references(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    return session.get(Person, 2), session


def team_in_identity_map(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    kept = session.get(Team, 7), session.get(Team, 8)
    return session.get(Person, 1), (session, kept)


def team_in_identity_map_expired(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    kept = session.get(Team, 7), session.get(Team, 8)
    session.expire(kept[0])
    return session.get(Person, 1), (session, kept)


def everything_loaded(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    for key in ("team", "phones", "badge", "late_team", "bio", "point"):
        assert getattr(person, key)
    return person, session


def expired(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    session.commit()
    return person, session


def one_column_expired(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    session.expire(person, ["x", "team_id", "bio"])
    return person, session


def expired_then_set(engine: Engine) -> tuple[Base, object]:
    session = Session(engine, autoflush=False)
    person = session.get(Person, 1)
    session.expire(person)
    person.name, person.team_id = "other", 8
    return person, session


def changed(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    person.name, person.data["k"], person.u = "other", 2, 9
    return person, session


def changed_without_autoflush(engine: Engine) -> tuple[Base, object]:
    session = Session(engine, autoflush=False)
    person = session.get(Person, 1)
    person.team_id = 8
    person.tags.append(session.get(Tag, 5))
    return person, session


def deferred_by_query(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    query = select(Person).where(Person.id == 1).options(defer(Person.x), defer(Person.team_id))
    return session.scalars(query).one(), session


def raiseload_by_query(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    options = defer(Person.x, raiseload=True), raiseload(Person.phones), raiseload(Person.team, sql_only=True)
    return session.scalars(select(Person).where(Person.id == 1).options(*options)).one(), session


def load_only_by_query(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    return session.scalars(
        select(Person).where(Person.id == 1).options(load_only(Person.name))
    ).one(), session


def eager_by_query(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    options = selectinload(Person.phones), joinedload(Person.team)
    return session.scalars(select(Person).where(Person.id == 1).options(*options)).unique().one(), session


def marked_deleted(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    tag = session.get(Tag, 5)
    session.delete(tag)
    return tag, session


def marked_deleted_without_autoflush(engine: Engine) -> tuple[Base, object]:
    session = Session(engine, autoflush=False)
    tag = session.get(Tag, 5)
    session.delete(tag)
    return tag, session


def orphan(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    badge, person.badge = person.badge, None
    return badge, (session, person)


def child_added_through_backref(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    phone = session.get(Phone, 12)
    phone.person = person
    return person, (session, phone)


def child_moved(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    phone = session.get(Phone, 12)
    phone.person = session.get(Person, 1)
    return phone, session


def target_replaced(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    person.team = Team(id=9)
    return person, session


def one_to_one_set_while_unloaded(engine: Engine) -> tuple[Base, object]:
    session = Session(engine, autoflush=False)
    person = session.get(Person, 2)
    person.badge = Badge(id=22)
    return person, session


def deleted(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 2)
    session.delete(person)
    session.flush()
    return person, session


def deleted_and_expired(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 2)
    session.expire(person)
    session.delete(person)
    session.flush()
    return person, session


def deleted_and_committed(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 2)
    session.delete(person)
    session.commit()
    return person, session


def detached(engine: Engine) -> tuple[Base, object]:
    with Session(engine) as session:
        return session.get(Person, 1), session


def detached_and_changed(engine: Engine) -> tuple[Base, object]:
    with Session(engine) as session:
        person = session.get(Person, 1)
    person.name = "other"
    return person, session


def detached_and_expired(engine: Engine) -> tuple[Base, object]:
    with Session(engine) as session:
        person = session.get(Person, 1)
        session.commit()
    return person, session


def detached_fully_loaded(engine: Engine) -> tuple[Base, object]:
    person, session = everything_loaded(engine)
    session.close()
    return person, session


def session_collected(engine: Engine) -> tuple[Base, object]:
    person = Session(engine).get(Person, 1)
    gc.collect()
    return person, None


def unpickled(engine: Engine) -> tuple[Base, object]:
    person, session = everything_loaded(engine)
    return pickle.loads(pickle.dumps(person)), session


def made_detached(engine: Engine) -> tuple[Base, object]:
    person = Person(id=1)
    make_transient_to_detached(person)
    return person, None


def failed_flush(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    session.add(Person(id=2))
    with suppress(IntegrityError):
        session.flush()
    return person, session


def without_autobegin(engine: Engine) -> tuple[Base, object]:
    session = Session(engine, autobegin=False)
    with session.begin():
        person = session.get(Person, 1)
    return person, session


def without_bind(engine: Engine) -> tuple[Base, object]:
    person, _ = detached(engine)
    session = Session()
    session.add(person)
    return person, session


def in_savepoint(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    person = session.get(Person, 1)
    savepoint = session.begin_nested()
    person.name = "other"
    return person, (session, savepoint)


def kept_on_commit(engine: Engine) -> tuple[Base, object]:
    session = Session(engine, expire_on_commit=False)
    person = session.get(Person, 1)
    person.name = "other"
    return person, session


def subclass(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    return session.get(Dog, 1), session


def subclass_expired(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    dog = session.get(Dog, 1)
    session.expire(dog)
    return dog, session


def subclass_by_base(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    return session.scalars(select(Dog.__mapper__.inherits.class_)).one(), session


def subclass_pending(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    dog = Dog(name="fido")
    session.add(dog)
    return dog, session


def subclass_deleted_and_expired(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    dog = session.get(Dog, 1)
    session.expire(dog, ["trick", "name"])
    session.delete(dog)
    session.flush()
    return dog, session


def composite_key(engine: Engine) -> tuple[Base, object]:
    session = Session(engine)
    seat = session.get(Seat, (4, "c"))
    seat.name = "window"
    return seat, session


SITUATIONS: dict[str, Situation] = {
    name: function
    for name, function in globals().items()
    if getattr(function, "__module__", "") == __name__ and callable(function)
}
