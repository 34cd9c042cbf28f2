"""What an instance is and holds right now. Public SQLAlchemy API only; nothing here loads or changes.

Every function takes the ``InstanceState`` of ``sqlalchemy.inspect(instance)``,
except ``state_of``, which takes either. None of them may be given an unmapped object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.orm import (
    ColumnProperty,
    InstanceState,
    LoaderCallableStatus,
    Mapper,
    MapperProperty,
    PassiveFlag,
    RelationshipDirection,
    SynonymProperty,
)
from sqlalchemy.orm.attributes import History
from sqlalchemy.sql import visitors

from tether.core.states import State
from tether.orm import private

IdentityKey = tuple[type[Any], tuple[Any, ...], Any]

SECRET = "secret"  # Column(..., info={"tether": "secret"})


def state_of(instance: object) -> State:
    """Return where *instance*, a mapped instance or its ``InstanceState``, stands towards a Session.

    A detached instance whose row was deleted (``InstanceState.was_deleted``) is detached.
    """
    state: InstanceState[Any] = sqlalchemy_inspect(instance)  # an InstanceState inspects to itself
    # The order matters: `deleted` and `persistent` exclude each other, and
    # `transient` covers a pending instance whose Session was garbage-collected.
    if state.persistent:
        return State.PERSISTENT
    if state.detached:
        return State.DETACHED
    if state.pending:
        return State.PENDING
    return State.DELETED if state.deleted else State.TRANSIENT


def identity_key(state: InstanceState[Any]) -> IdentityKey | None:
    """Return ``(class, primary key, identity token)``, or None before the first flush.

    The class is the one at the root of the inheritance tree.
    """
    return state.identity_key


def class_path(state: InstanceState[Any]) -> str:
    """Return the dotted path of the instance's class, such as ``app.models.User``."""
    return dotted(state.class_)


def dotted(cls: type[Any]) -> str:
    """Return the dotted path of a class; nested classes keep their qualified name."""
    return f"{cls.__module__}.{cls.__qualname__}"


def net_changes(state: InstanceState[Any], dict_: dict[str, Any] | None = None) -> list[str]:
    """Return the names of the attributes whose unflushed change really differs, first change first.

    Setting an equal value is no net change; neither is what ``merge()`` marks
    as modified without a difference. A value set while the old one was not
    loaded counts: it cannot be compared without SQL. A composite counts through its
    columns. Changes that only a backref made to an unloaded collection are left
    out: the other side carries them.

    Args:
        state: Any state.
        dict_: The instance's ``__dict__``, if the instance itself may be gone.

    Calls the comparison of the column types (``TypeEngine.compare_values``), nothing else.
    """
    return list(_differing(state, dict_))


def has_net_changes(state: InstanceState[Any], dict_: dict[str, Any] | None = None) -> bool:
    """Return True at the first attribute that ``net_changes`` would name."""
    return next(_differing(state, dict_), None) is not None


def _differing(state: InstanceState[Any], dict_: dict[str, Any] | None) -> Iterator[str]:
    values = state.dict if dict_ is None else dict_
    # committed_state holds every attribute that was set, appended to, deleted or
    # flagged since the last flush, so nothing else can have a change.
    for key, old in tuple(state.committed_state.items()):
        if key not in state.manager:
            continue  # the attribute was replaced on the class since
        impl = state.manager[key].impl
        if not (impl.collection or impl.uses_objects):
            # What History.from_scalar_attribute does, at a tenth of the cost.
            if impl.is_equal(values.get(key, LoaderCallableStatus.NO_VALUE), old) is not True:
                yield key
            continue
        if dict_ is not None and impl.collection and key in values:
            # The instance may be gone, and with it what a history needs (see private.elements).
            if _elements(values[key]) != _elements(old):
                yield key
            continue
        # A one-to-one that was set while it was not loaded: asking for its history
        # emits a SELECT for the old value even with PASSIVE_NO_INITIALIZE, because
        # ScalarObjectAttributeImpl.get_history adds SQL_OK (2.0.20, 2.0.58, 2.1.9).
        if old is LoaderCallableStatus.PASSIVE_NO_RESULT:
            if not refers_already(state, key, values.get(key)):
                yield key
        elif _history(state, values, key).has_changes():
            yield key


def refers_already(state: InstanceState[Any], key: str, target: object) -> bool:
    """Return True if the foreign key, as it was loaded, says that *target* is what relationship *key* refers to.

    The related instance need not be loaded for that. False also if it cannot be told without SQL, and for a
    relationship that is not many-to-one.
    """
    relationship = state.mapper.relationships.get(key)
    if relationship is None or relationship.direction is not RelationshipDirection.MANYTOONE:
        return False
    other = None if target is None else sqlalchemy_inspect(target)
    for local, remote in relationship.local_remote_pairs or ():
        name = state.mapper.get_property_by_column(local).key
        held = state.committed_state.get(name, state.dict.get(name, LoaderCallableStatus.NO_VALUE))
        wanted = None if other is None else other.dict.get(other.mapper.get_property_by_column(remote).key)
        if isinstance(held, LoaderCallableStatus) or held != wanted or (other is not None and wanted is None):
            return False
    return True


def _elements(collection: Any) -> set[int]:
    if isinstance(collection, LoaderCallableStatus):
        return set()  # it was not loaded; what was appended since stands in the collection
    return {id(element) for element in private.elements(collection)}


def _history(state: InstanceState[Any], values: dict[str, Any], key: str) -> History:
    history: History = state.manager[key].impl.get_history(state, values, PassiveFlag.PASSIVE_NO_INITIALIZE)
    return history


def is_secret(mapper: Mapper[Any], key: str) -> bool:
    """Return True if the attribute *key* holds data that must never be shown.

    A column says so with ``info={"tether": "secret"}``; a relationship, a
    composite or a column property may say so itself. A composite is secret if
    one of its columns is, a synonym if its target is, a computed column if a
    secret one is part of it. Names that are not mapped
    (hybrids, association proxies) are not secret by themselves.
    """
    if key not in mapper.attrs:
        return False
    prop = mapper.attrs[key]
    if isinstance(prop, SynonymProperty) and is_secret(mapper, prop.name):
        return True
    return _says_secret(prop) or any(map(_says_secret, _columns(prop)))


def _says_secret(thing: object) -> bool:
    return getattr(thing, "info", {}).get("tether") == SECRET


def _columns(prop: MapperProperty[Any]) -> Iterator[object]:
    for expression in getattr(prop, "columns", ()):
        # A column_property may compute something from a secret column: look inside.
        yield from visitors.iterate(expression)


def unloaded(state: InstanceState[Any]) -> set[str]:
    """Return the names of mapped columns and relationships that have no value in memory.

    Expired and deferred ones are among them. Synonyms and composites are not:
    their columns are.
    """
    mapper = state.mapper
    names = (*mapper.column_attrs.keys(), *mapper.relationships.keys())
    return {name for name in names if name not in state.dict}


def expired(state: InstanceState[Any]) -> set[str]:
    """Return the names of columns that the next read of any of them loads, all in one refresh.

    Also columns that the query left out because it selected a superclass, and
    columns whose value the database generated in the last flush: SQLAlchemy
    keeps them in the same set. Relationships are left out: an expire drops them,
    and a refresh brings back only those that the mapping loads eagerly. Columns
    mapped as deferred are deferred again; a ``query_expression()`` never loads by itself.
    """
    columns, here = state.mapper.column_attrs, state.dict
    names = (key for key in state.expired_attributes if key in columns and key not in here)
    return {key for key in names if not _passed_by(columns[key])}


def _passed_by(prop: ColumnProperty[Any]) -> bool:
    # A full expire puts these into expired_attributes too, but no refresh loads them:
    # AttributeImpl.load_on_unexpire or accepts_scalar_loader is False for them.
    return prop.deferred or bool(dict(prop.strategy_key).get("query_expression"))


def deferred(state: InstanceState[Any]) -> set[str]:
    """Return the names of columns that are loaded only when they are read, alone or by group.

    Deferred by the mapping, or by an option of the query (``defer``,
    ``load_only``). Empty without an identity key: such an instance has no row to load from.
    """
    if not state.has_identity:
        return set()
    columns, here = state.mapper.column_attrs.items(), state.dict.keys() | expired(state)
    return {key for key, prop in columns if key not in here and (prop.deferred or key in state.callables)}
