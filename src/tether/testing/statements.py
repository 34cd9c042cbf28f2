"""How many statements ``attach()`` and the flush after it may send: exactly these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event, inspect
from sqlalchemy.orm import Session

from tether.carry.referring import foreign_keys
from tether.carry.shape import Shape, shape_of
from tether.carry.uniqueness import unique_names
from tether.orm import private_states
from tether.testing.reference import Expected, Reference
from tether.testing.relations import is_ordered
from tether.testing.rows import Thing
from tether.testing.store import writes_between
from tether.testing.subjects import Variation


@dataclass
class Statements:
    """How many statements.

    Attributes:
        reads: SELECTs.
        locking: Those of them with FOR UPDATE.
        file_locks: DELETEs of no row, with which SQLite's file is locked.
        writes: INSERT, UPDATE and DELETE, one for each row: SQLAlchemy sends those alike together, in each version
            and with each driver differently.
        texts: What was sent; not compared.
    """

    reads: int = 0
    locking: int = 0
    file_locks: int = 0
    writes: int = 0
    texts: list[str] = field(default_factory=list, compare=False, repr=False)

    def note(self, text: str, parameters: Any, many: bool) -> None:
        """Count a statement."""
        self.texts.append(text)
        if text.lstrip().upper().startswith("SELECT"):
            self.reads += 1
            self.locking += "FOR UPDATE" in text
        elif re.search(r"\b0 = 1\b|\bfalse\b", text):
            self.file_locks += 1
        else:
            self.writes += len(parameters) if many else 1


@contextmanager
def counted(engine: Engine) -> Iterator[Statements]:
    """Count the statements of the block."""
    seen = Statements()

    def note(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        seen.note(text, parameters, many)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


class Formula:
    """Computes how many statements a case may send.

    Args:
        reference: The three versions of the rows.
        variation: What happened.
        expected: What must come out.
        session: The Session that the data comes home to, before.
    """

    def __init__(
        self, reference: Reference, variation: Variation, expected: Expected, session: Session
    ) -> None:
        self.reference, self.variation, self.expected = reference, variation, expected
        self.subject, self.prop, self.mine = reference.subject, reference.subject.prop, variation.mine
        self.held = set(session.identity_map.keys())
        self.has_row_locks = session.get_bind().dialect.name != "sqlite"
        self.session = session
        self.written = self.changed_by_me()

    def statements(self) -> Statements:
        """Return how many there must be.

        ===================  =====================================================================================
        a SELECT             for what
        ===================  =====================================================================================
        a class              its rows that will be written, and those that are only looked at: what was given, what
                             I refer to. Two where the database locks rows, since only those to be written are
                             locked. Classes that need SQLAlchemy to build their instances (events, composites,
                             subclasses): rows that are in the Session apart from others
        a subclass           once more, if a row was not found: another class may have it now
        an association       once for a many-to-many collection that I changed, with FOR UPDATE
        a collection         once, if it is to be changed
        a foreign key        each one that I set as a plain value
        a unique constraint  each one that what I write touches, and the primary key of a new row
        a removed element    each collection of a row that delete-orphan deletes: SQLAlchemy's flush looks below it
        a one-to-one         if I set it from the side of the foreign key: the other side of the rows that it refers to
                             now, and of the ones before, if those are loaded
        ===================  =====================================================================================

        On SQLite one DELETE of no row locks the file, if there is something to write. Writes: one for each row.
        """
        groups = self.groups()
        pairs = int(self.reads_pairs())
        found = Statements(reads=len(groups) + pairs + self.unseen() + self.collection())
        found.reads += sum(map(self.checks_of, [*self.written, *self.inserted()]))
        found.reads += self.below_orphans() + self.other_sides()
        if self.has_row_locks:
            found.locking = sum(is_locked for _, is_locked, _ in groups) + pairs
        else:
            found.file_locks = int(bool(self.written))
        if not self.expected.clashes:
            found.writes = writes_between(self.reference.theirs, self.expected.state).total()
        return found

    # rows

    def changed_by_me(self) -> list[Thing]:
        """Return the rows that I changed or removed, and the owner of a collection that I changed."""
        reference, found = self.reference, {}
        if self.mine is None:
            return []
        for place, base in reference.base.items():
            mine, thing = reference.mine.get(place), reference.things.get(place)
            if thing is None or mine == base:
                continue
            hidden = {*(reference.position(place) or ()), reference.version_column(place)}
            if mine is None or any(base[c] != mine[c] for c in base if c not in hidden):
                found[id(thing)] = thing
        if self.prop is not None and self.prop.direction.name != "MANYTOONE":
            found[id(self.subject.root)] = self.subject.root
        return list(found.values())

    def looked_at(self) -> list[Thing]:
        """Return the rows that are only read: what was given, and what I refer to or link."""
        found = [self.subject.root]
        prop = self.prop
        if (
            prop is not None
            and self.mine is not None
            and (prop.direction.name == "MANYTOONE" or self.is_many_to_many)
        ):
            words = self.mine.name.split()
            found += [
                thing for name, thing in self.subject.things.items() if name != "root" and name in words
            ]
        return [thing for thing in found if thing not in self.written]

    @property
    def is_many_to_many(self) -> bool:
        """Whether the relationship has an association table."""
        return self.prop is not None and self.prop.secondary is not None

    def inserted(self) -> list[Thing]:
        """Return the rows that I insert."""
        is_added = self.mine is not None and self.mine.name in {"mine", "adds mine"}
        is_kept = is_added and self.variation.clash not in {"one", "dict"}
        return [self.subject.fresh["mine"]] if is_kept and "mine" in self.subject.fresh else []

    def is_there(self, thing: Thing) -> bool:
        """Return True if they have left the row there."""
        return all(place in self.reference.theirs for place in self.reference.places(thing))

    def groups(self) -> set[tuple[type, bool, bool]]:
        """Return the groups of rows that are read with one SELECT each."""
        found = set()
        for things, is_locked in ((self.written, self.has_row_locks), (self.looked_at(), False)):
            for thing in things:
                mapper = thing.shape.mapper
                key = mapper.identity_key_from_primary_key(thing.primary_key)
                computed = any(column.computed for column in thing.shape.columns.values())
                is_apart = computed or not private_states.can_be_built(self.session, mapper)
                found.add((thing.class_, is_locked, is_apart and key in self.held))
        return found

    def unseen(self) -> int:
        """Return how many subclasses have rows that were not found."""
        missing = [thing for thing in [*self.written, *self.looked_at()] if not self.is_there(thing)]
        return len({thing.class_ for thing in missing if thing.shape.mapper.inherits is not None})

    # collections

    def reads_pairs(self) -> bool:
        """Return True if the association table is read."""
        return self.is_many_to_many and self.mine is not None and self.is_there(self.subject.root)

    def collection(self) -> int:
        """Return 1 if the collection is read to be changed."""
        prop = self.prop
        if prop is None or prop.direction.name == "MANYTOONE" or self.mine is None or self.is_lost:
            return 0
        if is_ordered(prop) or self.variation.clash:
            return 1
        return int((not self.expected.clashes or self.is_recreated) and self.changes_collection())

    @property
    def is_lost(self) -> bool:
        """Whether the row is gone."""
        return not self.is_there(self.subject.root)

    @property
    def is_recreated(self) -> bool:
        """Whether the row is another one by now; what I changed of it is looked at all the same."""
        return self.variation.again and bool(self.expected.clashes)

    def changes_collection(self) -> bool:
        """Return True if what I added or removed is not done already."""
        reference = self.reference
        for place in reference.base.keys() | reference.mine.keys():
            base, mine, theirs = (
                side.get(place) for side in (reference.base, reference.mine, reference.theirs)
            )
            is_pair = place not in reference.things
            if (base is None) != (mine is None) and (mine is None) != (theirs is None):
                return True
            names = [] if is_pair else reference.foreign_key(place)
            if base and mine and theirs and any(base[n] != mine[n] != theirs[n] for n in names):
                return True
        return False

    # what is checked before it is written

    def checks_of(self, thing: Thing) -> int:
        """Return how many foreign keys and unique constraints of a row are looked at."""
        is_new = thing not in self.written
        if is_new:
            names = {
                name
                for name, value in thing.values.items()
                if name not in thing.implied and value is not None
            }
        else:
            names = self.set_by_hand(thing)
        unique = unique_names(thing.shape)
        checked = sum(names.issuperset(u) if is_new else not names.isdisjoint(u) for u in unique)
        implied = thing.implied if is_new else frozenset()
        return checked + sum(
            not names.isdisjoint(key.names) and implied.isdisjoint(key.names)
            for key in foreign_keys(thing.shape)
        )

    def set_by_hand(self, thing: Thing) -> set[str]:
        """Return the column attributes that are to be written as plain values: different from theirs, no conflict."""
        names: set[str] = set()
        if self.prop is not None or (self.expected.clashes and not self.is_recreated):
            return names
        for place in self.reference.places(thing):
            theirs = self.reference.theirs.get(place)
            for name, _, mine in self.reference.changed_columns(thing):
                column = thing.shape.mapper.column_attrs[name].columns[0].key
                if theirs is not None and mine is not None and theirs.get(column, mine) != mine:
                    names.add(name)
        return names

    def other_sides(self) -> int:
        """Return 1 if one-to-one relationships are read because the other side of them is set."""
        prop, root = self.prop, self.subject.root
        if prop is None or prop.direction.name != "MANYTOONE" or self.mine is None or self.expected.clashes:
            return 0
        relations = shape_of(prop.mapper.class_).relations
        is_single = any(relations[back].kind == "one" for back in root.shape.relations[prop.key].back)
        if not is_single or self.expected.state == self.reference.theirs:
            return 0
        instance = self.session.identity_map.get(
            root.shape.mapper.identity_key_from_primary_key(root.primary_key)
        )
        before = None if instance is None else inspect(instance).dict.get(prop.key)
        return int(self.mine.name != "none" or before is not None)

    def below_orphans(self) -> int:
        """Return how many collections SQLAlchemy loads below the rows that it deletes."""
        if self.expected.clashes:
            return 0
        things = self.reference.things
        gone = {
            id(things[p]): things[p]
            for p in self.reference.theirs
            if p not in self.expected.state and p in things
        }
        return sum(loaded_when_deleted(thing.shape) for thing in gone.values())


def loaded_when_deleted(shape: Shape) -> int:
    """Return how many relationships SQLAlchemy loads of a row that it deletes."""
    return sum(
        prop.direction.name != "MANYTOONE" and not prop.viewonly and not prop.passive_deletes
        for prop in shape.mapper.relationships
    )
