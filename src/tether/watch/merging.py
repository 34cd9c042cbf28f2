"""What ``merge()`` did to a row, three-way: what the copy was loaded with, what it holds, what the row held."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import LoaderCallableStatus, PassiveFlag, RelationshipDirection

_UNKNOWN = (
    LoaderCallableStatus.NO_VALUE,
    LoaderCallableStatus.PASSIVE_NO_RESULT,
    LoaderCallableStatus.NEVER_SET,
)

Difference = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def compare_merged(source: Any, result: Any) -> Difference | None:
    """Return names of attributes restored, conflicting, and of collections with rows removed and added back.

    None if nothing of somebody else's was touched. Emits no SQL: ``merge()`` has just read the row, and
    what it changed is in the result's history. Rows with a version column are left to StaleDataError.
    """
    if result.mapper.version_id_col is not None and not result.mapper.relationships:
        return None
    restored, conflicting, removed, added = [], [], [], []
    # merge() leaves alone what its argument has not loaded; the Session may have changed that by itself.
    for name in [name for name in result.committed_state if name in source.dict]:
        if name in result.mapper.relationships and result.mapper.relationships[name].uselist:
            lost, revived = _collection(source, result, name)
            removed += [name] * lost
            added += [name] * revived
        elif name in result.mapper.column_attrs or _is_one_to_one(result.mapper, name):
            how = _value(source, result, name)
            restored += [name] * (how == "restored")
            conflicting += [name] * (how == "conflicting")
    difference = (tuple(restored), tuple(conflicting), tuple(removed), tuple(added))
    return difference if any(difference) else None


def _is_one_to_one(mapper: Any, name: str) -> bool:
    """Return True for the side of a one-to-one that has no column of its own; a many-to-one has one."""
    return (
        name in mapper.relationships
        and mapper.relationships[name].direction is RelationshipDirection.ONETOMANY
    )


def _value(source: Any, result: Any, name: str) -> str:
    theirs, mine = result.committed_state[name], result.dict.get(name)
    if any(value is unknown for value in (theirs, mine) for unknown in _UNKNOWN):
        return ""
    current = source.dict.get(name, LoaderCallableStatus.NO_VALUE)
    base = source.committed_state.get(name, current)
    if any(base is unknown for unknown in _UNKNOWN):
        return ""  # set while it was not loaded: nobody knows what it was
    is_equal = _is_same_row if name in result.mapper.relationships else result.manager[name].impl.is_equal
    given = _given(source)
    if name in given and is_equal(theirs, given[name]):
        return ""  # what this very instance gave to an earlier merge
    if is_equal(theirs, mine) or is_equal(theirs, base):
        return ""
    return "restored" if is_equal(mine, base) else "conflicting"


def _collection(source: Any, result: Any, name: str) -> tuple[bool, bool]:
    """Return whether rows that the copy never had were removed, and rows that others had removed came back."""
    history = result.manager[name].impl.get_history(result, result.dict, PassiveFlag.PASSIVE_NO_INITIALIZE)
    before = source.manager[name].impl.get_history(source, source.dict, PassiveFlag.PASSIVE_NO_INITIALIZE)
    base = _keys([*(before.unchanged or ()), *(before.deleted or ())])
    mine_added = _keys(before.added or ())
    removed = _keys(history.deleted or ()) - base - _given(source).get(name, frozenset())
    revived = (_keys(history.added or ()) & base) - mine_added
    return bool(removed), bool(revived)


def _is_same_row(one: Any, other: Any) -> bool:
    """Compare two related instances, or None, or an identity key given earlier, by identity key."""
    return bool(_key_of(one) == _key_of(other))


def _key_of(thing: Any) -> Any:
    return thing if thing is None or isinstance(thing, tuple) else inspect(thing).key


def _keys(instances: Any) -> set[Any]:
    states = [inspect(instance) for instance in instances if instance is not None]
    return {state.key for state in states if state.key is not None}


def remember_given(source: Any) -> None:
    """Remember on the instance what it has given to ``merge()``, so that a second merge knows its own work.

    Column values and the keys of related rows, for as long as the instance lives; no instance is kept.
    """
    given = dict(_given(source))
    for name in source.committed_state:
        if name in source.mapper.column_attrs and name in source.dict:
            given[name] = source.dict[name]
        elif _is_one_to_one(source.mapper, name) and not source.mapper.relationships[name].uselist:
            given[name] = _key_of(source.dict.get(name))
        elif name in source.mapper.relationships and source.mapper.relationships[name].uselist:
            history = source.manager[name].impl.get_history(
                source, source.dict, PassiveFlag.PASSIVE_NO_INITIALIZE
            )
            given[name] = frozenset(_keys(history.added or ()))
    source._tether_given = given


def _given(source: Any) -> dict[str, Any]:
    return getattr(source, "_tether_given", None) or {}
