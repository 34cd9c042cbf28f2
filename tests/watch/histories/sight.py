"""What the reference model sees: the committed rows, and all instances within a program's reach as plain values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState, Session

from tests.watch.histories.models import COLUMNS, NAMING, Post, User
from tests.watch.histories.programs import Line

MISSING = "not loaded"
Dump = dict[str, dict[int, dict[str, Any]]]  # class -> primary key -> column -> committed value


@dataclass
class Known:
    """What the model knows of one instance."""

    number: int
    class_name: str
    key: int | None = None
    identity: int | None = None  # what the program calls its primary key, a row or not
    session: int | None = None
    pending: bool = False
    values: dict[str, Any] = field(default_factory=dict)  # what __dict__ holds, as plain values
    base: dict[str, Any] = field(default_factory=dict)  # the same when it was last unchanged
    merged: bool = False  # given to merge() or to a bulk method: it is known elsewhere with what it held
    seen: bool = False
    alive: bool = True


class Sight:
    """Looks at one program's world, before and after each line.

    Args:
        path: The database file.
        variables: The program's variables, live.

    Attributes:
        earlier: Number of an instance -> what it held before the line, and whether it was pending.
        setting: The attribute that the line sets.
        outdated: Line -> what an instance it uses holds, and the database does not.
        pickled_empty: Lines that pickle an instance without a loaded column.
        copies: Lines that add a new instance with the key of a row.
        rowless: Lines whose instance has no row, yet or any longer.
        left_open: Lines that made a Session which is collected in the middle of a transaction.
    """

    def __init__(self, path: str, variables: dict[str, Any]) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.variables = variables
        self.numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self.count = 0
        self.known: dict[int, Known] = {}
        self.earlier: dict[int, tuple[dict[str, Any], bool]] = {}
        self.setting = ""
        self.outdated: dict[int, set[str]] = {}
        self.pickled_empty: set[int] = set()
        self.copies: set[int] = set()
        self.rowless: set[int] = set()
        self.left_open: set[int] = set()
        self.opened_at: dict[int, int] = {}
        self.connected: set[int] = set()
        self.committed = self.dump()

    def dump(self) -> Dump:
        """Return what is committed."""
        users = self.connection.execute("SELECT id, name, email, bio, data FROM user").fetchall()
        posts = self.connection.execute("SELECT id, title, user_id FROM post").fetchall()
        return {
            "User": {
                key: {"name": name, "email": email, "bio": bio, "data": json.loads(data) if data else None}
                for key, name, email, bio, data in users
            },
            "Post": {key: {"title": title, "user": user} for key, title, user in posts},
        }

    def number(self, thing: object) -> int:
        """Return a number for an instance or Session; it keeps nothing alive."""
        if thing not in self.numbers:
            self.count += 1
            self.numbers[thing] = self.count
        return self.numbers[thing]

    def instances(self) -> Iterator[Any]:
        """Yield every instance within reach: in variables, in Sessions, one relationship away."""
        seen: set[int] = set()
        for thing in list(self.variables.values()):
            for instance in around(thing):
                if id(instance) not in seen:
                    seen.add(id(instance))
                    yield instance

    def look(self) -> None:
        """Bring what is known of each instance up to date."""
        found = set()
        for instance in self.instances():
            state: InstanceState[Any] = inspect(instance)
            known = self.known.setdefault(
                self.number(instance), Known(self.number(instance), type(instance).__name__)
            )
            known.key = state.key[1][0] if state.key is not None else None
            known.identity = vars(instance).get("id")
            known.session = self.number(state.session) if state.session is not None else None
            known.pending = state.pending
            earlier, known.values = known.values, self.plain(instance)
            known.base = self._base(known, earlier) if state.modified else dict(known.values)
            known.seen = True
            found.add(known.number)
        for known in [one for one in self.known.values() if one.number not in found]:
            known.session, known.pending, known.alive = None, False, False

    def _base(self, known: Known, earlier: dict[str, Any]) -> dict[str, Any]:
        """Return what a changed instance was loaded with: also what has been loaded since it was changed."""
        row = self.committed[known.class_name].get(known.key or 0, {})
        return {
            name: known.base.get(name, value)
            for name, value in known.values.items()
            if name in known.base
            or (known.seen and name not in earlier and name != self.setting)
            or row.get(name) == value
        }

    def plain(self, instance: Any) -> dict[str, Any]:
        """Return what an instance holds: columns as values, related instances as numbers."""
        held, found = vars(instance), {}
        for name in COLUMNS[type(instance).__name__]:
            if name in held:
                found[name] = dict(held[name]) if isinstance(held[name], dict) else held[name]
        if "posts" in held:
            found["posts"] = tuple(self.number(post) for post in held["posts"])
        if "user" in held:
            found["user"] = self.number(held["user"]) if held["user"] is not None else None
        return found

    def between(self) -> None:
        """The first part of a line has run, which loads what the second is about to change."""
        self.look()
        self.earlier = {known.number: (dict(known.values), known.pending) for known in self.known.values()}

    def before_end(self) -> None:
        """All variables are about to go."""
        for thing in list(self.variables.values()):
            if isinstance(thing, Session):
                self._leave(thing)

    def began(self, session: Session) -> None:
        """The Session sends BEGIN: from now on it holds a connection."""
        self.connected.add(self.number(session))

    def _leave(self, session: Session) -> None:
        if self.number(session) in self.connected and session.in_transaction():
            self.left_open.add(self.opened_at[self.number(session)])

    def _note_outdated(self, number: int, line: Line) -> None:
        names = self.outdated.setdefault(number, set())
        for instance in [one for name in line.variables.values() for one in around(self.variables.get(name))]:
            known = self.known[self.number(instance)]
            state = inspect(instance)
            if known.key is None or state.deleted or state.was_deleted:
                self.rowless.add(number)
            row = self.committed[known.class_name].get(known.key or 0, {})
            names |= {
                f"{known.class_name}.{attribute}"
                for attribute in COLUMNS[known.class_name]
                if known.values.get(attribute, MISSING) != row.get(attribute)
            }
            if line.form.kind == "pickle" and not known.values.keys() & set(COLUMNS[known.class_name]):
                self.pickled_empty.add(number)

    def _note_sessions(self, number: int) -> None:
        for thing in list(self.variables.values()):
            if isinstance(thing, Session):
                self.opened_at.setdefault(self.number(thing), number)
                if not thing.in_transaction():
                    self.connected.discard(self.number(thing))
                keys = {(known.class_name, known.key) for known in self.known.values() if known.key}
                if any((type(one).__name__, one.id) in keys for one in thing.new if "id" in vars(one)):
                    self.copies.add(number)

    def _involved(self, line: Line) -> set[int]:
        found = set()
        for name in line.variables.values():
            thing = self.variables.get(name)
            thing = getattr(thing, "session", thing) if name.startswith("n") else thing
            if isinstance(thing, Session):
                found.add(self.number(thing))
            elif thing in self.numbers and self.numbers[thing] in self.known:
                session = self.known[self.numbers[thing]].session
                found |= {session} if session is not None else set()
        return found

    def _key_of(self, known: Known) -> int | None:
        """Return the primary key, which a new row that was let go of in its commit has not shown us."""
        if known.key is not None:
            return known.key
        attribute = NAMING[known.class_name]
        rows = self.committed[known.class_name].items()
        return next((key for key, row in rows if row[attribute] == known.values.get(attribute)), None)

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()


def is_detached(known: Known) -> bool:
    return known.key is not None and known.session is None


def around(thing: object) -> Iterator[Any]:
    """Yield the instances in a variable: itself, or those of a Session, and their loaded relatives."""
    if isinstance(thing, Session):
        first = [*thing.identity_map.values(), *thing.new]
    else:
        first = [thing] if isinstance(thing, (User, Post)) else []
    for instance in first:
        yield instance
        held = vars(instance)
        yield from held.get("posts", ())
        if held.get("user") is not None:
            yield held["user"]
            yield from vars(held["user"]).get("posts", ())


def links(
    everything: Any, earlier: dict[int, tuple[dict[str, Any], bool]] | None = None
) -> set[tuple[int, int]]:
    """Return pairs of post and user, as far as they are loaded on either side."""
    found = set()
    for known in everything:
        values = known.values if earlier is None else earlier.get(known.number, ({}, False))[0]
        found |= {(post, known.number) for post in values.get("posts", ())}
        if values.get("user") is not None:
            found.add((known.number, values["user"]))
    return found
