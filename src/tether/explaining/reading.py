"""What reading an attribute would do now: AttributeImpl.get() and the loaders, followed but not called."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any

from sqlalchemy.orm import (
    ColumnProperty,
    CompositeProperty,
    InstanceState,
    RelationshipProperty,
    Session,
    SynonymProperty,
)

from tether.explaining.outcome import CHANGED, LOADED, OWN_CODE, Outcome, counted, raising
from tether.explaining.relations import (
    COLLECTION_OBJECTS,
    Selects,
    eager_selects,
    found_by_key,
    lazy_style,
    needed_columns,
    plus,
    refresh_selects,
)
from tether.explaining.surroundings import Surroundings
from tether.orm.inspect import deferred, expired, net_changes


def reading(state: InstanceState[Any], key: str, around: Surroundings) -> Outcome:
    """Return what ``getattr(instance, key)`` would do in these surroundings.

    Known are the mapping, the loader options the instance was loaded with, and
    the identity map. Not known: whether the row is still there, attribute events,
    and listeners that answer for the Session (``do_orm_execute``).
    """
    prop = state.mapper.attrs.get(key)
    if isinstance(prop, RelationshipProperty):
        return _relationship(state, prop, around)
    if isinstance(prop, CompositeProperty):
        return _composite(state, prop, around)
    if isinstance(prop, SynonymProperty):
        return reading(state, prop.name, around)
    return _column(state, prop, around) if isinstance(prop, ColumnProperty) else OWN_CODE


def _column(state: InstanceState[Any], prop: ColumnProperty[Any], around: Surroundings) -> Outcome:
    if prop.key in state.dict:
        return _in_memory(state, prop.key)
    if prop.key in expired(state) and state.has_identity:
        return _sql(state, around, refresh_selects(state))
    if prop.key not in deferred(state):
        # Never set: SQLAlchemy gives the default of the attribute without asking the database.
        return Outcome("gives its default" if is_dataclass(state.class_) else "gives None")
    if around.session is not None and _raises_on_load(state, prop):
        return raising("InvalidRequestError")
    return _sql(state, around, (1, 1))


def _in_memory(state: InstanceState[Any], key: str) -> Outcome:
    return CHANGED if state.has_identity and key in net_changes(state) else LOADED


def _raises_on_load(state: InstanceState[Any], prop: ColumnProperty[Any]) -> bool:
    # A query option, defer(..., raiseload=True), puts a callable on the state that carries the flag.
    return bool(getattr(state.callables.get(prop.key, prop), "raiseload", False))


def _sql(state: InstanceState[Any], around: Surroundings, selects: Selects) -> Outcome:
    if around.session is None:
        return raising("DetachedInstanceError")
    if around.obstacle:
        return raising(around.obstacle)
    if state.deleted:
        return _row_is_gone(state)
    return _emits(around, selects)


def _row_is_gone(state: InstanceState[Any]) -> Outcome:
    gone = raising("ObjectDeletedError", (1, 1))
    if not state.mapper.inherits:
        return gone
    # A SELECT from the table of a subclass alone does not look whether there was a
    # row, and the getter then fails with a KeyError (2.0.20, 2.0.58, 2.1.9).
    text = "emits 1 SELECT and raises ObjectDeletedError or KeyError"
    return replace(gone, text=text, raises="", may_raise="ObjectDeletedError or KeyError")


def _emits(around: Surroundings, selects: Selects) -> Outcome:
    flush = "flushes first (autoflush), then " if around.flushes else ""
    return Outcome(f"{flush}{counted(selects)}", selects=selects)


def _composite(state: InstanceState[Any], prop: CompositeProperty[Any], around: Surroundings) -> Outcome:
    if prop.key in state.dict:
        return LOADED
    parts = [reading(state, part.key, around) for part in prop.props]
    failing = [part for part in parts if part.raises]
    if failing:
        return failing[0]
    if all(part.selects == (0, 0) for part in parts):
        return Outcome("gives a value made from its columns")
    # One refresh loads every expired column; each deferred column costs its own SELECT.
    names = {part.key for part in prop.props}
    waiting = len(names & deferred(state))
    refresh: Selects = refresh_selects(state) if names & expired(state) else (0, 0)
    return _emits(around, plus(refresh, (min(waiting, 1), waiting)))


def _relationship(
    state: InstanceState[Any], prop: RelationshipProperty[Any], around: Surroundings
) -> Outcome:
    style = lazy_style(state, prop)
    if style in COLLECTION_OBJECTS:
        return Outcome(f"gives {COLLECTION_OBJECTS[style]}, loads nothing")
    if prop.key in state.dict:
        return _in_memory(state, prop.key)
    on_pending = prop.load_on_pending and around.session is not None
    if style == "noload" or not (state.has_identity or on_pending):
        return _nothing(prop)
    if style == "raise":
        return raising("InvalidRequestError")
    if around.session is None:
        return raising("DetachedInstanceError")
    return _lazy_load(state, prop, around, around.session, style)


def _nothing(prop: RelationshipProperty[Any]) -> Outcome:
    return Outcome("gives an empty collection" if prop.uselist else "gives None")


def _lazy_load(
    state: InstanceState[Any],
    prop: RelationshipProperty[Any],
    around: Surroundings,
    session: Session,
    style: str,
) -> Outcome:
    own = needed_columns(state, prop)
    found = found_by_key(state, prop, session)
    if own.unset or found == "none":
        return _nothing(prop)
    if own.selects[0] and (around.obstacle or state.deleted):
        return _sql(state, around, (1, 1))
    if found == "loaded":
        return Outcome("gives the instance in the identity map")
    if style == "raise_on_sql" and found == "no":
        return raising("InvalidRequestError", own.selects)
    if style == "raise_on_sql":
        return _raises_unless_found(around, own.selects)
    return _sql_for_target(state, prop, around, own.selects, certain=found != "maybe" and state.has_identity)


def _raises_unless_found(around: Surroundings, own: Selects) -> Outcome:
    first = _emits(around, own)
    text = f"{first.text}, then raises InvalidRequestError unless the target is in the identity map"
    return Outcome(text, may_raise="InvalidRequestError", selects=plus(own, (0, 1)))


def _sql_for_target(
    state: InstanceState[Any],
    prop: RelationshipProperty[Any],
    around: Surroundings,
    own: Selects,
    *,
    certain: bool,
) -> Outcome:
    if around.obstacle:
        return raising(around.obstacle)
    if not state.has_identity:
        around = replace(around, flushes=False)  # a lazy load for a pending instance does not autoflush
    target: Selects = (int(certain), None if eager_selects(state, prop) else 1)
    return _emits(around, plus(own, target))
