"""Instances in, tables of plain values out. Reads ``__dict__`` only, so it never loads anything.

Instances are followed level by level, and all of one class at once; their columns are read at the end. So the work
for each value is done by ``map()`` and ``itemgetter()``, and none of it is Python code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, count, repeat
from operator import attrgetter, contains, itemgetter
from typing import Any, TypeAlias, TypeVar

from sqlalchemy.orm import InstanceState

from tether.carry.columns import copied
from tether.carry.graph import Graph, IdentityKey, Status
from tether.carry.naming import Excluded
from tether.carry.near import named
from tether.carry.shape import Relation, Shape, shape_of
from tether.carry.tables import Links, Nodes, Table, Tables
from tether.errors import SnapshotError
from tether.orm import private

T = TypeVar("T")
ATTRIBUTES = attrgetter("__dict__")


def state_of(instance: object, verb: str) -> InstanceState[Any]:
    """Return the state of a row that exists in the database.

    Raises:
        SnapshotError: It is not a mapped instance, or has no row (yet, or any more).
    """
    state = private.state_of_anything(instance)
    if state is None:
        hint = "; its class is a twin, so this is a snapshot or draft already" if is_twin(instance) else ""
        raise SnapshotError(f"{verb}() takes instances of mapped classes; got {named(instance)}{hint}")
    name = state.class_.__name__
    if state.deleted or state.was_deleted:
        raise SnapshotError(f"{verb}(): this {name} is deleted: there is no row to take")
    if state.pending:
        raise SnapshotError(f"{verb}(): this {name} is pending, it has no row yet: session.flush() first")
    if state.key is None:
        raise SnapshotError(
            f"{verb}(): this {name} is transient, it has no row: session.add() it and flush() first"
        )
    return state


def is_twin(thing: object) -> bool:
    """Return whether *thing* is a row of a snapshot or draft, without running code of its class."""
    return hasattr(type(thing), "_tether_view")


def are_twins(things: Iterable[object]) -> Iterable[bool]:
    """Return of each class among *things* whether its instances are rows of a snapshot or draft."""
    return [hasattr(class_, "_tether_view") for class_ in set(map(type, things))]


@dataclass(slots=True)
class Part:
    """Instances of one class of which the same relationships are loaded, before their columns are read."""

    shape: Shape
    tokens: list[int] = field(default_factory=list)
    dicts: list[dict[str, Any]] = field(default_factory=list)
    states: list[InstanceState[Any]] = field(default_factory=list)
    links: dict[str, Links] = field(default_factory=dict)


class Taker:
    """Builds one graph.

    Attributes:
        instances: What was taken, by token; kept so that no ``id()`` is used twice.
    """

    def __init__(self, excluded: Excluded, verb: str = "snapshot") -> None:
        self.excluded = excluded
        self.verb = verb
        self.instances: list[Any] = []
        self.tokens: dict[int, Any] = {id(None): None}
        self.left_out: dict[type, frozenset[str]] = {}
        self.parts: dict[tuple[type, tuple[str, ...]], Part] = {}

    def take(self, roots: Sequence[object], *, many: bool) -> Graph:
        """Return the graph of everything that is loaded and reached from *roots*."""
        graph = Graph(datetime.now(UTC), many=many)
        for root in roots:
            if root is None:
                state_of(root, self.verb)  # None has no row; it is what an empty relationship holds
        graph.roots = self.tokens_of(list(roots))
        done = 0
        while done < len(self.instances):  # not recursion: a chain of rows may be long
            level = range(done, len(self.instances))
            done = len(self.instances)
            for class_, tokens in self.by_class(level):
                self.visit(class_, tokens)
        tables = [table for part in self.parts.values() for table in self.tables_of(part)]
        graph.nodes = Nodes(Tables(with_parents(tables), graph.roots))
        graph.fingerprints = {class_: shape_of(class_).fingerprint for class_ in self.left_out}
        if roots:
            self.excluded.check()
        return graph

    def tokens_of(self, held: list[Any]) -> list[Any]:
        """Return the token of each instance (None for None), and note those that are new to be taken."""
        known, start = self.tokens, len(self.instances)
        numbers = list(map(id, held))
        new = set(numbers)
        if len(new) == len(held) and known.keys().isdisjoint(new):  # as in most one-to-many relationships
            tokens = list(range(start, start + len(held)))
            known.update(zip(numbers, tokens, strict=True))
            self.instances += held
            return tokens
        by_number = {
            number: thing for number, thing in zip(numbers, held, strict=True) if number not in known
        }
        known.update(zip(by_number, count(start), strict=False))
        self.instances += by_number.values()
        return list(map(known.__getitem__, numbers))

    def by_class(self, level: range) -> Iterable[tuple[type, Sequence[int]]]:
        """Return the classes of some instances, with the tokens of each."""
        classes = list(map(type, self.instances[level.start : level.stop]))
        if len(set(classes)) == 1:
            return [(classes[0], level)]
        found: dict[type, list[int]] = defaultdict(list)
        for class_, token in zip(classes, level, strict=True):
            found[class_].append(token)
        return found.items()

    def visit(self, class_: type, tokens: Sequence[int]) -> None:
        """Note what the loaded relationships of some instances hold."""
        instances = (
            self.instances[tokens.start : tokens.stop]
            if isinstance(tokens, range)
            else [self.instances[token] for token in tokens]
        )
        mapped = private.manager_of(class_) is not None
        dicts = list(map(ATTRIBUTES, instances)) if mapped else []
        states = private.states_with_rows(dicts)
        if not mapped or states is None:
            states = [state_of(instance, self.verb) for instance in instances]
        shape = shape_of(class_)
        if class_ not in self.left_out:
            self.left_out[class_] = self.excluded.of(shape)
        left_out = self.left_out[class_]
        names = [
            name for name, relation in shape.relations.items() if not relation.query and name not in left_out
        ]
        for held, rows in columns_of(dicts, names):
            part = self.parts.setdefault((class_, tuple(held)), Part(shape))
            part.dicts += picked(dicts, rows)
            part.tokens += picked(tokens, rows)
            part.states += picked(states, rows)
            for name, values in held.items():
                self.link(part, shape.relations[name], values)

    def link(self, part: Part, relation: Relation, held: list[Any]) -> None:
        """Note what one relationship of some rows holds."""
        kind = relation.kind
        links = part.links.setdefault(relation.key, Links(kind, []))
        if kind == "one":
            links.tokens += self.tokens_of(held)
            return
        if kind == "dict":
            links.keys += [key for each in held for key in each.keys()]  # noqa: SIM118  # the collection's own way
            held = [list(each.values()) for each in held]
        elif not all(issubclass(of, list | set) for of in set(map(type, held))):
            held = [list(each) for each in held]
        links.counts += map(len, held)
        links.tokens += self.tokens_of(list(chain.from_iterable(held)))

    def tables_of(self, part: Part) -> Iterable[Table]:
        """Yield the rows of a part, those with the same attributes together."""
        shape = part.shape
        left_out = self.left_out[shape.class_]
        names = [name for name in shape.columns if name not in left_out]
        for values, rows in columns_of(part.dicts, names):
            whole = len(rows) == len(part.dicts)
            states = picked(part.states, rows)
            table = Table(
                shape.class_,
                picked(part.tokens, rows),
                list(map(attrgetter("key"), states)),
                {},
                part.links if whole else {name: links.pick(rows) for name, links in part.links.items()},
                {},
            )
            for name, of in values.items():
                kinds = set(map(type, of))
                found = table.columns[name] = copied(of, kinds, shape.columns[name].type)
                table.kinds[name] = kinds if found is of else set(map(type, found))
            add_keys(table, shape, left_out)
            yield from with_status(table, shape, left_out, states)


Columns: TypeAlias = dict[str, list[Any]]


def columns_of(dicts: list[dict[str, Any]], names: Sequence[str]) -> Iterable[tuple[Columns, Sequence[int]]]:
    """Yield the values of those of *names* that are loaded, with the rows that have exactly those."""
    everywhere = same_columns(dicts, names)
    if everywhere is not None:
        yield everywhere, range(len(dicts))
        return
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, values in enumerate(dicts):
        groups[tuple([name for name in names if name in values])].append(row)
    for loaded, rows in groups.items():
        yield {name: [dicts[row][name] for row in rows] for name in loaded}, rows


def same_columns(dicts: list[dict[str, Any]], names: Sequence[str]) -> Columns | None:
    """Return the values that are loaded; None if not every row has the same."""
    for name in names:
        if name not in dicts[0] and any(map(contains, dicts, repeat(name))):
            return None
    try:
        return {name: list(map(itemgetter(name), dicts)) for name in names if name in dicts[0]}
    except KeyError:
        return None


def picked(values: Sequence[T], rows: Sequence[int]) -> list[T]:
    """Return the values of some rows."""
    return list(values) if len(rows) == len(values) else [values[row] for row in rows]


def add_keys(table: Table, shape: Shape, left_out: frozenset[str]) -> None:
    """Add the primary key where it is not loaded: it is known without a SELECT, also of an expired row."""
    for place, name in enumerate(shape.primary_key):
        if name not in table.columns and name not in left_out:
            table.columns[name] = [key[1][place] for key in table.keys if key is not None]


def with_status(
    table: Table, shape: Shape, left_out: frozenset[str], states: list[InstanceState[Any]]
) -> Iterable[Table]:
    """Yield the table with the reason for each attribute that has no value; rows whose reasons differ apart."""
    queries = {name for name, relation in shape.relations.items() if relation.query}
    known = table.columns.keys() | table.links.keys()
    table.status = {name: Status.EXCLUDED for name in (*shape.columns, *shape.relations) if name in left_out}
    table.status |= {name: Status.QUERY for name in shape.relations if name in queries - left_out}
    missing = [name for name in (*shape.columns, *shape.relations) if name not in known | table.status.keys()]
    groups: dict[frozenset[str], list[int]] = defaultdict(list)
    if missing and any(state.expired_attributes for state in states):
        for row, state in enumerate(states):
            groups[frozenset(state.expired_attributes.intersection(missing))].append(row)
    for expired, rows in groups.items() or [(frozenset[str](), range(len(states)))]:
        found = table if len(rows) == len(states) else table.pick(rows)
        found.status |= {name: Status.EXPIRED if name in expired else Status.UNLOADED for name in missing}
        yield found


def with_parents(tables: list[Table]) -> list[Table]:
    """Return the tables; the children of a loaded one-to-many are given their parent.

    SQLAlchemy leaves the many-to-one side unloaded, because reading it finds the parent in the identity map
    without SQL; a snapshot has no identity map.
    """
    for parent in list(tables):
        for name, links in parent.links.items():
            relation = shape_of(parent.class_).relations[name]
            if relation.direction == "ONETOMANY" and relation.back:
                tables = [
                    found for table in tables for found in adopted(table, relation, parent.tokens, links)
                ]
    return tables


def adopted(table: Table, relation: Relation, parents: list[int], links: Links) -> Iterable[Table]:
    """Yield a table whose rows know their parent, and one of the rows that have none here."""
    relations = shape_of(table.class_).relations
    names = [
        name
        for name in relation.back
        if name in relations and relations[name].kind == "one" and table.status.get(name) is Status.UNLOADED
    ]
    if not names:
        return [table]
    if links.kind == "one":
        parent_of = dict(zip(links.tokens, parents, strict=True))
    else:
        each = chain.from_iterable(map(repeat, parents, links.counts))
        parent_of = dict(zip(links.tokens, each, strict=True))
    found = [row for row, token in enumerate(table.tokens) if token in parent_of]
    if not found:
        return [table]
    rest = [row for row, token in enumerate(table.tokens) if token not in parent_of]
    children = table.pick(found) if rest else table
    for name in names:
        children.links[name] = Links("one", [parent_of[token] for token in children.tokens])
        del children.status[name]
    return [children, table.pick(rest)] if rest else [children]


def identity(key: IdentityKey) -> str:
    """Return a row's class and primary key, as an error names it."""
    return f"{key[0].__name__}({', '.join(map(repr, key[1]))})"
