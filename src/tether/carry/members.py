"""Descriptors of twin classes: what stands where a mapped attribute stood."""

from __future__ import annotations

from typing import Any

from tether.carry.frozen import FrozenDict, FrozenList, FrozenSet


class Member:
    """An attribute of a mapped class, read through the view. On the class it is the mapped attribute itself."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, twin: Any, owner: Any) -> Any:
        if twin is None:
            return getattr(owner.__tether_class__, self.name)
        return self.read(twin)

    def read(self, twin: Any) -> Any:
        """Return the value."""
        raise NotImplementedError


class Taken(Member):
    """A column."""

    __slots__ = ()

    def __get__(self, twin: Any, owner: Any) -> Any:
        if twin is None:
            return getattr(owner.__tether_class__, self.name)
        return twin._tether_view.column(twin._tether_token, self.name)

    def __set__(self, twin: Any, value: object) -> None:
        twin._tether_view.write(twin._tether_token, self.name, value)


class Linked(Member):
    """A relationship."""

    __slots__ = ()

    def read(self, twin: Any) -> Any:
        """Return the twin, or the collection of twins."""
        return twin._tether_view.relation(twin._tether_token, self.name)

    def __set__(self, twin: Any, value: object) -> None:
        twin._tether_view.write_relation(twin._tether_token, self.name, value)


class BuiltOf(Member):
    """A composite."""

    __slots__ = ()

    def read(self, twin: Any) -> Any:
        """Return a composite of the columns' values."""
        return twin._tether_view.composite(twin._tether_token, self.name)

    def __set__(self, twin: Any, value: object) -> None:
        twin._tether_view.write_composite(twin._tether_token, self.name, value)


class Renamed(Member):
    """A synonym."""

    __slots__ = ()

    def read(self, twin: Any) -> Any:
        """Return what the other name holds."""
        return getattr(twin, self.name)

    def __set__(self, twin: Any, value: object) -> None:
        setattr(twin, self.name, value)


class OfClass(Member):
    """A classmethod: it is given the mapped class, because what it does is a query more often than not."""

    __slots__ = ()

    def __get__(self, twin: Any, owner: Any) -> Any:
        return getattr(owner.__tether_class__, self.name)


class Proxied(Member):
    """An association proxy: an attribute of what a relationship holds."""

    __slots__ = ("relation", "value")

    def __init__(self, name: str, relation: str, value: str | None) -> None:
        super().__init__(name)
        self.relation = relation
        self.value = value

    def read(self, twin: Any) -> Any:
        """Return the attribute of each element, in a collection of the same kind that cannot be changed."""
        held = getattr(twin, self.relation)
        if self.value is None or held is None:
            return held
        kind = None if not hasattr(held, "__iter__") or hasattr(held, "_tether_view") else len(held)
        if kind is None:
            return getattr(held, self.value)
        if hasattr(held, "keys"):
            return FrozenDict({key: getattr(element, self.value) for key, element in held.items()})
        values = [getattr(element, self.value) for element in held]
        return FrozenSet(values) if hasattr(held, "isdisjoint") else FrozenList(values)
