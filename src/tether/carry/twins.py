"""Twins: for each mapped class one that reads alike, made at run time, without a mapper and without a Session.

The classes a mapped class is made of are mirrored one by one, so that ``super()`` in its methods finds what it
found before. A twin is no instance of the mapped class; it is what ``snapshot()`` shows to a program.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from types import CellType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.ext.associationproxy import AssociationProxy
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property

from tether.carry.base_twins import DraftTwin, SnapshotTwin, Twin, set_token, set_view
from tether.carry.members import BuiltOf, Linked, OfClass, Proxied, Renamed, Taken
from tether.carry.shape import Shape, shape_of
from tether.orm import private

FLAVOURS: dict[str, type[Twin]] = {"snapshot": SnapshotTwin, "draft": DraftTwin}
# What these give their subclasses needs a mapper, a Session or a validator.
LEFT_OUT = frozenset({"abc", "builtins", "flask_sqlalchemy", "pydantic", "sqlalchemy", "sqlmodel", "typing"})
KEPT_DATA = frozenset({"__doc__", "__match_args__", "__module__", "__qualname__"})
# How instances are made, changed and copied is the twin's own affair.
LEFT_METHODS = frozenset({
    "__class_getitem__", "__copy__", "__deepcopy__", "__del__", "__delattr__", "__getattr__", "__getattribute__",
    "__getstate__", "__init__", "__init_subclass__", "__new__", "__post_init__", "__reduce__", "__reduce_ex__",
    "__setattr__", "__setstate__",
})  # fmt: skip

_mixins: WeakKeyDictionary[type, dict[str, type]] = WeakKeyDictionary()


def make(view: Any, class_: type, token: int) -> Any:
    """Return a new twin of a node; *class_* is the twin's."""
    twin: Any = object.__new__(class_)
    set_view(twin, view)
    set_token(twin, token)
    return twin


def make_all(view: Any, class_: type, tokens: Sequence[int]) -> list[Any]:
    """Return new twins of many nodes of one class: the same as ``make()``, without Python code for each."""
    twins: list[Any] = list(map(object.__new__, repeat(class_, len(tokens))))
    deque(map(set_view, twins, repeat(view)), maxlen=0)
    deque(map(set_token, twins, tokens), maxlen=0)
    return twins


def twin_class(class_: type, flavour: str) -> type:
    """Return the twin of a class; it is made once."""
    manager = private.manager_of(class_)
    kept = _mixins.setdefault(class_, {}) if manager is None else manager.info.setdefault("tether_twins", {})
    if flavour not in kept:
        kept[flavour] = mirror(class_, flavour, None if manager is None else shape_of(class_))
    made: type = kept[flavour]
    return made


def mirror(class_: type, flavour: str, shape: Shape | None) -> type:
    """Return a new class with the members of *class_* that read, on top of the mirrors of its bases."""
    cell = CellType()
    bases = tuple(twin_class(base, flavour) for base in class_.__bases__ if is_mirrored(base))
    members: dict[str, Any] = {"__slots__": (), **dict(own_members(class_, cell))}
    if shape is not None:
        members |= mapped_members(shape)
        members["__tether_class__"] = class_
    made = type(class_.__name__, bases or (FLAVOURS[flavour],), members)
    cell.cell_contents = made
    return made


def is_mirrored(base: type) -> bool:
    """Return whether a base class is the program's own."""
    return base.__module__.partition(".")[0] not in LEFT_OUT


def mapped_members(shape: Shape) -> Iterator[tuple[str, Any]] | dict[str, Any]:
    """Return what stands for the mapped attributes."""
    return {
        **{name: Taken(name) for name in shape.columns},
        **{name: Linked(name) for name in shape.relations},
        **{name: BuiltOf(name) for name in shape.composites},
        **{name: Renamed(target) for name, target in shape.synonyms.items()},
    }


def own_members(class_: type, cell: CellType) -> Iterator[tuple[str, Any]]:
    """Yield the members of one class that work without a mapper."""
    for name, member in vars(class_).items():
        if name in LEFT_METHODS or name.startswith(("_sa_", "_abc_", "__pydantic_", "__sqlmodel_")):
            continue
        is_data = name.startswith("__") and name.endswith("__") and not callable(member)
        if is_data and name not in KEPT_DATA and not (name == "__hash__" and member is None):
            continue
        kept = converted(name, member, cell)
        if kept is not None or member is None:
            yield name, kept


def converted(name: str, member: Any, cell: CellType) -> Any:  # noqa: PLR0911
    """Return what a member of a mapped class is in its twin; None if nothing."""

    def bound(function: Callable[..., Any] | None) -> Any:
        return rebound(function, cell)

    match member:
        case FunctionType():
            return bound(member)
        case hybrid_property() | property():
            return property(bound(member.fget), bound(member.fset), None, member.__doc__)
        case functools.cached_property():
            return property(bound(member.func), None, None, member.__doc__)
        case hybrid_method():
            return bound(member.func)
        case classmethod():
            return OfClass(name)
        case AssociationProxy():
            return Proxied(name, member.target_collection, member.value_attr)
        case _:
            return None if type(member).__module__.partition(".")[0] == "sqlalchemy" else member


def rebound(function: Any, cell: CellType) -> Any:
    """Return a function whose ``super()`` starts at the twin: the compiler keeps the class in a cell of its closure."""
    if not isinstance(function, FunctionType) or "__class__" not in function.__code__.co_freevars:
        return function
    names = function.__code__.co_freevars
    closure = tuple(
        cell if name == "__class__" else held
        for name, held in zip(names, function.__closure__ or (), strict=True)
    )
    copied = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    return functools.update_wrapper(copied, function)
