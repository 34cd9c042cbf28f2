"""What a name means: through imports, re-exports, aliases, ``import *`` and whatever else binds a name."""

from __future__ import annotations

import builtins
from typing import NamedTuple, Protocol

from tether.check.project.facts import Binding, Facts
from tether.check.project.written import Written

_MOST_STEPS = 60
# What a name is for the type checker only, while it is something else when the program runs.
_TELLS_NOTHING = ("builtins.", "typing.Any", "typing_extensions.Any")


class Target(NamedTuple):
    """What a name means.

    Attributes:
        kind: ``module``, ``class``, ``function`` or ``variable`` of the project, ``external`` for what is not the
            project's, or ``unknown``.
        module: What the module is called in the project; "" for external and unknown.
        name: The qualified name in that module; of an external name all of it: ``sqlalchemy.orm.Session``.
        rest: Parts of the dotted name behind it, as ``orders`` of ``User.orders``.
        value: Of a variable, what is assigned to it, where that is one thing.
        annotation: Of a variable.
    """

    kind: str
    module: str = ""
    name: str = ""
    rest: tuple[str, ...] = ()
    value: Written | None = None
    annotation: str = ""


UNKNOWN = Target("unknown")


class Module(Protocol):
    """What is asked of a module."""

    name: str
    import_name: str
    facts: Facts


class Modules(Protocol):
    """What is asked of a project."""

    def module(self, name: str) -> Module | None:
        """Return a module by what it is called in the project."""

    def find(self, import_name: str, importer: str) -> Module | None:
        """Return the module that *import_name* means in the module *importer*."""

    def is_namespace(self, import_name: str, importer: str) -> bool:
        """Return True if *import_name* is a folder of the project that has no ``__init__.py``."""


class Resolver:
    """Follows names. A name that leads back to itself is unknown."""

    def __init__(self, project: Modules) -> None:
        self.project = project
        self._known: dict[tuple[str, str], Target] = {}

    def resolve(self, module_name: str, dotted: str) -> Target:
        """Return what *dotted* means in a module."""
        key = (module_name, dotted)
        if key not in self._known:
            self._known[key] = self._dotted(module_name, dotted.split("."), ())
        return self._known[key]

    def imported(
        self, importer: str, module: str, name: str, seen: tuple[tuple[str, str], ...] = ()
    ) -> Target:
        """Return what ``import module`` or ``from module import name`` means in the module *importer*."""
        if module.startswith(".") or len(seen) > _MOST_STEPS:
            return UNKNOWN
        found = self.project.find(module, importer)
        if not name:
            return Target("module", found.name) if found else self._outside(importer, module)
        if found is not None:
            target = self._in_module(found, name, seen)
            if target.kind != "unknown":
                return target
        inside = self.project.find(f"{module}.{name}", importer)
        if inside is not None:
            return Target("module", inside.name)
        if found is not None:
            return UNKNOWN
        outside = self._outside(importer, module)
        return outside._replace(name=f"{outside.name}.{name}") if outside.kind == "external" else UNKNOWN

    def _outside(self, importer: str, module: str) -> Target:
        """Return an external module; a folder of the project without modules of its own is a namespace."""
        return UNKNOWN if self.project.is_namespace(module, importer) else Target("external", "", module)

    def _dotted(self, module_name: str, parts: list[str], seen: tuple[tuple[str, str], ...]) -> Target:
        module = self.project.module(module_name)
        if module is None:
            return UNKNOWN
        if "<locals>" in parts or ".".join(parts) in module.facts.classes:
            name = ".".join(parts)
            return Target("class", module.name, name) if name in module.facts.classes else UNKNOWN
        target = self._in_module(module, parts[0], seen)
        if target.kind == "unknown":
            target = self._through_namespace(module, parts)
            if target.kind != "unknown":
                return target
            if parts[0] not in module.facts.names and hasattr(builtins, parts[0]):
                return Target("external", "", ".".join(["builtins", *parts]))
        return self._follow(target, parts[1:], seen)

    def _through_namespace(self, module: Module, parts: list[str]) -> Target:
        """Return what ``import a.b.c`` of a folder ``a`` without an ``__init__.py`` makes of ``a.b.c.d``."""
        bindings = module.facts.names.get(parts[0], ())
        if not any(one.kind == "import" and not one.name and one.module == parts[0] for one in bindings):
            return UNKNOWN
        for length in range(len(parts), 1, -1):
            found = self.project.find(".".join(parts[:length]), module.name)
            if found is not None:
                return self._follow(Target("module", found.name), parts[length:], ())
        return UNKNOWN

    def _follow(self, target: Target, rest: list[str], seen: tuple[tuple[str, str], ...]) -> Target:
        """Return what the parts behind a target mean."""
        while rest:
            if target.kind == "external":
                return target._replace(name=".".join([target.name, *rest]))
            if target.kind != "module":
                return self._inside(target, rest)
            module = self.project.module(target.module)
            found = self._in_module(module, rest[0], seen) if module else UNKNOWN
            if found.kind == "unknown" and module is not None:
                inside = self.project.find(f"{module.import_name}.{rest[0]}", module.name)
                found = Target("module", inside.name) if inside else UNKNOWN
            target, rest = found, rest[1:]
            if target.kind == "unknown":
                return UNKNOWN
        return target

    def _inside(self, target: Target, rest: list[str]) -> Target:
        """Return a class inside a class, or the target with what is behind it."""
        module = self.project.module(target.module)
        if (
            target.kind == "class"
            and module is not None
            and f"{target.name}.{rest[0]}" in module.facts.classes
        ):
            inner = Target("class", target.module, f"{target.name}.{rest[0]}")
            return self._inside(inner, rest[1:]) if rest[1:] else inner
        return target._replace(rest=(*target.rest, *rest)) if target.kind != "unknown" else UNKNOWN

    def _in_module(self, module: Module, name: str, seen: tuple[tuple[str, str], ...]) -> Target:
        """Return what a plain name means at the level of a module."""
        if (module.name, name) in seen or len(seen) > _MOST_STEPS:
            return UNKNOWN
        seen = (*seen, (module.name, name))
        found = [self._bound(module, name, binding, seen) for binding in module.facts.names.get(name, ())]
        found = [target for target in found if target.kind != "unknown"]
        if not found:
            return self._through_star(module, name, seen)
        return _best(found)

    def _bound(
        self, module: Module, name: str, binding: Binding, seen: tuple[tuple[str, str], ...]
    ) -> Target:
        """Return what one binding of a name makes of it."""
        if binding.kind == "import":
            return self.imported(module.name, binding.module, binding.name, seen)
        if binding.kind in {"class", "function"}:
            return Target(binding.kind, module.name, binding.name)
        value = binding.value
        if value is not None and value.kind == "name":  # an alias
            target = self._dotted(module.name, value.text.split("."), seen)
            if target.kind != "unknown" and not target.rest:
                return target
        return Target("variable", module.name, name, (), value, binding.annotation)

    def _through_star(self, module: Module, name: str, seen: tuple[tuple[str, str], ...]) -> Target:
        """Return what ``from m import *`` brings under a name; what is external cannot be looked into."""
        outside: list[str] = []
        for starred in module.facts.stars:
            source = self.project.find(starred, module.name)
            if source is None:
                outside.append(starred)
                continue
            public = source.facts.public
            if name in public if public is not None else not name.startswith("_"):
                target = self._in_module(source, name, seen)
                if target.kind != "unknown":
                    return target
        if len(outside) == 1 and not hasattr(builtins, name):
            return Target("external", "", f"{outside[0]}.{name}")
        return UNKNOWN


def _best(found: list[Target]) -> Target:
    """Return the target of a name that is bound in several ways.

    ``try: import x / except ImportError: x = None`` means the import; so does ``if TYPE_CHECKING: import``. Of several
    assignments the value is not known.
    """
    for kind in ("class", "function", "module", "external"):
        for target in found:
            if target.kind == kind and not target.name.startswith(_TELLS_NOTHING):
                return target
    variables = [target for target in found if target.kind == "variable"]
    told = [target for target in variables if target.value is not None and not _is_none(target.value)]
    if not told:
        return found[0]
    annotation = next((target.annotation for target in variables if target.annotation), "")
    value = told[0].value if len(told) == 1 else None
    return told[0]._replace(value=value, annotation=annotation)


def _is_none(value: Written) -> bool:
    return value.kind == "constant" and value.value is None
