"""What would be written, shown before it is: ``plan()``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy.orm import Session

from tether.carry.conflicts import Conflict, ConflictError, Kind, OnConflict, Policies, name_of, plain
from tether.carry.decision import raise_if_conflicts
from tether.carry.edits import Edits, comparison
from tether.carry.graph import IdentityKey, Node
from tether.carry.intake import edits_of
from tether.carry.merge import MISSING
from tether.carry.preparing import Prepared, prepare
from tether.carry.reading import Row
from tether.carry.sessions import session_of
from tether.carry.shape import shape_of
from tether.carry.undoing import as_it_was, forget_what_was_read
from tether.carry.writing import Writer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One INSERT, UPDATE or DELETE.

    Attributes:
        verb: "INSERT", "UPDATE" or "DELETE".
        class_: Mapped class of the row.
        primary_key: Its primary key; empty where it is not known yet.
        values: Attribute -> (value in the database, value to write); for a relationship, names of rows.
        added: Relationship -> names of rows that are put into it.
        removed: Relationship -> names of rows that are taken out of it.
    """

    verb: str
    class_: type
    primary_key: tuple[Any, ...]
    values: dict[str, tuple[Any, Any]]
    added: dict[str, list[str]]
    removed: dict[str, list[str]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a JSON encoder that knows dates and the like."""
        return {
            "verb": self.verb,
            "class": self.class_.__name__,
            "primary_key": list(self.primary_key),
            "values": {name: [_shown(old), _shown(new)] for name, (old, new) in self.values.items()},
            "added": self.added,
            "removed": self.removed,
        }

    def lines(self) -> Iterator[str]:
        """Yield the step as a diff shows it."""
        yield f"{self.verb} {name_of((self.class_, self.primary_key, None))}"
        for name, (old, new) in self.values.items():
            if old is not MISSING:
                yield f"-   {name}: {_text(old)}"
            if new is not MISSING:
                yield f"+   {name}: {_text(new)}"
        for name in dict.fromkeys([*self.removed, *self.added]):
            yield from (f"-   {name}: {row}" for row in self.removed.get(name, ()))
            yield from (f"+   {name}: {row}" for row in self.added.get(name, ()))


class Plan(Generic[T]):
    """What ``attach()`` would write, and every conflict it would meet. ``print()`` it, then ``apply()`` it.

    Not seen before ``apply()``: two rows under one key of a dictionary, two rows in a one-to-one relationship,
    and two orders of one list show only when the collection is loaded.

    Attributes:
        steps: What would be written, INSERTs first, DELETEs last.
        conflicts: What no policy decided; ``apply()`` raises them.
    """

    def __init__(self, session: Session, changed: T, on_conflict: OnConflict) -> None:
        self._session = session = session_of(session)
        self._policies = Policies(on_conflict)
        self._edits, self._is_list = edits_of(session, changed)
        with forget_what_was_read(session):
            prepared = prepare(session, self._edits, self._policies, lock=False)
            self._seen = {key: dict(row.values) for key, row in prepared.rows.items()}
            self.steps = list(_steps(prepared))
            self.conflicts = prepared.decision.conflicts

    def __str__(self) -> str:
        lines = [line for step in self.steps for line in step.lines()]
        for conflict in self.conflicts:
            what = f".{conflict.attribute}" if conflict.attribute else ""
            lines.append(f"CONFLICT {name_of(conflict.identity_key)}{what}: {conflict.kind.value}")
            lines += [f"!   {side:6} {_text(getattr(conflict, side))}" for side in ("base", "mine", "theirs")]
        return "\n".join(lines) or "nothing to write"

    def __repr__(self) -> str:
        return f"<Plan: {len(self.steps)} to write, {len(self.conflicts)} in conflict>"

    def __bool__(self) -> bool:
        """Return True if there is anything to write or to decide."""
        return bool(self.steps or self.conflicts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a JSON encoder that knows dates and the like."""
        return {
            "steps": [step.to_dict() for step in self.steps],
            "conflicts": [conflict.to_dict() for conflict in self.conflicts],
        }

    def apply(self) -> T:
        """Do what the plan says, and return the persistent instances as ``attach()`` does.

        Raises:
            ConflictError: The plan has conflicts, or a row has moved on since it was made (kind
                ``Kind.MOVED_ON``): then make a new one. The Session is as it was.
        """
        with as_it_was(self._session) as memory:
            prepared = prepare(self._session, self._edits, self._policies, lock=True)
            moved = list(moved_on(self._seen, prepared))
            if moved:
                raise ConflictError(moved)
            raise_if_conflicts(prepared.decision)
            instances = Writer(self._session, prepared, memory).write()
        return cast("T", instances if self._is_list else instances[0])


def plan(session: Session, changed: T, *, on_conflict: OnConflict = "raise") -> Plan[T]:
    """Return what ``attach()`` would write, without writing and without locking anything.

    Args:
        session: As for ``attach()``.
        changed: As for ``attach()``.
        on_conflict: As for ``attach()``; functions are called now, and again by ``apply()``.

    Raises:
        NoBaseError: SQLAlchemy did not keep what a changed attribute was before.
        ValueError: An instance has no row yet, or two copies of one row disagree.
        TypeError: Something is no instance of a mapped class.

    Emits:
        The SELECTs of ``attach()``, without locks.
    """
    return Plan(session, changed, on_conflict)


def moved_on(seen: dict[IdentityKey, dict[str, Any]], prepared: Prepared) -> Iterator[Conflict]:
    """Yield each value of a row that is not what the plan saw."""
    for key in dict.fromkeys([*seen, *prepared.rows]):
        before, row = seen.get(key), prepared.rows.get(key)
        if before is None or row is None:
            there = MISSING if row is None else dict(row.values)
            yield Conflict(key, "", before or MISSING, MISSING, there, Kind.MOVED_ON)
            continue
        yield from _moved_columns(key, before, row)


def _moved_columns(key: IdentityKey, before: dict[str, Any], row: Row) -> Iterator[Conflict]:
    columns = shape_of(type(row.instance)).columns
    for name, value in before.items():
        now = row.values.get(name, value)
        if not comparison(columns[name].type)(value, now):
            yield Conflict((type(row.instance), *key[1:]), name, value, MISSING, now, Kind.MOVED_ON)


def _steps(prepared: Prepared) -> Iterator[Step]:
    edits, decision = prepared.edits, prepared.decision
    values: dict[int, dict[str, tuple[Any, Any]]] = defaultdict(dict)
    added: dict[int, dict[str, list[str]]] = defaultdict(dict)
    removed: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for (token, name), pair in decision.columns.items():
        values[token][name] = pair
    for (token, name), target in decision.references.items():
        values[token][name] = _before(prepared, token, name), _name(edits, target)
    for collected, places in ((added, decision.added), (removed, decision.removed)):
        for (token, name), tokens in places.items():
            collected[token][name] = [_label(edits, t) for t in tokens]
    for token in decision.new:
        node = edits.mine.nodes[token]
        new = {name: (MISSING, value) for name, value in node.values.items()} | values.pop(token, {})
        yield Step("INSERT", node.class_, _key(node), new, added.pop(token, {}), removed.pop(token, {}))
    for token in sorted({*values, *added, *removed}):
        node = edits.node(token)
        yield Step(
            "UPDATE", node.class_, _key(node), values[token], added.get(token, {}), removed.get(token, {})
        )
    for token in decision.deleted:
        node = edits.node(token)
        yield Step("DELETE", node.class_, _key(node), {}, {}, {})


def _before(prepared: Prepared, token: int, name: str) -> Any:
    reference = prepared.changes.references[token, name]
    key = prepared.edits.node(token).key
    row = None if key is None else prepared.rows.get(key)
    if row is None:
        return MISSING
    found = tuple(row.values.get(column) for column in reference.columns)
    if None in found:
        return None
    target = shape_of(prepared.edits.node(token).class_).relations[name].target
    return (target, found, None)


def _name(edits: Edits, target: int | None) -> Any:
    return None if target is None else _identity(edits, target)


def _identity(edits: Edits, token: int) -> IdentityKey:
    if token in edits.here:
        class_ = type(edits.here[token])
        key = edits.node(token).key
        return (class_, key[1] if key else (), None)
    node = edits.node(token)
    return (node.class_, _key(node), None)


def _label(edits: Edits, token: int) -> str:
    key = _identity(edits, token)
    return name_of(key) if key[1] else f"new {key[0].__name__}"


def _key(node: Node) -> tuple[Any, ...]:
    return node.key[1] if node.key else ()


def _shown(value: Any) -> Any:
    return None if value is MISSING else plain(value)


def _text(value: Any) -> str:
    shown = plain(value)
    return shown if shown is not value and isinstance(shown, str) else repr(shown)
