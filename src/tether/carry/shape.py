"""Facts of a mapped class, looked up once per mapper."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from sqlalchemy import inspect
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.ext.orderinglist import OrderingList
from sqlalchemy.orm import (
    ColumnProperty,
    CompositeProperty,
    Mapper,
    RelationshipProperty,
)
from sqlalchemy.sql.schema import Column as TableColumn
from sqlalchemy.types import TypeEngine

from tether.carry.graph import Kind
from tether.orm import private

SECRET = "secret"


@dataclass(frozen=True, slots=True)
class Column:
    """A column attribute.

    Attributes:
        key: Name of the attribute, not of the column.
        type: SQLAlchemy's type object.
        primary_key: Whether it is part of the mapper's primary key.
        nullable: Whether the table takes NULL.
        deferred: Whether a plain query leaves it out.
        secret: ``info={"tether": "secret"}``: its value never leaves a Session.
        computed: An SQL expression (``column_property``): it cannot be written.
    """

    key: str
    type: TypeEngine[Any]
    primary_key: bool
    nullable: bool
    deferred: bool
    secret: bool
    computed: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship.

    Attributes:
        key: Name of the attribute.
        target: Mapped class at the other end (the root, where subclasses may stand there).
        direction: "MANYTOONE", "ONETOMANY" or "MANYTOMANY".
        kind: "one", "list", "set" or "dict".
        ordered: The order of a list has a meaning: an ``order_by``, or an ``ordering_list``.
        viewonly: Never written.
        query: ``lazy="dynamic"`` or ``"write_only"``: the attribute is a query.
        back: Names of the attributes of *target* that are its other side.
        secret: ``info={"tether": "secret"}``.
        cascades: SQLAlchemy's names: "save-update", "delete-orphan" and so on.
    """

    key: str
    target: type
    direction: str
    kind: Kind
    ordered: bool
    viewonly: bool
    query: bool
    back: tuple[str, ...]
    secret: bool
    cascades: frozenset[str]


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite attribute: its class, and the column attributes it is made of, in order."""

    key: str
    class_: Any
    columns: tuple[str, ...]


class Shape:
    """What tether knows of a mapped class.

    Attributes:
        class_: The class.
        mapper: Its mapper, configured.
        columns: Column attributes by name.
        relations: Relationships by name.
        composites: Composite attributes by name.
        synonyms: Name -> the name it stands for.
        primary_key: Names of the column attributes of the primary key, in the identity key's order.
        version: Name of the column attribute of ``version_id_col``; None without one.
        version_counts: SQLAlchemy counts it itself, from 1: a lower number is another row under the same key.
        version_is_set: The program sets it (``version_id_generator=False``), and the database does not.
        secrets: Names of columns and relationships that never leave.
        polymorphic: Name of the column attribute that says which class a row has; None without one.
    """

    def __init__(self, mapper: Mapper[Any]) -> None:
        self.mapper = mapper
        self.class_: type = mapper.class_
        properties = [prop for prop in mapper.attrs if not prop.key.startswith("_sa_")]
        self.columns: Mapping[str, Column] = {
            prop.key: column_of(mapper, prop) for prop in properties if isinstance(prop, ColumnProperty)
        }
        self.relations: Mapping[str, Relation] = {
            prop.key: relation_of(prop) for prop in properties if isinstance(prop, RelationshipProperty)
        }
        self.composites: Mapping[str, Composite] = {
            prop.key: composite_of(prop) for prop in properties if isinstance(prop, CompositeProperty)
        }
        self.synonyms: Mapping[str, str] = {prop.key: prop.name for prop in mapper.synonyms}
        self.primary_key = tuple(mapper.get_property_by_column(c).key for c in mapper.primary_key)
        self.version = attribute_of(mapper, mapper.version_id_col)
        generator: Any = mapper.version_id_generator
        self.version_counts = getattr(generator, "__module__", "") == Mapper.__module__
        self.version_is_set = generator is False and not is_from_server(mapper.version_id_col)
        self.polymorphic = attribute_of(mapper, mapper.polymorphic_on)
        self.secrets = frozenset(
            [column.key for column in self.columns.values() if column.secret]
            + [relation.key for relation in self.relations.values() if relation.secret]
        )

    @cached_property
    def schema(self) -> dict[str, dict[str, str]]:
        """What a document says of the class, so that a later program knows what changed since."""
        return {
            "columns": {name: type_name(column.type) for name, column in sorted(self.columns.items())},
            "relations": {
                name: f"{relation.kind} {relation.target.__name__}"
                for name, relation in sorted(self.relations.items())
            },
        }

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when the schema does."""
        text = repr((self.schema, self.primary_key))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def type_name(type_: TypeEngine[Any]) -> str:
    """Return the name of a type by which two schemas are compared: "Integer", "String"; lengths do not count."""
    return type(type_).__name__.lower()


def attribute_of(mapper: Mapper[Any], column: object) -> str | None:
    """Return the column attribute a column of a table is mapped to; None if it is not mapped by name."""
    if not isinstance(column, TableColumn) or column not in mapper.columns.values():
        return None
    key = mapper.get_property_by_column(column).key
    return None if key.startswith("_sa_") else key


def is_from_server(column: object) -> bool:
    """Return whether the database gives a column its value."""
    return isinstance(column, TableColumn) and (
        column.server_default is not None or column.server_onupdate is not None or column.system
    )


def is_secret(*infos: Mapping[Any, Any]) -> bool:
    """Return whether any of the ``info`` dictionaries says that the value must not leave."""
    return any(info.get("tether") == SECRET for info in infos)


def column_of(mapper: Mapper[Any], prop: ColumnProperty[Any]) -> Column:
    """Return the facts of a column attribute."""
    first = prop.columns[0]
    table_columns = [column for column in prop.columns if isinstance(column, TableColumn)]
    return Column(
        key=prop.key,
        type=first.type,
        primary_key=any(column in mapper.primary_key for column in prop.columns),
        nullable=all(bool(column.nullable) for column in table_columns),
        deferred=bool(prop.deferred),
        secret=is_secret(prop.info, *(column.info for column in table_columns)),
        computed=not table_columns,
    )


def relation_of(prop: RelationshipProperty[Any]) -> Relation:
    """Return the facts of a relationship."""
    sample = (prop.collection_class or list)() if prop.uselist else None
    return Relation(
        key=prop.key,
        target=prop.mapper.class_,
        direction=prop.direction.name,
        kind=kind_of(sample) if prop.uselist else "one",
        ordered=bool(prop.order_by) or isinstance(sample, OrderingList),
        viewonly=bool(prop.viewonly),
        query=prop.lazy in {"dynamic", "write_only"},
        back=private.back_references(prop),
        secret=is_secret(prop.info),
        cascades=frozenset(prop.cascade),
    )


def kind_of(sample: object) -> Kind:
    """Return which of the three collections an empty one is; a class that is none of them says what it emulates."""
    emulated = getattr(type(sample), "__emulates__", None) or type(sample)
    for kind, builtin in (("dict", dict), ("set", set)):
        if issubclass(emulated, builtin):
            return cast("Kind", kind)
    return "dict" if hasattr(sample, "keys") else "set" if hasattr(sample, "add") else "list"


def composite_of(prop: CompositeProperty[Any]) -> Composite:
    """Return the facts of a composite."""
    return Composite(prop.key, prop.composite_class, tuple(column.key for column in prop.props))


def shape_of(class_: type) -> Shape:
    """Return the facts of a mapped class, and configure its mapper if that was not done.

    Raises:
        TypeError: *class_* is not mapped.
    """
    mapper: Mapper[Any] | None = getattr(class_, "__mapper__", None)  # inspect() costs twenty times as much
    if mapper is not None and mapper.class_ is class_:
        known: Shape | None = mapper.class_manager.info.get("tether_shape")
        if known is not None:
            return known
    try:
        mapper = inspect(class_)
    except NoInspectionAvailable:
        raise TypeError(f"{class_.__module__}.{class_.__qualname__} is not a mapped class") from None
    # Kept at the class's own manager, so that it goes when the class does.
    facts: dict[Any, Any] = mapper.class_manager.info
    shape: Shape | None = facts.get("tether_shape")
    return shape or facts.setdefault("tether_shape", Shape(mapper))


def position_attribute(shape: Shape, name: str) -> str | None:
    """Return the attribute that an ``ordering_list`` writes on each element; None for other collections."""
    collection_class = shape.mapper.relationships[name].collection_class
    if collection_class is None or isinstance(collection_class, type):
        return None
    sample: Any = collection_class()
    return str(sample.ordering_attr) if isinstance(sample, OrderingList) else None
