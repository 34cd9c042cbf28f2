"""Which classes are mapped: by their bases, their decorators, and what a base was made by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tether.check.project.facts import ClassFacts
from tether.check.project.modules import Project
from tether.check.project.resolving import Target
from tether.check.project.written import Written

# Bases from outside whose subclasses are mapped.
_DECLARATIVE = {
    "sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta", "flask_appbuilder.Model",
    "flask_appbuilder.models.sqla.Model", "flask_sqlalchemy.model.Model",
}  # fmt: skip
_DECLARATIVE_MODULES = ("advanced_alchemy.base.", "litestar.contrib.sqlalchemy.base.")
_SQLMODEL = {"sqlmodel.SQLModel", "sqlmodel.main.SQLModel"}
_FLASK = {"flask_sqlalchemy.SQLAlchemy", "flask_appbuilder.SQLA", "flask_sqlalchemy_lite.SQLAlchemy"}
_MAKES_BASE = {"declarative_base", "automap_base", "generate_base", "make_declarative_base"}
_MAPS = {"mapped", "mapped_as_dataclass"}
# Bases from outside that add no attributes that anybody would look for.
_WITHOUT_ATTRIBUTES = {
    "builtins.object", "typing.Generic", "typing.Protocol", "abc.ABC", "sqlalchemy.orm.MappedAsDataclass",
    "sqlalchemy.ext.asyncio.AsyncAttrs", "typing_extensions.Generic", "sqlalchemy.ext.declarative.AbstractConcreteBase",
    "sqlalchemy.ext.declarative.ConcreteBase", "enum.Enum", "builtins.str", "builtins.int", "builtins.Exception",
}  # fmt: skip

Key = tuple[str, str]


class Ancestry(NamedTuple):
    """What is above a class.

    Attributes:
        classes: The class itself and its bases of the project, in the order of the MRO.
        declarative: True if one of its bases makes its subclasses mapped.
        sqlmodel: True if that base is SQLModel, where only ``table=True`` is mapped.
        flask: True if that base gives tables their names.
        complete: False if there are bases that are not known.
    """

    classes: tuple[tuple[Key, ClassFacts], ...]
    declarative: bool
    sqlmodel: bool
    flask: bool
    complete: bool


class Bases:
    """Looks at what is above classes."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._known: dict[Key, Ancestry] = {}

    def facts(self, key: Key) -> ClassFacts | None:
        """Return a class of the project."""
        module = self.project.module(key[0])
        return module.classes.get(key[1]) if module is not None else None

    def ancestry(self, key: Key, seen: tuple[Key, ...] = ()) -> Ancestry:
        """Return what is above a class of the project; a class that is its own base has none."""
        if key in self._known:
            return self._known[key]
        facts = self.facts(key)
        if facts is None or key in seen:
            return Ancestry((), False, False, False, False)
        found = self._ancestry(key, facts, (*seen, key))
        if not seen:
            self._known[key] = found
        return found

    def _ancestry(self, key: Key, facts: ClassFacts, seen: tuple[Key, ...]) -> Ancestry:
        declarative = any(self._maps(key[0], decorator) for decorator in facts.decorators)
        sqlmodel = flask = False
        complete = True
        lines: list[list[tuple[Key, ClassFacts]]] = []
        for base in facts.bases:
            for target in self.targets(key[0], base):
                if target.kind == "class" and not target.rest:
                    above = self.ancestry((target.module, target.name), seen)
                    lines.append(list(above.classes))
                    declarative = declarative or above.declarative
                    sqlmodel, flask = sqlmodel or above.sqlmodel, flask or above.flask
                    complete = complete and above.complete
                    continue
                kind = self.kind_of_base(target)
                declarative = declarative or kind in {"declarative", "flask"}
                sqlmodel, flask = sqlmodel or kind == "sqlmodel", flask or kind == "flask"
                complete = complete and bool(kind)
        classes = ((key, facts), *_merged(lines))
        return Ancestry(classes, declarative or sqlmodel, sqlmodel, flask, complete)

    def targets(self, module: str, base: Written) -> Iterator[Target]:
        """Yield what a base class, as written, means; of ``a if t else b`` both, where they mean something."""
        if base.kind == "either":
            for one in base.items:
                yield from self.targets(module, one)
        elif base.kind == "call":
            yield Target("variable", module, "", (), base)
        elif base.kind == "name":
            yield self.project.resolve(module, base.text)
        else:
            yield Target("unknown")

    def kind_of_base(self, target: Target) -> str:
        """Return ``declarative``, ``sqlmodel``, ``flask``, ``plain`` (adds nothing), or "" for what is not known."""
        if target.kind == "external":
            return _external_kind(target.name)
        value = target.value
        if target.kind != "variable" or value is None:
            return ""
        if target.rest:
            return (
                "flask" if target.rest == ("Model",) and self._made(target.module, value) == "flask" else ""
            )
        if value.kind == "either":
            kinds = [self.kind_of_base(target._replace(value=one)) for one in value.items]
            return next((kind for kind in kinds if kind not in {"", "plain"}), "")
        if value.kind == "name":
            other = self.project.resolve(target.module, value.text)
            return self.kind_of_base(other) if other != target else ""
        return "declarative" if self._made(target.module, value) == "base" else ""

    def _made(self, module: str, value: Written) -> str:
        """Return ``base`` if a call makes a declarative base, ``flask`` for the extension that holds one, or ""."""
        if value.kind != "call":
            return ""
        if value.last in _MAKES_BASE:
            return "base"
        called = self.project.resolve(module, str(value.value)) if value.value else Target("unknown")
        names = {called.name} if called.kind == "external" else set()
        facts = self.facts((called.module, called.name)) if called.kind == "class" else None
        if facts is not None:
            names = {target.name for base in facts.bases for target in self.targets(called.module, base)}
        return "flask" if names & _FLASK else ""

    def _maps(self, module: str, decorator: str) -> bool:
        """Return True for ``@registry.mapped`` and its like."""
        called = decorator.removesuffix("()")
        first, _, last = called.rpartition(".")
        if last in {"as_declarative", "as_declarative_base"}:
            return True
        if last not in _MAPS or not first:
            return False
        target = self.project.resolve(module, first)
        return target.kind != "variable" or target.value is None or target.value.last in {"registry", ""}

    def is_base(self, key: Key, facts: ClassFacts) -> bool:
        """Return True for a declarative base itself: it stands right below SQLAlchemy's, and has no table."""
        if any(one.rpartition(".")[2].startswith("as_declarative") for one in facts.decorators):
            return True
        names = [target.name for base in facts.bases for target in self.targets(key[0], base)]
        return not {"sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta"}.isdisjoint(
            names
        )


def _external_kind(name: str) -> str:
    if name in _DECLARATIVE or name.startswith(_DECLARATIVE_MODULES):
        return "declarative"
    if name in _SQLMODEL:
        return "sqlmodel"
    return "plain" if name in _WITHOUT_ATTRIBUTES else ""


def _merged(lines: list[list[tuple[Key, ClassFacts]]]) -> list[tuple[Key, ClassFacts]]:
    """Return the bases of a class in the order of the MRO (C3); where there is none, from left to right."""
    result: list[tuple[Key, ClassFacts]] = []
    lines = [line for line in lines if line]
    while lines:
        tails = {one[0] for line in lines for one in line[1:]}
        head = next((line[0] for line in lines if line[0][0] not in tails), lines[0][0])
        result.append(head)
        lines = [rest for line in lines if (rest := [one for one in line if one[0] != head[0]])]
    return result
