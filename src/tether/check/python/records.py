"""Classes whose ``__init__`` is made of their fields: dataclasses, those of attrs, named tuples."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.values import NOTHING, Class, External, Value, one
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.project.written import Written
from tether.check.python.builtin import builtin
from tether.check.python.methods import ancestors

MAKERS = (
    "dataclasses.dataclass", "attr.s", "attr.attrs", "attr.dataclass", "attr.define", "attr.frozen", "attr.mutable",
    "attrs.define", "attrs.frozen", "attrs.mutable",
)  # fmt: skip
NAMED_TUPLE = "typing.NamedTuple"


@builtin(*MAKERS)
def call_dataclass(_interpreter: Interpreter, site: Any, _state: State, _function: External) -> Value | None:
    """``@dataclass`` gives the class below it; ``@dataclass(frozen=True)`` a decorator that does so."""
    found = site.positional[0] if site.positional else NOTHING
    if any(isinstance(atom, Class) for atom in found):
        return found
    return one(External("tether.as it is"))


def fields_given(interpreter: Interpreter, class_: Class, site: Any) -> dict[str, Value]:
    """Return what the arguments of a call of a class are the fields of, by name."""
    if not site.positional:
        return dict(site.named)
    return {**dict(zip(field_names(interpreter, class_), site.positional, strict=False)), **site.named}


def field_names(interpreter: Interpreter, class_: Class) -> list[str]:
    """Return the fields of a class in the order of its arguments; none if its ``__init__`` is not made of them."""
    if not is_record(interpreter, class_):
        return []
    found: dict[str, None] = {}
    bases = [base for base in ancestors(interpreter, class_) if isinstance(base, Class)]
    for base in reversed(bases):
        facts = interpreter.project.module(base.module).facts.classes.get(base.qualname)
        for field in facts.fields if facts is not None else ():
            if field.annotation.endswith("KW_ONLY"):
                return list(found)
            if field.annotation and "ClassVar" not in field.annotation and is_argument(field.value):
                found[field.name] = None
    return list(found)


def is_argument(value: Written | None) -> bool:
    """Return whether a field is an argument by position, as far as ``field(...)`` says."""
    if value is None:
        return True
    return value.constant("init") is not False and value.constant("kw_only") is not True


def is_record(interpreter: Interpreter, class_: Class) -> bool:
    """Return whether Python writes the ``__init__`` of a class."""
    bodies: tuple[ops.Body, ...] = interpreter.project.module(class_.module).bodies
    for body in bodies:
        if body.kind == "class" and body.qualname == class_.qualname and body.decorators:
            return any(name.removesuffix("()").rpartition(".")[2] in LAST_NAMES for name in body.decorators)
    return any(
        isinstance(base, External) and base.name == NAMED_TUPLE for base in ancestors(interpreter, class_)
    )


LAST_NAMES = frozenset(name.rpartition(".")[2] for name in MAKERS)
