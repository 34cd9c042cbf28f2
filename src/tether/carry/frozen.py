"""Values of a snapshot: copied out of the instance once, and shown as collections that cannot be changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from tether.errors import ReadOnlyError

# Types whose values nobody can change, by exact type: a subclass may have attributes of its own.
ATOMS = frozenset({
    type(None), bool, int, float, complex, str, bytes, Decimal, date, datetime, time, timedelta, UUID,
})  # fmt: skip

C = TypeVar("C", bound=type)


def is_atom(value: object) -> bool:
    """Return whether *value* can be shared without a copy."""
    return type(value) in ATOMS or isinstance(value, Enum)


def plain(value: Any) -> Any:
    """Return a copy that shares nothing changeable with *value*: a ``MutableDict`` or frozen dict becomes a dict."""
    if is_atom(value):
        return value
    match value:
        case dict():
            return {key: plain(held) for key, held in value.items()}
        case list():
            return [plain(held) for held in value]
        case set():
            return {plain(held) for held in value}
        case tuple() if type(value) is tuple:
            return tuple(plain(held) for held in value)
        case _:
            return copy.deepcopy(value)


def frozen(value: Any) -> Any:
    """Return *value* as something that reads alike and refuses to be changed; what is unknown is copied."""
    if is_atom(value):
        return value
    match value:
        case dict():
            return FrozenDict({key: frozen(held) for key, held in value.items()})
        case list():
            return FrozenList([frozen(held) for held in value])
        case set():
            return FrozenSet(value)
        case tuple() if type(value) is tuple:
            return tuple(frozen(held) for held in value)
        case _:
            return copy.deepcopy(value)


def refuse(name: str) -> Callable[..., NoReturn]:
    """Return a method that says what to do instead."""

    def method(self: object, *_arguments: object, **_named: object) -> NoReturn:
        kind = type(self).__name__.removeprefix("Frozen").lower()
        raise ReadOnlyError(
            f"{name} would change a {kind} of a snapshot, which does not change; tether.edit() gives a draft that does"
        )

    method.__name__ = name
    return method


def without(*names: str) -> Callable[[C], C]:
    """Replace the methods that change a collection."""

    def decorate(class_: C) -> C:
        for name in names:
            setattr(class_, name, refuse(name))
        return class_

    return decorate


@without(
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse",
    "__setitem__", "__delitem__", "__iadd__", "__imul__",
)  # fmt: skip
class FrozenList(list[Any]):
    """A list that cannot be changed. ``copy()`` and ``list()`` give one that can."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenList, (list(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(held, memo) for held in self]

    __hash__ = None


@without(
    "add", "discard", "remove", "pop", "clear", "update", "difference_update", "intersection_update",
    "symmetric_difference_update", "__iand__", "__ior__", "__isub__", "__ixor__",
)  # fmt: skip
class FrozenSet(set[Any]):
    """A set that cannot be changed; a set, not a frozenset, so that it is what the class's annotation says."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenSet, (list(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> set[Any]:
        return {copy.deepcopy(held, memo) for held in self}

    __hash__ = None


@without("__setitem__", "__delitem__", "__ior__", "pop", "popitem", "clear", "update", "setdefault")
class FrozenDict(dict[Any, Any]):
    """A dict that cannot be changed. ``copy()`` and ``dict()`` give one that can."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return {key: copy.deepcopy(held, memo) for key, held in self.items()}

    __hash__ = None


def collection(kind: str, elements: Iterable[Any], keys: Iterable[Hashable] = ()) -> Any:
    """Return the elements of a relationship as a collection that cannot be changed."""
    match kind:
        case "set":
            return FrozenSet(elements)
        case "dict":
            return FrozenDict(zip(keys, elements, strict=True))
        case _:
            return FrozenList(elements)
