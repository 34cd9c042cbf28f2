"""one-to-one-not-enforced: a relationship says one row where the table allows many, or the reverse."""

from __future__ import annotations

from tether.check.abstract.events import Event
from tether.check.abstract.things import Where
from tether.check.models.model import Model, Relationship
from tether.check.telling.stories import Teller
from tether.core.finding import Finding

KINDS = ("model",)


def look(event: Event, teller: Teller) -> list[Finding]:
    """Return a finding for each relationship of a class whose other side surely is not as it says."""
    model: Model = event.detail
    found = []
    for attribute in model.attributes.values():
        relationship = attribute.relationship
        if relationship is None or attribute.owner != model.key or relationship.from_backref:
            continue
        message, advice = contradiction(model, relationship, teller)
        if message:
            where = Where(model.module, 0, attribute.line, 1, attribute.line, 1)
            name = f"{model.name.rpartition('.')[2]}.{attribute.name}"
            found.append(
                teller.finding(
                    "one-to-one-not-enforced",
                    event._replace(where=where),
                    f"`{name}` {message}",
                    [],
                    subject=name,
                    help=advice,
                    used="declared",
                )
            )
    return found


def contradiction(model: Model, relationship: Relationship, teller: Teller) -> tuple[str, str]:
    """Return what a relationship says against the table and what helps, or "" where it is in order or not known."""
    if relationship.uselist is None or relationship.secondary or relationship.viewonly:
        return "", ""
    if relationship.primaryjoin:  # with a condition it may be one row of many, and an index for those only
        return "", ""
    if (
        relationship.direction not in ("ONETOMANY", "")
        or relationship.remote_side
        or relationship.target_text == ""
    ):
        return "", ""
    other = teller.interpreter.models.target_of(relationship)
    if other is None or not other.complete or not model.table or other.key == model.key:
        return "", ""
    keys = foreign_keys(other, model)
    if len(keys) != 1 or (relationship.direction == "" and foreign_keys(model, other)):
        return "", ""
    unique = is_unique(other, keys[0])
    column, name = f"{other.name}.{keys[0]}", other.name.rpartition(".")[2]
    if relationship.uselist is False and not unique:
        many = f'make the relationship a list: Mapped[list["{name}"]]'
        return (
            f"is one row, but nothing makes {column} unique: the table takes several",
            f"Give {column} unique=True, or a unique key of the table. Where there are many rows, {many}.",
        )
    if relationship.uselist is True and unique and not relationship.collection_class:
        return (
            f"is a list, but {column} is unique: the second row is refused",
            f'Make the relationship one row, Mapped["{name} | None"], or take the unique key away.',
        )
    return "", ""


def foreign_keys(model: Model, target: Model) -> list[str]:
    """Return the columns of a class that refer to the table of another."""
    names = (f"{target.table}.", f"{target.name}.")
    return [
        name
        for name, attribute in model.attributes.items()
        if attribute.column is not None
        and any(key.startswith(names) for key in attribute.column.foreign_keys)
    ]


def is_unique(model: Model, name: str) -> bool:
    """Return whether a column alone, or as the whole primary key, is unique."""
    column = model.attributes[name].column
    assert column is not None
    primary = [
        key for key, held in model.attributes.items() if held.column is not None and held.column.primary_key
    ]
    alone = any(set(group) in ({name}, {column.name}) for group in model.unique)
    return column.unique or alone or primary == [name]
