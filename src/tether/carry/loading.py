"""What ``include=`` names is loaded: one SELECT by primary key, and one more query for each relationship.

The SELECT fills only what is not there. SQLAlchemy (2.0 and 2.1) completes an instance of the identity map this
way: unflushed edits and loaded collections stay as they are, also those of rows further down. With
``populate_existing`` they would be thrown away, or flushed first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, object_session, selectin_polymorphic, selectinload, undefer

from tether.carry.naming import path_of, resolved
from tether.carry.shape import shape_of
from tether.carry.taking import identity, state_of
from tether.errors import SnapshotError

CHUNK = 500  # primary keys in one SELECT; the number selectinload uses too


class Branch:
    """A class somewhere in the graph, and what is to be loaded of it."""

    def __init__(self, class_: type, *, above: Branch | None = None, name: str = "") -> None:
        self.class_ = class_
        self.columns: dict[tuple[type, str], None] = {}
        self.relations: dict[tuple[type, str], Branch] = {}
        self.above = above
        self.name = name

    def walk(self) -> Iterator[Branch]:
        """Yield this branch and those below."""
        yield self
        for branch in list(self.relations.values()):
            yield from branch.walk()

    def step(self, owner: type, name: str) -> Branch:
        """Include an attribute of this class or of a subclass; return the branch of what it holds."""
        holder = owner if issubclass(owner, self.class_) else self.class_
        shape = shape_of(holder)
        for column in resolved(shape, name, "include"):
            if column not in shape.columns:
                continue
            self.columns[holder, column] = None
        if name not in shape.relations:
            return self
        relation = shape.relations[name]
        if relation.query:
            raise SnapshotError(
                f'include: `{holder.__name__}.{name}` is a query (lazy="dynamic" or "write_only"); '
                "take the rows of the query with snapshot() of their own"
            )
        return self.relations.setdefault((holder, name), Branch(relation.target, above=self, name=name))

    def is_below(self, name: str) -> bool:
        """Return whether this branch was reached by relationship *name*: it is not followed twice in a row."""
        return self.name == name

    def options(self) -> Iterator[Any]:
        """Yield the loader options for a SELECT of this class."""
        mapper = shape_of(self.class_).mapper
        subclasses = [below.class_ for below in mapper.self_and_descendants if below is not mapper]
        if subclasses:  # else the columns of their own would be left for later
            yield selectin_polymorphic(self.class_, subclasses)
        for owner, column in self.columns:
            yield undefer(getattr(owner, column))
        for (owner, name), branch in self.relations.items():
            yield selectinload(getattr(owner, name)).options(*branch.options())


def load(instances: Sequence[Any], include: Iterable[object], verb: str) -> None:
    """Load what is named, and what is expired, of *instances*; writes and flushes nothing.

    Raises:
        SnapshotError: A name is unknown; an instance has no Session; its row is gone.
    """
    states = [state_of(instance, verb) for instance in instances]
    by_class: dict[type, list[Any]] = defaultdict(list)
    for state in states:
        by_class[state.class_].append(state)
    if isinstance(include, str) or not hasattr(include, "__iter__"):
        raise SnapshotError("include: takes a list, such as include=[Order.items]")
    branches = grow(list(by_class), list(include))
    for class_, of_class in by_class.items():
        branch = branches[class_]
        by_session: dict[int, list[Any]] = defaultdict(list)
        for state in of_class:
            if needs(state, branch):
                by_session[id(session_of(state, branch, verb))].append(state)
        for held in by_session.values():
            fetch(session_of(held[0], branch, verb), branch, held, verb)


def grow(classes: list[type], include: list[object]) -> dict[type, Branch]:
    """Return what to load of each class of the rows that were given."""
    branches = {class_: Branch(class_) for class_ in classes}
    for named in include:
        steps = path_of(named, classes)
        used = False
        for branch in branches.values():
            used = follow(branch, steps, anywhere=not isinstance(named, str)) or used
        if classes and not used:
            owner, name = steps[0]
            raise SnapshotError(
                f"include: `{owner.__name__}.{name}` is not reached from {' or '.join(c.__name__ for c in classes)} "
                "by what is included before it"
            )
    return branches


def follow(root: Branch, steps: list[tuple[type, str]], *, anywhere: bool) -> bool:
    """Include a path at every branch where it can begin; return whether there was one."""
    owner, first = steps[0]
    starts = list(root.walk()) if anywhere else [root]
    starts = [start for start in starts if fits(start.class_, owner) and not start.is_below(first)]
    for start in starts:
        branch = start
        for step_owner, name in steps:
            if fits(branch.class_, step_owner):
                branch = branch.step(step_owner, name)
    return bool(starts)


def fits(class_: type, owner: type) -> bool:
    """Return whether rows of *class_* have the attributes of *owner*, or some of them may."""
    return issubclass(class_, owner) or issubclass(owner, class_)


def needs(state: Any, branch: Branch) -> bool:
    """Return whether anything is missing that a SELECT would bring."""
    shape = shape_of(state.class_)
    expired = state.expired_attributes.intersection(shape.columns).difference(state.dict)
    return bool(expired or branch.relations or {name for _, name in branch.columns}.difference(state.dict))


def session_of(state: Any, branch: Branch, verb: str) -> Session:
    """Return the Session that can load."""
    session = object_session(state.obj())
    if session is None:
        wanted = ", ".join(
            f"`{state.class_.__name__}.{name}`" for _, name in (*branch.columns, *branch.relations)
        )
        raise SnapshotError(
            f"{verb}(): {identity(state.key)} is detached, so {wanted or 'what is expired'} cannot be loaded; "
            f"call {verb}() while its Session is open"
        )
    return session


def fetch(session: Session, branch: Branch, states: list[Any], verb: str) -> None:
    """Send the SELECTs for rows of one class in one Session."""
    mapper = shape_of(branch.class_).mapper
    columns = [mapper.get_property_by_column(column).class_attribute for column in mapper.primary_key]
    options = tuple(branch.options())
    seen: set[Any] = set()
    for start in range(0, len(states), CHUNK):
        keys = [state.key[1] for state in states[start : start + CHUNK]]
        wanted = columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)
        statement: Any = select(branch.class_).where(wanted).options(*options)
        with session.no_autoflush:
            seen.update(map(id, session.scalars(statement).unique()))
    for state in states:
        if id(state.obj()) not in seen:
            raise SnapshotError(
                f"{verb}(): the row of {identity(state.key)} is gone, or this Session does not see it"
            )
