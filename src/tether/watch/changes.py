"""What would be lost with an instance: its net changes, less what another instance or statement answers for."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.orm import LoaderCallableStatus

from tether.orm import private
from tether.orm.inspect import net_changes
from tether.watch.memory import MAXIMUM_FLUSHED, SessionRecord
from tether.watch.recorder import token_of


def lost_changes(state: Any, values: dict[str, Any] | None = None) -> list[str]:
    """Return the names of the attributes that somebody changed and no flush has sent.

    ``merge()`` sets what its argument holds, also where the instance in the Session has not loaded the
    attribute (a deferred column); if nobody had changed it there, nothing is lost with it. What was given
    to ``merge()`` or saved in bulk is on its way by that; if it is lost there, it is told there.

    Args:
        state: Any state.
        values: The instance's ``__dict__``, if the instance itself may be gone.
    """
    held = state.dict if values is None else values
    given = getattr(state, "_tether_entrusted", None) or {}
    return [
        name
        for name in made_changes(state, values)
        if name not in given or given[name] != _plain(held.get(name))
    ]


def made_changes(state: Any, values: dict[str, Any] | None = None) -> list[str]:
    """Return the names of the attributes that somebody changed since the last flush, whoever answers for them."""
    names = net_changes(state, values)
    copied = getattr(state, "_tether_copied", None)
    if not copied:
        return names
    held = state.dict if values is None else values
    return [name for name in names if name not in copied or copied[name] != _plain(held.get(name))]


def note_copied(source: Any, result: Any) -> None:
    """Remember which columns ``merge()`` set on *result* that were loaded on *source* and never changed there."""
    if source.key is None:
        return
    changed = made_changes(source)
    copied = {
        name: _plain(result.dict[name])
        for name, old in result.committed_state.items()
        if isinstance(old, LoaderCallableStatus)
        and name in result.mapper.column_attrs
        and name in result.dict
        and name not in changed
    }
    if copied:
        result._tether_copied = copied


def note_entrusted(state: Any, record: SessionRecord, *, columns_only: bool = False) -> None:
    """Remember that what is changed on an instance was given to ``merge()``, or to a bulk method.

    Until the transaction it was given to is rolled back: then the instance itself has to answer again.
    """
    wanted = state.mapper.column_attrs if columns_only else state.mapper.attrs
    names = [name for name in state.committed_state if name in state.dict and name in wanted]
    if record.entrusted is None:
        record.entrusted = []
    if (names or state.key is None) and len(record.entrusted) < MAXIMUM_FLUSHED:
        values = {name: _plain(state.dict[name]) for name in names} | {ITSELF: True}
        state._tether_entrusted = values
        record.entrusted.append(values)


def is_entrusted(state: Any) -> bool:
    """Return True if the instance as a whole was given to ``merge()``, and that was not rolled back."""
    return ITSELF in (getattr(state, "_tether_entrusted", None) or {})


def entrusted_value(state: Any, name: str, otherwise: Any) -> Any:
    """Return the value that was given away, or *otherwise*."""
    return (getattr(state, "_tether_entrusted", None) or {}).get(name, otherwise)


ITSELF: Final = ""  # no attribute is called that


def _plain(value: Any) -> Any:
    """Return *value* so that it can be compared later and keeps no instance alive."""
    related = private.state_of_anything(value)
    if related is not None:
        return related.key or token_of(related)
    if private.is_collection(value):
        return [_plain(element) for element in private.elements(value)]
    for kind in (dict, list, set):
        if isinstance(value, kind):
            return kind(value)  # a Mutable changes in place
    return value
