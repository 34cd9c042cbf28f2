"""A document of an older program: taken over where nothing is lost, refused by name where something would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tether.carry.documents import ClassPart
from tether.carry.near import near_names
from tether.carry.shape import Column, Shape, shape_of
from tether.errors import SnapshotError

# Types whose values are values of each other.
ALIKE = (
    {"string", "text", "unicode", "unicodetext", "varchar", "autostring", "char", "nvarchar"},
    {"integer", "biginteger", "smallinteger", "bigint", "int", "smallint"},
    {"numeric", "decimal"},
    {"float", "double", "real", "double_precision"},
    {"datetime", "timestamp"},
    {"json", "jsonb"},
    {"largebinary", "varbinary", "blob", "bytea", "binary"},
    {"uuid", "uuid_"},
)


@dataclass(slots=True)
class Migration:
    """How the attributes of a class in a document become those of the class here.

    Attributes:
        shape: The class here.
        part: The class as the document describes it.
        names: Name in the document -> name here; None where it is gone.
        together: The same of every class of the document.
    """

    shape: Shape
    part: ClassPart
    names: dict[str, str | None] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)
    together: list[Migration] = field(default_factory=list)

    def old_name(self, name: str) -> str:
        """Return the document's name of an attribute."""
        return self.back.get(name, name)

    def column(self, old: str, *, changed: bool) -> str | None:
        """Return the name here of a column; None if it is gone and nobody changed it."""
        return self.known(old, self.part.columns, self.shape.columns, changed=changed)

    def relation(self, old: str, *, changed: bool) -> str | None:
        """Return the name here of a relationship; None if it is gone and nobody changed it."""
        return self.known(old, self.part.relations, self.shape.relations, changed=changed)

    def columns_of(self, class_: type) -> dict[str, Column]:
        """Return the columns of a class, each by its name here and by its name in the document."""
        columns = dict(shape_of(class_).columns)
        for other in self.together:
            if issubclass(other.shape.class_, class_):
                renamed = {old: columns[new] for old, new in other.names.items() if new in columns}
                columns = renamed | columns
        return columns

    def known(
        self, old: str, said: Mapping[str, str], here: Mapping[str, object], *, changed: bool
    ) -> str | None:
        """Return the name here."""
        if old not in said:
            raise SnapshotError(
                f"the document has a value of `{self.part.name}.{old}`, and no such attribute"
            )
        name = self.names.get(old)
        if name in here:
            return name
        if changed:
            raise SnapshotError(
                f"`{self.part.name}.{old}` was changed in this draft, and `{self.shape.class_.__name__}` has it no "
                f'more: rename={{"{self.part.name}.{old}": ...}} says what it is called now'
            )
        return None


def migration(part: ClassPart, classes: Mapping[str, type], rename: Callable[[str], str]) -> Migration:
    """Return how a class is taken over.

    Raises:
        SnapshotError: The class is not in the registry, or changed so that values would be lost or misread.
    """
    name = part.name if part.name in classes else rename(part.name)
    if name not in classes:
        raise SnapshotError(
            f"`{part.name}` is not in the registry that loads() was given{near_names(name, classes)}"
        )
    found = Migration(shape_of(classes[name]), part)
    here = {**found.shape.columns, **found.shape.relations}
    for old in (*part.columns, *part.relations):
        new = old if old in here else rename(f"{part.name}.{old}")
        found.names[old] = new if new in here else None
        found.back[new] = old
    if part.fingerprint != found.shape.fingerprint or found.shape.schema != schema_of(part):
        check(found)
    return found


def schema_of(part: ClassPart) -> dict[str, dict[str, str]]:
    """Return the schema that a document describes."""
    return {"columns": part.columns, "relations": part.relations}


def check(found: Migration) -> None:
    """Refuse what cannot be taken over."""
    shape, part = found.shape, found.part
    class_name = shape.class_.__name__
    key = [found.names.get(old) for old in part.key]
    if key != list(shape.primary_key):
        raise SnapshotError(
            f"the primary key of `{class_name}` was ({', '.join(part.key)}) when this document was written, "
            f"and is ({', '.join(shape.primary_key)})"
        )
    schema = shape.schema
    for said, here in ((part.columns, schema["columns"]), (part.relations, schema["relations"])):
        for old, was in said.items():
            now = here.get(found.names[old] or "")
            if now is not None and not alike(was, now):
                raise SnapshotError(
                    f"`{class_name}.{found.names[old]}` was {was} when this document was written, and is {now}"
                )


def alike(was: str, now: str) -> bool:
    """Return whether values of one type can be read as values of the other."""
    return was == now or any(was in group and now in group for group in ALIKE)
