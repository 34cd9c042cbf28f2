"""The mapped classes of a project, found from its source."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from tether.check.models.bases import Ancestry, Bases, Key
from tether.check.models.model import Attribute, Model, Relationship
from tether.check.models.model_attributes import (
    RELATIONSHIPS,
    attributes_of,
    column_of,
    from_value,
    relationship_of,
    target_text,
)
from tether.check.models.relations import settled
from tether.check.project.annotation import NOT_UNDERSTOOD, Annotation, parse_annotation
from tether.check.project.facts import ClassFacts
from tether.check.project.modules import Module, Project
from tether.check.project.resolving import UNKNOWN, Target
from tether.check.project.written import Written


class Models:
    """Finds out what classes are to SQLAlchemy; each class once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.bases = Bases(project)
        self._models: dict[Key, Model | None] = {}
        self._settled: dict[Key, Model | None] = {}
        self._targets: dict[tuple[str, str], Target] = {}

    def of(self, target: Target) -> Model | None:
        """Return the mapped class that a name means; None if it means no mapped class."""
        if target.kind != "class" or target.rest:
            return None
        return self.model((target.module, target.name))

    def model(self, key: Key) -> Model | None:
        """Return a mapped class, with what the ``backref`` of other classes adds to it, or None."""
        if key not in self._settled:
            found = self._unsettled(key)
            self._settled[key] = found
            if found is not None:
                found = self._with_backrefs(found)
                self._settled[key] = settled(found, self._related)
        return self._settled[key]

    def target_of(self, relationship: Relationship) -> Model | None:
        """Return the class that a relationship leads to."""
        return self.of(relationship.target)

    def _related(self, relationship: Relationship) -> Model | None:
        """Return the class that a relationship leads to, its own relationships not yet settled."""
        target = relationship.target
        return self._unsettled((target.module, target.name)) if target.kind == "class" else None

    # ------------------------------------------------------------------ one class

    def _unsettled(self, key: Key) -> Model | None:
        if key not in self._models:
            self._models[key] = None  # while it is looked at
            self._models[key] = self._read(key)
        return self._models[key]

    def _read(self, key: Key) -> Model | None:
        ancestry = self.bases.ancestry(key)
        if not ancestry.classes:
            return None
        imperative = self._imperative.get(key)
        if not (ancestry.declarative or _looks_mapped(ancestry)) and imperative is None:
            return None
        attributes: dict[str, Attribute] = {}
        for owner, facts in ancestry.classes:
            for attribute in self._own_attributes(owner, facts, ancestry):
                attributes.setdefault(attribute.name, attribute)
        if imperative is not None:
            attributes.update({one.name: one for one in self._mapped_by(key, *imperative)})
        _constrained(attributes, ancestry)
        return Model(
            module=key[0],
            name=key[1],
            abstract=imperative is None and self._is_abstract(key, ancestry),
            attributes={name: self._with_target(one) for name, one in attributes.items()},
            bases=tuple([owner for owner, _ in ancestry.classes[1:]]),
            complete=ancestry.complete,
            unique=_unique(ancestry),
            foreign_keys=tuple([key for _, key in _foreign_keys(ancestry)]),
            mapper_args=_field(ancestry.classes[:1], "__mapper_args__"),
            eager_defaults=_eager_defaults(ancestry),
            table=_table_name(ancestry),
        )

    def _own_attributes(self, owner: Key, facts: ClassFacts, ancestry: Ancestry) -> Iterator[Attribute]:
        def named(name: str) -> Annotation | None:
            return self._annotated(owner[0], name)

        table = next((field.value for field in facts.fields if field.name == "__table__"), None)
        if table is not None and table.last == "Table":
            yield from _columns(table, owner)
        allowed = _field(ancestry.classes, "__allow_unmapped__")
        unmapped = allowed is not None and allowed.value is True
        yield from attributes_of(facts, owner, named, every_field=ancestry.sqlmodel, unmapped=unmapped)

    def _annotated(self, module: str, name: str) -> Annotation | None:
        """Return the ``Annotated`` type that a name in an annotation stands for."""
        target = self.project.resolve(module, name)
        if target.kind == "variable" and target.value is not None and target.value.kind == "subscript":
            return parse_annotation(str(target.value.value))
        return None

    def _is_abstract(self, key: Key, ancestry: Ancestry) -> bool:
        facts = ancestry.classes[0][1]
        abstract = next((field.value for field in facts.fields if field.name == "__abstract__"), None)
        if abstract is not None and abstract.value is True:
            return True
        if ancestry.sqlmodel:
            return dict(facts.keywords).get("table", Written("constant", False)).value is not True
        if self.bases.is_base(key, facts):
            return True
        if ancestry.flask:
            return False
        return not any(_has_table(facts) for _, facts in ancestry.classes)

    # ------------------------------------------------------------------ targets of relationships

    def _with_target(self, attribute: Attribute) -> Attribute:
        found = attribute.relationship
        if found is None or not found.target_text or found.target.kind != "unknown":
            return attribute
        target = self._class_named(attribute.owner[0], found.target_text)
        return attribute._replace(relationship=found._replace(target=target))

    def _class_named(self, module: str, text: str) -> Target:
        """Return the class that a relationship names: as the module has it, else the one class of that name."""
        if (module, text) not in self._targets:
            target = self.project.resolve(module, text)
            if target.kind != "class" or target.rest:
                target = self._only_class(text.rpartition(".")[2])
            self._targets[module, text] = target
        return self._targets[module, text]

    def _only_class(self, name: str) -> Target:
        found = [
            Target("class", module.name, name)
            for module in self.project.modules_with(f"class {name}".encode())
            if name in module.classes and self.bases.ancestry((module.name, name)).declarative
        ]
        return found[0] if len(found) == 1 else UNKNOWN

    # ------------------------------------------------------------------ backrefs

    @cached_property
    def _backrefs(self) -> dict[Key, list[tuple[Key, str, Written]]]:
        """What ``backref`` adds: for a class, who adds it, the name of the relationship there, and the call."""
        found: dict[Key, list[tuple[Key, str, Written]]] = {}
        for module in self.project.modules_with(b"backref"):
            for qualname, facts in module.classes.items():
                for field in facts.fields:
                    value = field.value
                    if value is None or value.last not in RELATIONSHIPS or value.argument("backref") is None:
                        continue
                    text = relationship_of(value, parse_annotation(field.annotation)).target_text
                    target = self._class_named(module.name, text) if text else UNKNOWN
                    key = (target.module, target.name)
                    found.setdefault(key, []).append(((module.name, qualname), field.name, value))
        return found

    def _with_backrefs(self, model: Model) -> Model:
        """Return a class with the attributes that relationships of other classes to it, or to a base, add."""
        attributes = dict(model.attributes)
        for key in (model.key, *model.bases):
            for owner, name, value in self._backrefs.get(key, ()):
                made = self._backref(owner, name, value)
                attributes.setdefault(made.name, made)
        return model._replace(attributes=attributes)

    def _backref(self, owner: Key, name: str, value: Written) -> Attribute:
        """Return the relationship that a ``backref`` makes on the other class."""
        backref = value.argument("backref") or Written("other")
        called = backref if backref.kind == "call" else Written("call")
        made = called.items[0].text if called.items else backref.text
        there = relationship_of(value, NOT_UNDERSTOOD)
        found = relationship_of(called._replace(items=()), NOT_UNDERSTOOD)
        found = found._replace(
            target=Target("class", *owner),
            target_text=owner[1],
            secondary=there.secondary,
            direction="MANYTOMANY" if there.secondary else "",
            back_populates=name,
            from_backref=True,
        )
        return Attribute(made, "relationship", owner, value.line, relationship=found)

    # ------------------------------------------------------------------ imperative mapping

    @cached_property
    def _imperative(self) -> dict[Key, tuple[Module, Written]]:
        """Classes that are mapped by a call, with that call."""
        found: dict[Key, tuple[Module, Written]] = {}
        for module in self.project.modules_with(b"map_imperatively(", b"mapper("):
            for call in module.facts.calls:
                if call.last not in {"map_imperatively", "mapper"} or not call.items:
                    continue
                target = self.project.resolve(module.name, call.items[0].text or "?")
                if target.kind == "class" and not target.rest:
                    found[target.module, target.name] = (module, call)
        return found

    def _mapped_by(self, owner: Key, module: Module, call: Written) -> Iterator[Attribute]:
        """Yield the attributes that an imperative mapping makes."""
        table = call.items[1] if len(call.items) > 1 else call.argument("local_table")
        if table is not None and table.text:
            table = self.project.resolve(module.name, table.text).value
        if table is not None and table.last == "Table":
            yield from _columns(table, owner)
        properties = call.argument("properties")
        for name, value in properties.named if properties is not None else ():
            start = Attribute(name, "unknown", (module.name, owner[1]), value.line)
            found = from_value(start, value, NOT_UNDERSTOOD, lambda _: None, mapped=False)
            yield found if found.kind != "plain" else start


def _looks_mapped(ancestry: Ancestry) -> bool:
    """Return whether a class below a base that is not known has a table's name and a primary key."""
    named = _field(ancestry.classes, "__tablename__")
    return (
        not ancestry.complete
        and named is not None
        and any(
            field.value is not None
            and field.value.last in ("Column", "mapped_column")
            and field.value.constant("primary_key") is True
            for _, facts in ancestry.classes
            for field in facts.fields
        )
    )


def _columns(table: Written, owner: Key) -> Iterator[Attribute]:
    """Yield the columns of a ``Table(...)``."""
    for item in table.items:
        if item.last == "Column" and item.items and item.items[0].text:
            column = column_of(item, NOT_UNDERSTOOD, lambda _: None)
            yield Attribute(item.items[0].text, "column", owner, item.line, column=column)


def _has_table(facts: ClassFacts) -> bool:
    names = {field.name for field in facts.fields} | {method.name for method in facts.methods}
    return not names.isdisjoint({"__tablename__", "__table__"})


def _field(classes: tuple[tuple[Key, ClassFacts], ...], name: str) -> Written | None:
    """Return what the first of these classes that has the field assigns to it."""
    for _, facts in classes:
        for field in facts.fields:
            if field.name == name:
                return field.value
    return None


def _eager_defaults(ancestry: Ancestry) -> bool:
    """Return whether the class, a mixin or the declarative base sets ``eager_defaults=True``."""
    told = [
        *[_field(((key, facts),), "__mapper_args__") for key, facts in ancestry.classes],
        *[
            method.returned
            for _, facts in ancestry.classes
            for method in facts.methods
            if method.name == "__mapper_args__"
        ],
    ]
    return any(one is not None and one.constant("eager_defaults") is True for one in told)


def _table_name(ancestry: Ancestry) -> str:
    """Return the name of a table: as written, or as SQLModel makes it."""
    written = _field(ancestry.classes, "__tablename__")
    if written is not None:
        return written.text if written.kind == "constant" else ""
    table = _field(ancestry.classes, "__table__")
    if table is not None:
        return target_text(table.items[0]) if table.items else ""
    return ancestry.classes[0][1].name.lower() if ancestry.sqlmodel else ""


def _unique(ancestry: Ancestry) -> tuple[tuple[str, ...], ...]:
    """Return the groups of columns that ``__table_args__`` makes unique."""
    arguments = _field(ancestry.classes, "__table_args__")
    if arguments is None:
        return ()
    found = []
    for one in arguments.items:
        partial = any(  # of some of the rows only; those without the key are nobody's row
            name.endswith("_where") and not is_of_keys(value) for name, value in one.named
        )
        unique = one.last == "UniqueConstraint" or (one.last == "Index" and one.constant("unique") is True)
        if unique and not partial:
            items = one.items if one.last == "UniqueConstraint" else one.items[1:]
            found.append(tuple([item.text.rpartition(".")[2] for item in items]))
    return tuple(found)


def is_of_keys(where: Written) -> bool:
    """Return whether a partial index takes every row that has its key: ``WHERE key IS NOT NULL``."""
    text = where.items[0].text if where.last == "text" and where.items else where.text
    return text.strip().lower().endswith(" is not null") and " and " not in text.lower()


def _foreign_keys(ancestry: Ancestry) -> list[tuple[str, str]]:
    """Return the columns of ForeignKeyConstraints in ``__table_args__``, each with what it refers to."""
    arguments = _field(ancestry.classes, "__table_args__")
    constraints = [one for one in arguments.items if one.last == "ForeignKeyConstraint"] if arguments else []
    pairs = [
        zip(one.items[0].items, one.items[1].items, strict=False) for one in constraints if len(one.items) > 1
    ]
    return [(column.text.rpartition(".")[2], key.text) for pair in pairs for column, key in pair]


def _constrained(attributes: dict[str, Attribute], ancestry: Ancestry) -> None:
    """Give columns the foreign keys that the constraints of the table give them."""
    for name, key in _foreign_keys(ancestry):
        for attribute in list(attributes.values()):
            column = attribute.column
            if column is not None and name in {attribute.name, column.name}:
                changed = column._replace(foreign_keys=(*column.foreign_keys, key))
                attributes[attribute.name] = attribute._replace(column=changed)
