"""What the interpreter asks about a mapped class: the facts of the source, in the words of the abstract state."""

from __future__ import annotations

from collections.abc import Iterable

from tether.check.abstract.facts_of_loading import QUERIED
from tether.check.abstract.things import LOADED, UNSURE, Facts
from tether.check.abstract.values import Class
from tether.check.interpreting.interpreter import Interpreter
from tether.check.models.model import Model

KINDS = {
    "column": "column",
    "column property": "column",
    "relationship": "relationship",
    "association proxy": "proxy",
    "hybrid": "hybrid",
    "property": "property",
    "synonym": "unknown",
    "composite": "unknown",
    "unknown": "unknown",
}


class Mapped:
    """One mapped class."""

    def __init__(self, interpreter: Interpreter, class_: Class, model: Model) -> None:
        self.interpreter = interpreter
        self.class_ = class_
        self.model = model

    def kind(self, name: str) -> str:
        """Return what an attribute is, one of KINDS' values; "" for anything that SQLAlchemy does not know."""
        found = self.model.get(name)
        return KINDS.get(found.kind, "") if found is not None else ""

    def primary_key(self) -> tuple[str, ...]:
        """Return the attributes of the primary key; () if they are not known."""
        return tuple(
            name
            for name, attribute in self.model.attributes.items()
            if attribute.column is not None and attribute.column.primary_key
        )

    def is_deferred(self, name: str) -> bool:
        """Return whether a column is loaded only when it is read."""
        column = self.model.attributes[name].column if name in self.model.attributes else None
        return column is not None and column.deferred

    def lazy(self, name: str) -> str:
        """Return ``lazy=`` of a relationship; "" if it is not known, or no relationship."""
        attribute = self.model.attributes.get(name)
        return (
            attribute.relationship.lazy
            if attribute is not None and attribute.relationship is not None
            else ""
        )

    def queried(self, name: str) -> Facts:
        """Return whether a relationship is loaded with the row."""
        return QUERIED.get(self.lazy(name), frozenset({LOADED, UNSURE}))

    def target(self, name: str) -> Class | None:
        """Return the class a relationship leads to."""
        attribute = self.model.attributes.get(name)
        if attribute is None or attribute.relationship is None:
            return None
        target = attribute.relationship.target
        return Class(target.module, target.name) if target.kind == "class" and not target.rest else None

    def is_many(self, name: str) -> bool | None:
        """Return whether a relationship holds a collection; None if that is not known."""
        attribute = self.model.attributes.get(name)
        return attribute.relationship.uselist if attribute is not None and attribute.relationship else None

    def leads_by_key(self, name: str) -> bool:
        """Return whether a relationship may be read from the identity map: a many-to-one, or what may be one."""
        attribute = self.model.attributes.get(name)
        direction = (
            attribute.relationship.direction if attribute is not None and attribute.relationship else ""
        )
        return direction in ("", "MANYTOONE")

    def foreign_keys(self) -> frozenset[str]:
        """Return the columns that refer to other rows."""
        return frozenset(
            name
            for name, attribute in self.model.attributes.items()
            if attribute.column is not None and attribute.column.foreign_keys
        )

    def is_unique_to(self, name: str) -> bool:
        """Return whether each row has another row at the end of a many-to-one: its key is unique."""
        attribute = self.model.attributes.get(name)
        text = attribute.relationship.foreign_keys if attribute is not None and attribute.relationship else ""
        keys = {key for key in self.foreign_keys() if not text or key in text}
        return len(keys) == 1 and all(self.is_unique(key) for key in keys)

    def is_unique(self, name: str) -> bool:
        """Return whether no two rows have the same value in a column."""
        column = self.model.attributes[name].column
        return column is not None and (column.unique or (column.primary_key and len(self.primary_key()) == 1))

    def loader(self, name: str) -> str:
        """Return the loader option to suggest."""
        return "selectinload" if self.is_many(name) is not False else "joinedload"

    def proxied(self, name: str) -> str:
        """Return the relationship an association proxy reads first; "" if it is not known."""
        attribute = self.model.attributes.get(name)
        return attribute.path[0] if attribute is not None and attribute.path else ""

    def computed_on_update(self, changed: Iterable[str]) -> frozenset[str]:
        """Return the columns that an UPDATE leaves unloaded, because the database computes them."""
        names = {
            name
            for name, attribute in self.model.attributes.items()
            if attribute.column is not None
            and (attribute.column.onupdate_in_sql or attribute.column.server_onupdate)
        }
        return frozenset(names) - frozenset(changed)

    def updates_row(self, name: str) -> bool:
        """Return whether a change of an attribute is an UPDATE of the row itself: a column, or a foreign key's."""
        found = self.model.attributes.get(name)
        if found is None or found.relationship is None:
            return found is not None and found.column is not None
        return found.relationship.direction == "MANYTOONE" and not found.relationship.viewonly

    def fetches_what_is_computed(self) -> bool:
        """Return whether a flush asks at once for what the database computes in an UPDATE.

        Run on 2.0.58 and 2.1.9: ``eager_defaults="auto"``, which is the default, does so for an INSERT only; a bulk
        UPDATE never does.
        """
        return self.model.eager_defaults

    def computed_on_insert(self, given: Iterable[str]) -> frozenset[str]:
        """Return the columns that an INSERT may leave unloaded."""
        names = {
            name
            for name, attribute in self.model.attributes.items()
            if attribute.column is not None and attribute.column.server_default
        }
        return frozenset(names) - frozenset(given)

    def related(self, other: Class) -> bool:
        """Return whether a row of *other* may be a row of this class."""
        return (other.module, other.qualname) in self.model.bases


def mapped(interpreter: Interpreter, class_: Class) -> Mapped | None:
    """Return what is known of a mapped class; None for any other class, and for abstract bases."""
    known = interpreter.mapped_classes
    if class_ not in known:
        model = interpreter.models.model((class_.module, class_.qualname))
        known[class_] = (
            Mapped(interpreter, class_, model) if model is not None and not model.abstract else None
        )
    found: Mapped | None = known[class_]
    return found
