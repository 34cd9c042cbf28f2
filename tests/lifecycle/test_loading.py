"""Mappings and loader options: whether an attribute is loaded, and what a read of it does, is what the table says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy.orm
from sqlalchemy import (
    Column,
    Computed,
    Engine,
    FetchedValue,
    ForeignKey,
    Integer,
    String,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Load, Session, column_property, deferred, registry, relationship

from tests.lifecycle.checking import holds_here
from tests.lifecycle.conftest import Databases
from tests.lifecycle.world import PRIMARY_KEY, Part, Thing
from tether.lifecycle import table
from tether.lifecycle.rows import Mapping

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Give the list of what is sent from here on."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def loading(instance: object, name: str, engine: Engine) -> str:
    """Return the word of LOADING that is true of an attribute, by reading it."""
    if name not in inspect(instance).unloaded and vars(instance).get(name):
        return "load"
    with statements(engine) as sent:
        try:
            value = getattr(instance, name)
        except InvalidRequestError as error:
            return "raise on sql" if "raise_on_sql" in str(error) else "raise"
    if sent:
        return "leave"
    return "query" if hasattr(value, "select") or hasattr(value, "filter") else "empty"


# ---------------------------------------------------------------- mappings

SQL = func.lower("SQL")


def columns(setting: str, value: Any) -> dict[str, Any]:
    """Return the arguments of a Column with *setting*."""
    if setting in ("", "deferred", "deferred_raiseload", "version_id_col", "primary_key", "lazy", "Computed"):
        return {}
    if setting == "server_onupdate":
        return {setting: FetchedValue()}
    return {"default" if setting == "insert_default" else setting: SQL if value == "sql" else "value"}


class Mapped:
    """A class with an attribute ``x`` that is mapped as a fact of the table says, with a row, on an Engine."""

    def __init__(self, fact: Mapping, value: str) -> None:
        self.registry = registry()
        self.engine = create_engine("sqlite://")
        self.parent, self.child = type("Parent", (), {}), type("Child", (), {})
        setting = fact.setting
        extra = [Column("x", Integer if setting == "version_id_col" else String, **columns(setting, value))]
        if setting == "Computed":
            extra = [Column("x", String, Computed("name || 'x'"))]
        if setting in ("column_property", "primary_key") or fact.kind == "relationship":
            extra = []
        parents = Table(
            "parent",
            self.registry.metadata,
            Column("x" if setting == "primary_key" else "id", Integer, primary_key=True),
            Column("name", String),
            *extra,
        )
        key = next(iter(parents.primary_key))
        Table(
            "child",
            self.registry.metadata,
            Column("id", Integer, primary_key=True),
            Column("of", ForeignKey(key)),
        )
        self.registry.map_imperatively(self.child, self.registry.metadata.tables["child"])
        properties: dict[str, Any] = {}
        if fact.kind == "relationship":
            lazy = {"lazy": eval(value)} if value else {}
            properties = {"x": relationship(self.child, **lazy)}
        elif setting in ("deferred", "deferred_raiseload"):
            properties = {"x": deferred(parents.c.x, raiseload=setting == "deferred_raiseload")}
        elif setting == "column_property":
            properties = {"x": column_property(parents.c.name + "x")}
        versioned = {"version_id_col": parents.c.x} if setting == "version_id_col" else {}
        self.registry.map_imperatively(self.parent, parents, properties=properties, **versioned)
        self.registry.metadata.create_all(self.engine)

    def row(self, fact: Mapping) -> Any:
        """Return an instance, not in a Session, with a value for ``x`` if that has none by itself."""
        instance = self.parent()
        instance.name = "name"
        if fact.kind == "relationship":
            instance.x = [self.child()]
        elif fact.setting in ("", "deferred", "deferred_raiseload", "server_onupdate", "onupdate"):
            instance.x = "set"
        return instance


FACTS = [(fact, value) for fact in table().mappings if holds_here(fact) for value in fact.values or ("",)]


@pytest.mark.parametrize(
    ("fact", "value"), FACTS, ids=[f"{one.kind}-{one.setting}-{value}" for one, value in FACTS]
)
def test_mapping(fact: Mapping, value: str) -> None:
    """
    An attribute is loaded, or not, as the table says: after a query, an INSERT and an UPDATE.
    """
    mapped = Mapped(fact, value)
    with Session(mapped.engine) as session:
        bare = mapped.parent()
        bare.name = "bare"
        session.add_all([mapped.row(fact), bare])
        session.flush()
        inserted = loading(bare, "x", mapped.engine)
        session.commit()
        session.expunge_all()
        instance = session.scalars(select(mapped.parent).where(mapped.parent.name == "name")).unique().one()
        queried = loading(instance, "x", mapped.engine)
        before = "x" in inspect(instance).unloaded
        instance.name = "changed"
        session.flush()
        kept = before == ("x" in inspect(instance).unloaded)
        updated = "keep" if kept else loading(instance, "x", mapped.engine)
        mapped.registry.dispose()

    assert (fact.queried, fact.inserted, fact.updated) == (queried, inserted, updated)


# ---------------------------------------------------------------- options

OPTIONS = {
    name: option for name, options in table().options.items() for option in options if holds_here(option)
}
NAMES_NO_ATTRIBUTE = ("undefer_group", "selectin_polymorphic")
COLUMN_OPTIONS = ("load_only", "defer", "undefer", "undefer_group")


def applied(name: str, attribute: Any, **given: Any) -> Any:
    """Return the option called *name*, as a function or as a method of Load, for *attribute*."""
    member = name.rpartition(".")[2]
    make = getattr(Load(Thing), member) if ".Load." in name else getattr(sqlalchemy.orm, member)
    if member == "undefer_group":
        return make("long")
    if member == "selectin_polymorphic":
        return make([]) if ".Load." in name else make(Thing, [])
    return make(attribute, **given)


def seen_with(databases: Databases, attribute: str, *options: Any) -> str:
    """Return what a query with *options* does to an attribute."""
    engine = databases.fresh()
    query = select(Thing).where(Thing.id == PRIMARY_KEY["clean"]).options(*options)
    if "contains_eager" in repr(options):
        query = query.join(Thing.parts)
    with Session(engine) as session:
        return loading(session.scalars(query).unique().one(), attribute, engine)


@pytest.mark.parametrize("name", OPTIONS)
def test_option(name: str, databases: Databases) -> None:
    """
    A loader option does to the attribute it names what the table says.
    """
    option, member = OPTIONS[name], name.rpartition(".")[2]
    loads = option.effect == "load"
    attribute = ("note" if loads else "name") if member in COLUMN_OPTIONS else ("parts" if loads else "tags")
    made = applied(name, getattr(Thing, attribute))
    query = select(Thing).where(Thing.id == PRIMARY_KEY["clean"]).options(made)
    if member == "contains_eager":
        query = query.join(Thing.parts)
    engine = databases.fresh()
    with Session(engine) as session:
        instance = session.scalars(query).unique().one()
        other = "made" not in inspect(instance).unloaded
        seen = loading(instance, attribute, engine)

    assert (option.effect.replace("keep", "load"), option.other == "keep") == (seen, other)


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.given[0]])
def test_option_with_a_parameter(name: str, databases: Databases) -> None:
    """
    A parameter that changes what a loader option does, such as raiseload=True, does what the table says.
    """
    option, member = OPTIONS[name], name.rpartition(".")[2]
    parameter, effect = option.given
    attribute, read = (
        (Thing.tags, "tags") if option.follows else (Thing.name, "name" if member == "defer" else "made")
    )

    assert effect == seen_with(databases, read, applied(name, attribute, **{parameter: True}))


@pytest.mark.parametrize("name", [name for name in OPTIONS if not name.endswith(NAMES_NO_ATTRIBUTE)])
def test_option_leads_on(name: str, databases: Databases) -> None:
    """
    An option chained to another is about the class that the first one leads to, if the table says so.
    """
    option, member = OPTIONS[name], name.rpartition(".")[2]
    made = applied(name, Thing.note if member in COLUMN_OPTIONS else Thing.parts)
    try:
        made.load_only(Part.id)
        follows = True
    except sqlalchemy.exc.ArgumentError:
        follows = False

    assert option.follows == follows
