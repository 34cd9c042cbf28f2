"""Rows for a case: made from the columns' types or by the user's factories, with the rows they refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ForeignKeyConstraint, Table, inspect
from sqlalchemy.orm import Mapper, QueryableAttribute, RelationshipProperty
from sqlalchemy.orm.exc import UnmappedColumnError

from tether.carry.shape import Shape, shape_of
from tether.testing.values import CannotMakeError, value_of

Factories = Mapping[Any, Callable[[int], Any]]
Key = tuple[Table, tuple[Any, ...]]

FIRST_VERSION: Final = 5  # of rows that are there from the beginning; a row that is inserted again has 1
MINE: Final = 100  # added to a row's number: what each side makes of it
THEIRS: Final = 200


@dataclass(frozen=True, eq=False)
class Thing:
    """A row of a mapped class, as the values of its column attributes."""

    class_: type
    number: int
    values: Mapping[str, Any]
    implied: frozenset[str] = frozenset()  # attributes that a relationship gives their values

    @property
    def shape(self) -> Shape:
        """Facts of its class."""
        return shape_of(self.class_)

    @property
    def primary_key(self) -> tuple[Any, ...]:
        """Values of the primary key."""
        return tuple(self.values[name] for name in self.shape.primary_key)

    @cached_property
    def by_table(self) -> list[tuple[Table, dict[str, Any]]]:
        """The row, or the rows of joined inheritance, as the tables have them; referred to first."""
        mapper = self.shape.mapper
        return [
            (
                table,
                {
                    column.key: self.values[key]
                    for column in table.c
                    if (key := attribute_of(mapper, column)) is not None and key in self.values
                },
            )
            for table in mapper.tables
            if isinstance(table, Table)
        ]


def attribute_of(mapper: Mapper[Any], column: Any) -> str | None:
    """Return the attribute a column is mapped to; None if it is not."""
    try:
        return mapper.get_property_by_column(column).key
    except UnmappedColumnError:
        return None


class Maker:
    """Makes values and rows.

    Args:
        mappers: The classes that rows may be made of.
        make: The user's factories, by mapped class, by attribute (``Order.code``), or by class of a column type.
        dialect: SQLAlchemy's name of the database.
    """

    def __init__(self, mappers: Iterable[Mapper[Any]], make: Factories, dialect: str) -> None:
        self.mappers = list(mappers)
        self.make = dict(make)
        self.dialect = dialect
        self.by_attribute = {
            (key.parent.class_, key.key): factory
            for key, factory in make.items()
            if isinstance(key, QueryableAttribute)
        }

    def value(self, class_: type, name: str, number: int) -> Any:
        """Return a value of a column attribute.

        Raises:
            CannotMakeError: Its type is not known, and there is no factory.
        """
        for owner in class_.__mro__:
            if (owner, name) in self.by_attribute:
                return self.by_attribute[owner, name](number)
            if owner in self.make and name in (values := self.from_class(owner, number)):
                return values[name]
        type_ = shape_of(class_).columns[name].type
        for kind in type(type_).__mro__:
            if kind in self.make:
                return self.make[kind](number)
        try:
            return value_of(type_, number, self.dialect)
        except CannotMakeError as error:
            raise CannotMakeError(f"{error}: make={{{class_.__name__}.{name}: ...}} tells") from None

    def from_class(self, class_: type, number: int) -> Mapping[str, Any]:
        """Return what the factory of a class gives: a mapping, or the loaded attributes of an instance."""
        made = self.make[class_](number)
        return made if isinstance(made, Mapping) else inspect(made).dict

    def three(self, class_: type, name: str, number: int) -> list[Any]:
        """Return different values for base, mine and theirs; fewer where there are no more.

        Raises:
            CannotMakeError: There is one value only.
        """
        base = self.value(class_, name, number)
        found = [base]
        for start in (MINE, THEIRS):
            for more in range(25):
                value = self.value(class_, name, number + start + more)
                if value not in found:
                    found.append(value)
                    break
        if len(found) < 3 and shape_of(class_).columns[name].nullable and None not in found:
            found.append(None)
        if len(found) < 2:
            raise CannotMakeError("its type has one value only")
        return found

    def class_of(self, table: Table) -> type:
        """Return the mapped class whose rows a foreign key to *table* refers to."""
        candidates = [mapper for mapper in self.mappers if mapper.local_table is table]
        candidates.sort(key=lambda mapper: (is_abstract(mapper), mapper.inherits is not None))
        if not candidates:
            raise CannotMakeError(f"the table {table.name} is not mapped")
        return candidates[0].class_


def is_abstract(mapper: Mapper[Any]) -> bool:
    """Return True for a class of a hierarchy that no row is of."""
    return mapper.polymorphic_on is not None and mapper.polymorphic_identity is None


@dataclass
class Scene:
    """The rows that are there before anybody changes something.

    Attributes:
        maker: Makes them.
        things: Rows of mapped classes, in an order in which they can be inserted.
        pairs: Rows of association tables.
    """

    maker: Maker
    things: dict[tuple[type, int], Thing] = field(default_factory=dict)
    pairs: list[tuple[Table, dict[str, Any]]] = field(default_factory=list)
    waiting: list[tuple[type, int]] = field(default_factory=list)  # rows that need others to be made first

    def add(self, class_: type, number: int, fixed: Mapping[str, Any] | None = None) -> Thing:
        """Add a row, and the rows it cannot be without."""
        place = class_, number
        if place not in self.things:
            self.things[place] = self.plan(class_, number, fixed)
        return self.things[place]

    def plan(self, class_: type, number: int, fixed: Mapping[str, Any] | None = None) -> Thing:
        """Return a row that somebody may insert later; the rows it cannot be without are added.

        Raises:
            CannotMakeError: Something of it cannot be made.
        """
        place = class_, number
        if place in self.waiting:
            raise CannotMakeError(f"rows of {class_.__name__} need each other, so none can be the first")
        shape = shape_of(class_)
        if is_abstract(shape.mapper):
            raise CannotMakeError("no row is of this class, only of those that inherit from it")
        self.waiting.append(place)
        try:
            values = dict(fixed or {})
            if shape.polymorphic is not None:
                values.setdefault(shape.polymorphic, shape.mapper.polymorphic_identity)
            if shape.version is not None:
                values.setdefault(shape.version, first_version(shape))
            self.refer(class_, number, values)
            for name in own_columns(shape):
                if name not in values:
                    values[name] = self.maker.value(class_, name, number + offset(shape, name))
        finally:
            self.waiting.pop()
        return Thing(class_, number, values)

    def refer(self, class_: type, number: int, values: dict[str, Any]) -> None:
        """Give the foreign keys of a row their values: None where that is allowed, else the row of that number."""
        mapper = shape_of(class_).mapper
        for constraint in foreign_keys(mapper):
            names = {attribute_of(mapper, element.parent): element.column for element in constraint.elements}
            free = [name for name in names if name is not None and name not in values]
            if not free:
                continue
            columns = [element.parent for element in constraint.elements]
            if all(column.nullable for column in columns if attribute_of(mapper, column) in free):
                values |= dict.fromkeys(free)
                continue
            parent = self.add(self.maker.class_of(constraint.referred_table), number)
            for name in free:
                referred = attribute_of(parent.shape.mapper, names[name])
                assert referred is not None  # the referred class was found by its table
                values[name] = parent.values[referred]

    def join(self, prop: RelationshipProperty[Any], owner: Thing, element: Thing) -> None:
        """Add the row of the association table that links two rows."""
        assert isinstance(prop.secondary, Table)
        sides = [(owner, prop.synchronize_pairs), (element, prop.secondary_synchronize_pairs or ())]
        values = {
            str(column.key): thing.values[attribute_of(thing.shape.mapper, referred) or ""]
            for thing, pairs in sides
            for referred, column in pairs
        }
        self.pairs.append((prop.secondary, values))

    def by_table(self) -> list[tuple[Table, dict[str, Any]]]:
        """Return all rows in an order in which they can be inserted."""
        return [row for thing in self.things.values() for row in thing.by_table] + self.pairs


def own_columns(shape: Shape) -> list[str]:
    """Return the column attributes that a program gives a value."""
    return [
        name
        for name, column in shape.columns.items()
        if not column.computed and table_column(shape, name).computed is None
    ]


def table_column(shape: Shape, name: str) -> Any:
    """Return the (first) column of the table behind an attribute."""
    return shape.mapper.column_attrs[name].columns[0]


def foreign_keys(mapper: Mapper[Any]) -> list[ForeignKeyConstraint]:
    """Return the foreign keys of a class, without those that join the tables of its own inheritance."""
    tables = [table for table in mapper.tables if isinstance(table, Table)]
    found = [constraint for table in tables for constraint in table.foreign_key_constraints]
    found = [
        constraint
        for constraint in found
        if not (constraint.referred_table in tables and constraint.referred_table is not constraint.table)
    ]
    return sorted(found, key=lambda constraint: [column.key for column in constraint.columns])


def first_version(shape: Shape) -> Any:
    """Return the version that a row has at the beginning."""
    if table_column(shape, shape.version or "").type.python_type is int:
        return FIRST_VERSION
    generator = shape.mapper.version_id_generator
    if not callable(generator):
        raise CannotMakeError("its version is made by the database")
    return generator(None)


def offset(shape: Shape, name: str) -> int:
    """Return what keeps the primary keys of classes that share a table apart."""
    if name not in shape.primary_key:
        return 0
    hierarchy = sorted(mapper.class_.__name__ for mapper in shape.mapper.base_mapper.self_and_descendants)
    return 20 * hierarchy.index(shape.class_.__name__)
