"""Each attribute of an instance as it is now: its status, its value as text, and what reading it would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column
from sqlalchemy.ext.associationproxy import AssociationProxyExtensionType
from sqlalchemy.ext.hybrid import HybridExtensionType
from sqlalchemy.orm import (
    InstanceState,
    LoaderCallableStatus,
    PassiveFlag,
    RelationshipProperty,
)
from sqlalchemy.orm.collections import collection_adapter

from tether.explaining.outcome import OWN_CODE, Outcome
from tether.explaining.reading import reading
from tether.explaining.relations import COLLECTION_OBJECTS, lazy_style, local_names
from tether.explaining.surroundings import Surroundings
from tether.explaining.values import MASK, label, mapped_state, shown
from tether.orm.inspect import deferred, expired, is_secret, net_changes, state_of

_COMPUTED = {
    HybridExtensionType.HYBRID_PROPERTY: "hybrid",
    AssociationProxyExtensionType.ASSOCIATION_PROXY: "association proxy",
}


@dataclass(frozen=True, slots=True)
class AttributeView:
    """One attribute.

    Attributes:
        name: As it is read on the instance.
        kind: ``column``, ``relationship``, ``composite``, ``synonym``, ``hybrid`` or ``association proxy``.
        status: ``loaded``, ``changed``, ``expired``, ``deferred``, ``unloaded`` or ``computed``.
        detail: The value, or the change, as text without secrets; "" if there is none.
        reading: What reading it would do.
    """

    name: str
    kind: str
    status: str
    detail: str
    reading: Outcome

    @property
    def line(self) -> str:
        """The attribute in one line."""
        kind = "" if self.kind in ("column", "relationship") else f"{self.kind}, "
        detail = f" {self.detail}" if self.detail else ""
        return f"{self.name}: {kind}{self.status}{detail}; reading it {self.reading.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        facts = {"kind": self.kind, "status": self.status, "detail": self.detail}
        return facts | {"reading": self.reading.to_dict()}


def views(state: InstanceState[Any], around: Surroundings) -> list[AttributeView]:
    """Return every mapped attribute: columns in the order of the table, then the rest as it was declared."""
    changed, late, waiting = set(net_changes(state)), expired(state), deferred(state)

    def status(key: str) -> str:
        if key in changed:
            return "changed"
        if key in state.dict:
            return "loaded"
        return "expired" if key in late else "deferred" if key in waiting else "unloaded"

    mapper = state.mapper
    found = [
        AttributeView(key, "column", status(key), _column(state, key), reading(state, key, around))
        for key in sorted(mapper.column_attrs.keys(), key=lambda key: _position(state, key))
    ]
    found += [_composite(state, key, status, around) for key in [*mapper.composites.keys()]]
    found += [_synonym(state, key, around) for key in [*mapper.synonyms.keys()]]
    found += [
        AttributeView(
            key, "relationship", status(key), _relationship(state, prop), reading(state, key, around)
        )
        for key, prop in mapper.relationships.items()
    ]
    return [*found, *_computed(state)]


def _position(state: InstanceState[Any], key: str) -> tuple[int, int, int, str]:
    """Return where a column attribute belongs: primary key, then table order, then what is computed."""
    mapper, prop = state.mapper, state.mapper.column_attrs[key]
    for index, table in enumerate(mapper.tables):
        columns = [
            column for column in prop.columns if isinstance(column, Column) and column in table.c.values()
        ]
        if columns:
            return (not columns[0].primary_key, index, list(table.c).index(columns[0]), key)
    return (2, 0, 0, key)


def _column(state: InstanceState[Any], key: str) -> str:
    if key not in state.dict:
        return ""
    secret = is_secret(state.mapper, key)

    def text(value: object) -> str:
        return MASK if secret else shown(value)

    return _change(state, key, text) or text(state.dict[key])


def _change(state: InstanceState[Any], key: str, text: Any) -> str:
    """Return ``from 'a' to 'b'`` for a changed attribute, "" for any other."""
    if key not in net_changes(state):
        return ""
    old = replaced(state, key)
    before = f"from {text(old[0])} " if old else ""
    return f"{before}to {text(state.dict.get(key))}"


def replaced(state: InstanceState[Any], key: str) -> list[Any]:
    """Return what an unflushed change took away: the old value, removed elements; [] if it is not known."""
    if state.committed_state.get(key) is LoaderCallableStatus.PASSIVE_NO_RESULT:
        return []  # its history would be loaded (see orm.inspect.net_changes)
    history = state.get_history(key, PassiveFlag.PASSIVE_NO_INITIALIZE)
    return list(history.deleted or ())


def _composite(state: InstanceState[Any], key: str, status: Any, around: Surroundings) -> AttributeView:
    names = [part.key for part in state.mapper.composites[key].props]
    found = {status(name) for name in names}
    worst = next(word for word in ("expired", "deferred", "unloaded", "changed", "loaded") if word in found)
    return AttributeView(key, "composite", worst, f"(from {', '.join(names)})", reading(state, key, around))


def _synonym(state: InstanceState[Any], key: str, around: Surroundings) -> AttributeView:
    target = state.mapper.synonyms[key].name
    return AttributeView(key, "synonym", "computed", f"(from {target})", reading(state, key, around))


def _computed(state: InstanceState[Any]) -> Iterator[AttributeView]:
    for key, descriptor in state.mapper.all_orm_descriptors.items():
        kind = _COMPUTED.get(descriptor.extension_type)
        if kind:
            yield AttributeView(str(key), kind, "computed", "", OWN_CODE)


def _relationship(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> str:
    if lazy_style(state, prop) in COLLECTION_OBJECTS or prop.key not in state.dict:
        return ""
    hide = _hides_target(state, prop)

    def text(value: object) -> str:
        return _target(value, hide=hide)

    if not prop.uselist:
        return _change(state, prop.key, text) or text(state.dict[prop.key])
    return f"{_collection(state, prop)}{_difference(state, prop.key)}"


def _hides_target(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> bool:
    # The primary key of the target is the foreign key here: what is secret here is secret there.
    names = [prop.key, *local_names(state.mapper, prop)]
    return any(is_secret(state.mapper, name) for name in names)


def _target(value: object, *, hide: bool) -> str:
    other = mapped_state(value)
    return shown(value) if other is None else f"{label(other, hide=hide)} ({state_of(other).value})"


def _collection(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> str:
    adapter = collection_adapter(state.dict[prop.key])
    others = [other for member in adapter if (other := mapped_state(member)) is not None]
    count = Counter(state_of(other).value for other in others)
    states = ", ".join(f"{count[name]} {name}" for name in sorted(count))
    return f"{len(others)} {prop.mapper.class_.__name__}{f' ({states})' if states else ''}"


def _difference(state: InstanceState[Any], key: str) -> str:
    if key not in net_changes(state):
        return ""
    history = state.get_history(key, PassiveFlag.PASSIVE_NO_INITIALIZE)
    return f", {len(history.added or ())} added, {len(history.deleted or ())} removed"
