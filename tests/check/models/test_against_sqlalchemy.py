"""What is found in source beside what SQLAlchemy makes of it when the same source is imported."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import ColumnProperty, Mapper, RelationshipProperty, class_mapper
from sqlalchemy.orm.exc import UnmappedClassError

from tether.check.models.mapped_classes import Models
from tether.check.models.model import Model
from tether.check.project.modules import Project

MODULES = [
    "tests.truth.models",
    "tests.truth.shops",
    "tests.carry.back.models",
    "tests.check.models.examples",
]


def mappers(module: ModuleType, names: Iterator[str]) -> Iterator[tuple[str, Mapper[Any]]]:
    """Yield the classes of a module that are mapped when it is imported."""
    for name in names:
        try:
            mapper = class_mapper(getattr(module, name), configure=False)
        except (UnmappedClassError, ArgumentError):
            continue
        mapper.registry.configure(cascade=True)
        yield name, mapper


def of_column(prop: ColumnProperty[Any]) -> tuple[object, ...]:
    column = prop.columns[0]
    return (
        column.primary_key,
        column.nullable,
        prop.deferred,
        column.onupdate is not None,
        column.server_default is not None,
        column.server_onupdate is not None,
        bool(column.foreign_keys),
    )


def of_found_column(model: Model, name: str) -> tuple[object, ...] | None:
    found = model.get(name)
    if found is None or found.column is None:
        return None
    column = found.column
    return (
        column.primary_key,
        column.nullable,
        column.deferred,
        column.onupdate,
        column.server_default,
        column.server_onupdate,
        bool(column.foreign_keys),
    )


def of_relationship(prop: RelationshipProperty[Any]) -> dict[str, object]:
    mirrored = prop.back_populates or (prop.backref if isinstance(prop.backref, str) else "")
    return {
        "target": prop.mapper.class_.__name__,
        "direction": prop.direction.name,
        "uselist": prop.uselist,
        "lazy": prop.lazy,
        "back_populates": mirrored,
        "viewonly": prop.viewonly,
    }


def of_found_relationship(model: Model, name: str, real: dict[str, object]) -> dict[str, object] | None:
    """Return the same of what was found; what is not known counts as right: it is open, not wrong."""
    found = model.get(name)
    if found is None or found.relationship is None:
        return None
    said = {**found.relationship._asdict(), "target": found.relationship.target.name}
    unknown = {"direction": "", "uselist": None}
    return {key: real[key] if key in unknown and said[key] == unknown[key] else said[key] for key in real}


def differences(name: str) -> Iterator[tuple[str, str, object, object]]:
    """Yield each attribute of each mapped class of a module that is not found as SQLAlchemy has it."""
    module = importlib.import_module(name)
    file = Path(inspect.getfile(module))
    models = Models(Project([file], file.parent))
    source = next(models.project.modules())
    for qualname, mapper in mappers(module, (one for one in source.classes if "." not in one)):
        model = models.model((source.name, qualname))
        if model is None or model.abstract:
            yield qualname, "", "mapped", model
            continue
        for prop in mapper.column_attrs:
            found = model.get(prop.key)
            if found is None or found.kind != "column property":
                real, seen = of_column(prop), of_found_column(model, prop.key)
                if seen is None or any(
                    told not in {None, true} for told, true in zip(seen, real, strict=True)
                ):
                    yield qualname, prop.key, real, seen
        for relationship in mapper.relationships:
            said = of_relationship(relationship)
            got = of_found_relationship(model, relationship.key, said)
            if said != got:
                yield qualname, relationship.key, said, got
        names = mapper.all_orm_descriptors.keys()
        for key in names:
            if model.get(key) is None:
                yield qualname, key, "an attribute", None


@pytest.mark.parametrize("name", MODULES)
def test_models(name: str) -> None:
    """
    Columns, relationships and other attributes are found as SQLAlchemy has them.
    """
    assert [] == list(differences(name))


def mapped(name: str) -> tuple[set[str], set[str]]:
    """Return the classes of a module that SQLAlchemy has mapped, and those that were found to be."""
    module = importlib.import_module(name)
    file = Path(inspect.getfile(module))
    models = Models(Project([file], file.parent))
    source = next(models.project.modules())
    names = [one for one in source.classes if "." not in one]
    found = {
        one for one in names if (model := models.model((source.name, one))) is not None and not model.abstract
    }
    return {one for one, _ in mappers(module, iter(names))}, found


@pytest.mark.parametrize("name", MODULES)
def test_mapped(name: str) -> None:
    """
    The same classes are mapped.
    """
    real, found = mapped(name)

    assert real == found
