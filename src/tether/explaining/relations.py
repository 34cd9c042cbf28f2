"""What is known of a relationship before it is loaded: its style, the columns it needs, its target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import InstanceState, Mapper, RelationshipDirection, RelationshipProperty, Session
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.sql import visitors

from tether.orm.inspect import deferred, expired

COLLECTION_OBJECTS = {"dynamic": "an AppenderQuery", "write_only": "a WriteOnlyCollection"}
_NAMES: dict[object, str] = {True: "select", False: "joined", None: "noload"}  # older spellings of lazy=
_SEPARATE = {"selectin", "subquery", "immediate"}  # eager styles that emit statements of their own

Selects = tuple[int, int | None]
Found = Literal["loaded", "expired", "none", "no", "maybe"]


def lazy_style(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> str:
    """Return how an unloaded relationship of this instance behaves when read: ``select``, ``raise``, ...

    A query option such as ``raiseload()`` counts before the mapping.
    """
    # Options that differ from the mapping leave a callable on the state; it names the strategy it will use.
    option = dict(getattr(state.callables.get(prop.key), "strategy_key", ()))
    return _style(option.get("lazy", prop.lazy))


def _style(lazy: object) -> str:
    return _NAMES.get(lazy, str(lazy)) if isinstance(lazy, bool) or lazy is None else str(lazy)


@dataclass(frozen=True, slots=True)
class NeededColumns:
    """The instance's own columns that a lazy load reads first.

    Attributes:
        selects: The least and the greatest number of SELECTs to get them.
        unset: One of them has never had a value, so there is nothing to look for.
    """

    selects: Selects
    unset: bool


def needed_columns(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> NeededColumns:
    """Return what it takes to know the columns on this side of the join."""
    keys = {key for key in local_names(state.mapper, prop) if key not in state.dict}
    late, waiting = keys & expired(state), keys & deferred(state)
    refresh: Selects = refresh_selects(state) if late else (0, 0)
    return NeededColumns(plus(refresh, (len(waiting), len(waiting))), unset=bool(keys - late - waiting))


def refresh_selects(state: InstanceState[Any]) -> Selects:
    """Return how many SELECTs a refresh of the expired columns takes.

    A refresh after a full expire also loads the relationships that the mapping
    loads eagerly, each with statements of its own unless it is joined.
    """
    gone = state.expired_attributes - state.dict.keys()
    relations = [relation for relation in state.mapper.relationships if relation.key in gone]
    more = any(_brings_more(relation) for relation in relations) or _by_subclass(state.mapper)
    return (1, None) if more or state.load_options else (1, 1)


def _brings_more(relation: RelationshipProperty[Any]) -> bool:
    style = _style(relation.lazy)
    return style in _SEPARATE or (style == "joined" and any(map(_separate, _reached(relation.mapper))))


def _by_subclass(mapper: Mapper[Any]) -> bool:
    return any(below.polymorphic_load == "selectin" for below in mapper.self_and_descendants)


def plus(one: Selects, other: Selects) -> Selects:
    """Add two ranges; an unbounded one stays unbounded."""
    most = None if one[1] is None or other[1] is None else one[1] + other[1]
    return one[0] + other[0], most


def local_names(mapper: Mapper[Any], prop: RelationshipProperty[Any]) -> list[str]:
    """Return the attribute names of the columns on this side of the join."""
    mapped = (column for column in prop.local_columns if column in mapper.columns.values())
    return sorted({mapper.get_property_by_column(column).key for column in mapped})


def found_by_key(state: InstanceState[Any], prop: RelationshipProperty[Any], session: Session) -> Found:
    """Return where the target of a simple many-to-one is; ``no`` if only SQL can tell.

    ``none``: the foreign key is NULL. ``maybe``: the foreign key itself must be loaded first.
    """
    names = _foreign_key_names(state.mapper, prop)
    if names is None:
        return "no"
    if any(name not in state.dict for name in names):
        return "maybe"
    values = [state.dict[name] for name in names]
    empty = [value is None for value in values]
    if all(empty) or (any(empty) and not prop.mapper.allow_partial_pks):
        return "none"
    key = prop.mapper.identity_key_from_primary_key(tuple(values), identity_token=state.key and state.key[2])
    target = session.identity_map.get(key)
    if target is None:
        return "no"
    return "expired" if instance_state(target).expired else "loaded"


def _foreign_key_names(mapper: Mapper[Any], prop: RelationshipProperty[Any]) -> list[str] | None:
    """Return the foreign key's attribute names in the order of the target's primary key.

    None if the join is more than foreign key equals primary key, because then
    SQLAlchemy does not look into the identity map (``LazyLoader.use_get``).
    """
    pairs = prop.local_remote_pairs or []
    if prop.direction is not RelationshipDirection.MANYTOONE or prop.uselist or not _plain_join(prop):
        return None
    target = prop.mapper
    by_remote = {target.get_property_by_column(remote).key: local for local, remote in pairs}
    key = [target.get_property_by_column(column).key for column in target.primary_key]
    if set(by_remote) != set(key):
        return None
    return [mapper.get_property_by_column(by_remote[name]).key for name in key]


def _plain_join(prop: RelationshipProperty[Any]) -> bool:
    # Every element beside "column = column" (a literal, a function, an OR) makes it more than a key lookup.
    kinds = {element.__visit_name__ for element in visitors.iterate(prop.primaryjoin)}
    return kinds <= {"column", "binary", "clauselist", "expression_clauselist", "annotated_column"}


def eager_selects(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> bool:
    """Return True if loading the target may bring more statements with it."""
    # Options of the original query travel along with the instance and apply again.
    return bool(state.load_options) or any(_separate(mapper) for mapper in _reached(prop.mapper))


def _separate(mapper: Mapper[Any]) -> bool:
    styles = {_style(relation.lazy) for relation in mapper.relationships}
    return bool(styles & _SEPARATE) or mapper.polymorphic_load == "selectin"


def _reached(start: Mapper[Any]) -> Iterator[Mapper[Any]]:
    """Yield the mappers whose rows come with those of *start*: its subclasses, and what is joined eagerly."""
    waiting, seen = [start], set[Mapper[Any]]()
    while waiting:
        for mapper in waiting.pop().self_and_descendants:
            if mapper in seen:
                continue
            seen.add(mapper)
            yield mapper
            waiting += [
                relation.mapper for relation in mapper.relationships if _style(relation.lazy) == "joined"
            ]
