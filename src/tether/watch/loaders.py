"""Which attribute a load is about, and the option of SQLAlchemy's that loads it with the query instead."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapper

from tether.orm import private

_NO_OPTION = ("dynamic", "write_only")  # these relationships are queries of their own; no option loads them


def attribute_of_load(context: Any, state: Any, is_refresh: bool) -> tuple[str, str]:
    """Return name and kind of what a single-row load reads; the name is "" for several columns at once.

    The kind is ``relationship``, ``deferred`` or ``expired``.
    """
    if not is_refresh:
        return private.lazy_attribute(context), "relationship"
    names = private.columns_of_refresh(context)
    waiting = [
        name for name in names if is_deferred(state.mapper, name) and name not in state.expired_attributes
    ]
    kind = "deferred" if names and len(waiting) == len(names) else "expired"
    return (next(iter(names)) if len(names) == 1 else ""), kind


def is_deferred(mapper: Mapper[Any], name: str) -> bool:
    """Return True if the mapping defers the column."""
    prop = mapper.attrs.get(name)
    return bool(getattr(prop, "deferred", False))


def kind_of(mapper: Mapper[Any], name: str, expired: bool) -> str:
    """Return what kind of load an unloaded attribute needs: ``relationship``, ``deferred`` or ``expired``."""
    if name in mapper.relationships:
        return "relationship"
    return "expired" if expired else "deferred"


Way = tuple[tuple[Mapper[Any], str], ...]  # relationships from the class that was queried to an instance


def loader_option(mapper: Mapper[Any], name: str, way: Way = ()) -> str:
    """Return the option that loads *name* with its query, as code; "" if none does.

    ``selectinload`` for collections, ``joinedload`` for many-to-one and one-to-one, ``undefer`` for columns:
    SQLAlchemy, "Relationship Loading Techniques: What Kind of Loading to Use?". An instance that came
    along with another one needs a chain: an option for its own class does not apply to that query.
    """
    links = [_link(*step) for step in (*way, (mapper, name))]
    return ".".join(links) if all(links) else ""


def _link(mapper: Mapper[Any], name: str) -> str:
    owner = mapper.class_.__name__
    if name not in mapper.relationships:
        return f"undefer({owner}.{name})" if name in mapper.column_attrs else ""
    relationship = mapper.relationships[name]
    if relationship.lazy in _NO_OPTION:
        return ""
    return f"{'selectinload' if relationship.uselist else 'joinedload'}({owner}.{name})"


def way_to(state: Any) -> Way:
    """Return the relationships that a query went along to load an instance; empty for what it asked for.

    SQLAlchemy remembers them if the query has options. Where they lead through an alias they are not told.
    """
    path = state.load_path.path
    return tuple(
        (owner, prop.key)
        for owner, prop in zip(path[::2], path[1::2], strict=False)
        if isinstance(owner, Mapper) and hasattr(prop, "key")
    )
