"""Which classes a document may name, and by which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import registry as Registry  # noqa: N812

from tether.carry.shape import shape_of
from tether.errors import SnapshotError
from tether.orm import private


def full_name(class_: type) -> str:
    """Return module and name."""
    return f"{class_.__module__}.{class_.__qualname__}"


def name_of(class_: type) -> str:
    """Return the name of a class in a document: short where no other class of its registry has the same."""
    names = Counter(mapper.class_.__name__ for mapper in shape_of(class_).mapper.registry.mappers)
    return class_.__name__ if names[class_.__name__] == 1 else full_name(class_)


def classes_by_name(registry: Any) -> dict[str, type]:
    """Return the classes a document may name.

    Args:
        registry: A declarative base (``Base``, ``SQLModel``), a ``registry()``, a mapped class, or some of those.

    Raises:
        SnapshotError: It is none of them.
    """
    classes = list(dict.fromkeys(classes_of(registry)))
    short = Counter(class_.__name__ for class_ in classes)
    return {
        name: class_
        for class_ in classes
        for name in (full_name(class_), class_.__name__)
        if name != class_.__name__ or short[name] == 1
    }


def classes_of(registry: Any) -> Iterable[type]:
    """Return the mapped classes that a registry holds."""
    if isinstance(registry, type) and private.manager_of(registry) is not None:
        return [registry]
    found = registry if isinstance(registry, Registry) else private.registry_of(registry)
    if isinstance(found, Registry):
        found.configure()
        return [mapper.class_ for mapper in found.mappers]
    if isinstance(registry, Iterable) and not isinstance(registry, str | bytes):
        return [class_ for held in registry for class_ in classes_of(held)]
    raise SnapshotError(
        "loads() takes the classes that may be made: a declarative base, a registry or mapped classes; "
        f"got {registry!r}"
    )
