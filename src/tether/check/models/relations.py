"""Which way relationships go: guessed from foreign keys where annotations do not say it."""

from __future__ import annotations

from collections.abc import Callable

from tether.check.models.model import Attribute, Model, Relationship

Related = Callable[[Relationship], Model | None]


def settled(model: Model, related: Related) -> Model:
    """Return a class whose relationships say their direction, whether they are collections, and what mirrors them.

    What cannot be told for sure stays open: "" and None.
    """
    attributes = {name: _attribute(model, one, related) for name, one in model.attributes.items()}
    return model._replace(attributes=attributes)


def _attribute(model: Model, attribute: Attribute, related: Related) -> Attribute:
    found = attribute.relationship
    if found is None:
        return attribute
    other = related(found)
    direction = found.direction or _direction(model, found, other)
    uselist = found.uselist
    if uselist is None and direction:
        uselist = direction != "MANYTOONE"
    if uselist and direction != "MANYTOMANY":  # an annotation says more than foreign keys of a tree
        direction = "ONETOMANY"
    return attribute._replace(relationship=found._replace(direction=direction, uselist=uselist))


def _direction(model: Model, relationship: Relationship, other: Model | None) -> str:
    """Return the direction that foreign keys give; "" if they give none, or both."""
    if other is None:
        return ""
    if (
        model.key in {other.key, *other.bases} or other.key in model.bases
    ):  # a tree: `remote_side` tells the parent
        if relationship.remote_side:
            return "MANYTOONE"
        return "" if relationship.foreign_keys or relationship.uselist is False else "ONETOMANY"
    here, there = refers_to(model, other), refers_to(other, model)
    if here and there:
        return ""
    return "MANYTOONE" if here else "ONETOMANY" if there else ""


def refers_to(model: Model, other: Model) -> bool:
    """Return True if a foreign key of *model* refers to the table of *other*, or of a base of it."""
    names = {other.table, other.name} - {""}
    columns = [one.column for one in model.attributes.values() if one.column is not None]
    keys = [key for column in columns for key in column.foreign_keys] + list(model.foreign_keys)
    tables = {key.rpartition(".")[0] for key in keys}
    return not names.isdisjoint(tables | {table.rpartition(".")[2] for table in tables})
