"""What must come out: a three-way merge of whole tables, row by row and column by column.

The three versions are read from the database: *base* before anybody wrote, *mine* as SQLAlchemy alone writes my
edit where nobody else does (rolled back afterwards), *theirs* after they committed. Nothing of ``tether.carry.merge``
is used, so that a mistake there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from tether.carry.conflicts import Kind
from tether.carry.merge import MISSING
from tether.testing.relations import is_ordered, keys_at, position_name
from tether.testing.rows import Thing, attribute_of
from tether.testing.store import Row, State, key_of
from tether.testing.subjects import Subject, Variation

Place = tuple[Table, tuple[Any, ...]]


@dataclass(frozen=True)
class Clash:
    """A conflict that must be reported.

    ``theirs`` is not compared where it is ``...``: a whole row, whose values the database holds.
    """

    kind: Kind
    class_: type
    primary_key: tuple[Any, ...]
    attribute: str
    base: Any
    mine: Any
    theirs: Any


@dataclass
class Expected:
    """What must come out.

    Attributes:
        state: The rows afterwards; theirs, where there is a conflict.
        clashes: The conflicts.
    """

    state: State
    clashes: list[Clash] = field(default_factory=list)


class Reference:
    """Merges three states of the database for one subject.

    Args:
        subject: What the case is about.
        base: Before anybody wrote.
        mine: As if only I had written.
        theirs: As they left it.
    """

    def __init__(self, subject: Subject, base: State, mine: State, theirs: State) -> None:
        self.subject, self.base, self.mine, self.theirs = subject, base, mine, theirs
        self.things = {
            (table, key_of(table, values)): thing
            for thing in [*subject.things.values(), *subject.fresh.values()]
            for table, values in thing.by_table
        }
        self.clashes: list[Clash] = []

    def expected(self, variation: Variation) -> Expected:
        """Return what must come out of a variation."""
        special = self.special(variation)
        if special:
            return Expected(self.theirs, special)
        state: State = {}
        for place in [*self.theirs, *(place for place in self.mine if place not in self.theirs)]:
            row = self.row(place)
            if row is not None:
                state[place] = row
        if self.clashes:
            return Expected(self.theirs, self.clashes)
        self.order(state)
        return Expected(self.with_versions(state))

    # rows

    def row(self, place: Place) -> Row | None:
        """Return a row afterwards; None if it is gone."""
        base, mine, theirs = (side.get(place) for side in (self.base, self.mine, self.theirs))
        if mine in (base, theirs):
            return theirs
        if base is None or theirs is None:
            return mine if theirs is None and base is None else theirs
        if mine is None:
            if theirs != base:
                self.removed_but_changed(place, base, theirs)
            return None
        return self.columns(place, base, mine, theirs)

    def columns(self, place: Place, base: Row, mine: Row, theirs: Row) -> Row:
        """Return the columns of a row that I changed and that is there."""
        merged = dict(theirs)
        version = self.version_column(place)
        foreign = self.foreign_key(place)
        groups = [(name,) for name in base if name not in foreign] + ([tuple(foreign)] if foreign else [])
        for names in groups:
            before, now, there = ([side[name] for name in names] for side in (base, mine, theirs))
            if now == before or names[0] == version or names == self.position(place):
                continue
            if there not in (before, now):
                self.changed(place, names, before, now, there)
            merged.update(zip(names, now, strict=True))
        return merged

    def version_column(self, place: Place) -> str | None:
        """Return the column that counts a row's versions."""
        thing = self.things.get(place)
        column = thing.shape.mapper.version_id_col if thing else None
        return column.key if column is not None and column.table is place[0] else None

    def foreign_key(self, place: Place) -> list[str]:
        """Return the columns of a row that hold the subject's relationship: they are one value."""
        prop, thing = self.subject.prop, self.things.get(place)
        if prop is None or prop.secondary is not None or thing is None:
            return []
        holder, other = (
            (prop.parent, prop.mapper) if prop.direction.name == "MANYTOONE" else (prop.mapper, prop.parent)
        )
        if thing.shape.mapper.base_mapper is not holder.base_mapper:
            return []
        referred = next(t for t in self.subject.things.values() if t.shape.mapper.isa(other))
        names = keys_at(prop, holder, referred)
        return [c.key for c in place[0].c if attribute_of(holder, c) in names]

    def position(self, place: Place) -> tuple[str, ...] | None:
        """Return the column that an ``ordering_list`` writes."""
        prop = self.subject.prop
        if prop is None or not is_ordered(prop) or place not in self.things:
            return None
        name = position_name(prop)
        return tuple(c.key for c in place[0].c if attribute_of(prop.mapper, c) == name)

    def with_versions(self, state: State) -> State:
        """Count the version of each row that is written on top of theirs."""
        for place in state:
            column, theirs = self.version_column(place), self.theirs.get(place)
            if column is None or theirs is None:
                continue
            tables = [table for table, _ in self.things[place].by_table]
            is_written = any(state.get((t, place[1])) != self.theirs.get((t, place[1])) for t in tables)
            if is_written:
                state[place] = {**state[place], column: theirs[column] + 1}
        return state

    # ordered lists

    def order(self, state: State) -> None:
        """Count the positions of an ``ordering_list`` through."""
        prop = self.subject.prop
        if prop is None or not is_ordered(prop):
            return
        base, mine, theirs = (self.members(side) for side in (self.base, self.mine, self.theirs))
        kept = self.members(state)
        for position, place in enumerate(in_order(base, mine, theirs, kept)):
            (column,) = self.position(place) or ("",)
            if state[place][column] != position:
                state[place] = {**state[place], column: position}

    def members(self, state: State) -> list[Place]:
        """Return the rows of the collection, in their order."""
        prop = self.subject.prop
        assert prop is not None
        keys = keys_at(prop, prop.mapper, self.subject.root)
        found = []
        for place, row in state.items():
            foreign = self.foreign_key(place)
            position = self.position(place)
            if foreign and position and [row[c] for c in foreign] == list(keys.values()):
                found.append((row[position[0]], place[1], place))
        return [place for _, _, place in sorted(found)]

    # conflicts

    def special(self, variation: Variation) -> list[Clash]:
        """Return the conflict of a variation that is one whatever the rows say."""
        root, subject = self.subject.root, self.subject
        if variation.deleted == "root":
            gone = not all(place in self.theirs for place in self.places(root))
            if gone or root.shape.version is not None:
                lost = self.lost(root, Kind.ROW_DELETED if gone else Kind.ROW_RECREATED, gone=gone)
                return [lost, *self.dangling(variation)] if gone else [lost]
        if variation.deleted and variation.deleted != "root":
            target = subject.things[variation.deleted]
            return [self.about_root(Kind.REFERENCE, MISSING, identity(target), MISSING)]
        if variation.clash == "dict":
            mine, theirs = subject.fresh["mine"], subject.fresh["clash"]
            return [self.about_root(Kind.UNIQUE, MISSING, (mine.class_, (), None), identity(theirs))]
        if variation.clash == "one":
            mine, theirs = subject.fresh["mine"], subject.fresh["theirs"]
            return [self.about_root(Kind.CHANGED, None, (mine.class_, (), None), identity(theirs))]
        if variation.clash == "order":
            orders = [self.members(side) for side in (self.base, self.mine, self.theirs)]
            keys = [tuple(identity(self.things[p]) for p in order) for order in orders]
            return [self.about_root(Kind.ORDER, *keys)]
        return []

    def dangling(self, variation: Variation) -> Iterator[Clash]:
        """Yield the conflicts about a new row of mine that refers back to the row that is gone."""
        prop, fresh = self.subject.prop, self.subject.fresh.get("mine")
        is_added = variation.mine is not None and variation.mine.name in {"mine", "adds mine"}
        if prop is None or fresh is None or not is_added:
            return
        for back in self.subject.root.shape.relations[prop.key].back:
            gone = identity(self.subject.root)
            yield Clash(Kind.REFERENCE, fresh.class_, (), back, MISSING, gone, MISSING)

    def about_root(self, kind: Kind, base: Any, mine: Any, theirs: Any) -> Clash:
        """Return a conflict about the subject's attribute."""
        root = self.subject.root
        return Clash(kind, root.class_, root.primary_key, self.subject.attribute, base, mine, theirs)

    def places(self, thing: Thing) -> list[Place]:
        """Return where a row is."""
        return [(table, key_of(table, values)) for table, values in thing.by_table]

    def lost(self, thing: Thing, kind: Kind, *, gone: bool) -> Clash:
        """Return the conflict about a row that is not the one I changed any more."""
        base, mine = {}, {}
        for name, before, now in self.changed_columns(thing):
            if self.subject.prop is None:
                base[name], mine[name] = before, now
        return Clash(kind, thing.class_, thing.primary_key, "", base, mine, MISSING if gone else ...)

    def changed_columns(self, thing: Thing) -> Iterator[tuple[str, Any, Any]]:
        """Yield the column attributes of a row that I changed, without its version."""
        for place in self.places(thing):
            base, mine = self.base[place], self.mine.get(place)
            for column in place[0].c:
                name = attribute_of(thing.shape.mapper, column)
                changed = mine is not None and base[column.key] != mine[column.key]
                if changed and mine is not None and name is not None and name != thing.shape.version:
                    yield name, base[column.key], mine[column.key]

    def removed_but_changed(self, place: Place, base: Row, theirs: Row) -> None:
        """Note that I removed a row that they changed."""
        thing = self.things.get(place)
        if thing is None:
            return
        names = [
            (name, c.key)
            for c in place[0].c
            if (name := attribute_of(thing.shape.mapper, c)) is not None and base[c.key] != theirs[c.key]
        ]
        self.clashes.append(
            Clash(
                Kind.REMOVED_BUT_CHANGED,
                thing.class_,
                thing.primary_key,
                "",
                {name: base[column] for name, column in names},
                MISSING,
                {name: theirs[column] for name, column in names},
            )
        )

    def changed(self, place: Place, names: tuple[str, ...], base: Any, mine: Any, theirs: Any) -> None:
        """Note two different changes of one value."""
        thing, prop = self.things[place], self.subject.prop
        attribute = attribute_of(thing.shape.mapper, place[0].c[names[0]]) or ""
        if prop is not None and list(names) == self.foreign_key(place):
            back = thing.shape.relations.keys() & set(self.subject.root.shape.relations[prop.key].back)
            attribute = prop.key if prop.direction.name == "MANYTOONE" else next(iter(back), attribute)
        versions = [side[0] if len(side) == 1 else tuple(side) for side in (base, mine, theirs)]
        self.clashes.append(Clash(Kind.CHANGED, thing.class_, thing.primary_key, attribute, *versions))


def identity(thing: Thing) -> tuple[type, tuple[Any, ...], None]:
    """Return a row's identity key."""
    return thing.shape.mapper.base_mapper.class_, thing.primary_key, None


def in_order(base: list[Place], mine: list[Place], theirs: list[Place], kept: list[Place]) -> list[Place]:
    """Return the order of what is kept: of the side that changed it, with the other's rows behind what they follow."""
    common = [place for place in base if place in mine and place in theirs]
    i_moved = [place for place in mine if place in common] != common
    leading, other = (mine, theirs) if i_moved else (theirs, mine)
    result = [place for place in leading if place in kept]
    for number, place in enumerate(other):
        if place in kept and place not in result:
            before = [earlier for earlier in other[:number] if earlier in result]
            result.insert(result.index(before[-1]) + 1 if before else 0, place)
    return result
