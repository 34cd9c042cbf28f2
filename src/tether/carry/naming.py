"""Attributes as a program names them: ``Order.items``, ``"items"``, ``"items.product"``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import QueryableAttribute

from tether.carry.near import near_names
from tether.carry.shape import Shape, shape_of
from tether.errors import SnapshotError


def attribute_names(shape: Shape) -> list[str]:
    """Return the names of all mapped attributes."""
    return [*shape.columns, *shape.relations, *shape.composites, *shape.synonyms]


def resolved(shape: Shape, name: str, argument: str) -> tuple[str, ...]:
    """Return the columns or the relationship that *name* stands for in a class.

    Raises:
        SnapshotError: The class has no mapped attribute of that name.
    """
    name = shape.synonyms.get(name, name)
    if name in shape.composites:
        return shape.composites[name].columns
    if name in shape.columns or name in shape.relations:
        return (name,)
    raise SnapshotError(
        f"{argument}: `{shape.class_.__name__}` has no mapped attribute `{name}`"
        f"{near_names(name, attribute_names(shape))}"
    )


def owner_and_name(attribute: object, argument: str) -> tuple[type, str]:
    """Return class and name of ``Order.items``.

    Raises:
        SnapshotError: It is not an attribute of a mapped class.
    """
    if not isinstance(attribute, QueryableAttribute):
        raise SnapshotError(
            f"{argument}: {attribute!r} is no attribute of a mapped class, such as Order.items or the text 'items'"
        )
    owner: Any = attribute.parent
    return owner.class_, attribute.key


class Excluded:
    """Which attributes a program wants left out.

    Text without a dot is left out of every class that has such an attribute: rather too much than too little.
    """

    def __init__(self, attributes: Iterable[object]) -> None:
        self.by_class: list[tuple[type, str]] = []
        self.by_text: list[tuple[str, str]] = []
        if isinstance(attributes, str | QueryableAttribute):
            raise SnapshotError("exclude: takes a list, such as exclude=[User.password]")
        for attribute in attributes:
            if isinstance(attribute, str):
                class_name, _, name = attribute.rpartition(".")
                self.by_text.append((class_name, name))
            else:
                self.by_class.append(owner_and_name(attribute, "exclude"))
        self.found: set[str] = set()

    def of(self, shape: Shape) -> frozenset[str]:
        """Return the columns and relationships of a class that are left out, its secrets among them."""
        names = {name for owner, name in self.by_class if issubclass(shape.class_, owner)}
        known = attribute_names(shape)
        for class_name, name in self.by_text:
            if class_name in {"", shape.class_.__name__} and name in known:
                names.add(name)
                self.found.add(f"{class_name}.{name}")
        return shape.secrets.union(*(resolved(shape, name, "exclude") for name in names))

    def check(self) -> None:
        """Refuse a text that named nothing: a slip there would let a secret out."""
        for class_name, name in self.by_text:
            if f"{class_name}.{name}" not in self.found:
                raise SnapshotError(f"exclude: no class in the snapshot has a mapped attribute `{name}`")


def path_of(include: object, roots: Sequence[type]) -> list[tuple[type, str]]:
    """Return the steps of one ``include``: classes and names of attributes.

    Raises:
        SnapshotError: A step is unknown.
    """
    if isinstance(include, tuple):
        return [owner_and_name(step, "include") for step in include]
    if not isinstance(include, str):
        return [owner_and_name(include, "include")]
    steps: list[tuple[type, str]] = []
    parts = include.split(".")
    candidates = list(roots)
    for part in parts:
        holders = [class_ for class_ in candidates if part in attribute_names(shape_of(class_))]
        if not holders:
            resolved(shape_of(candidates[0]), part, f"include={include!r}")
        steps.append((holders[0], part))
        relation = shape_of(holders[0]).relations.get(part)
        if relation is None and part != parts[-1]:
            raise SnapshotError(f"include={include!r}: `{part}` is no relationship, so nothing can follow it")
        if relation is not None:
            candidates = [mapper.class_ for mapper in shape_of(relation.target).mapper.self_and_descendants]
    return steps
