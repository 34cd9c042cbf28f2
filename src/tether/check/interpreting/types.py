"""The types an annotation names."""

from __future__ import annotations

from typing import NamedTuple

from tether.check.abstract.values import Class
from tether.check.interpreting.interpreter import Interpreter
from tether.check.project.annotation import parse_annotation

MOST_ALIASES = 4


class Types(NamedTuple):
    """What an annotation names: dotted names from outside, classes of the project, and whether it is a collection."""

    external: tuple[str, ...] = ()
    classes: tuple[Class, ...] = ()
    container: str = ""


def named_types(interpreter: Interpreter, module: str, text: str) -> Types:
    """Return the types that an annotation in a module names; what is not understood is left out."""
    if not text:
        return Types()
    module, text = alias_of(interpreter, module, text)
    annotation = parse_annotation(text)
    external, classes = [], []
    for name in annotation.names:
        target = interpreter.project.resolve(module, name)
        if target.kind == "class" and not target.rest:
            classes.append(Class(target.module, target.name))
        elif target.kind == "external":
            external.append(interpreter.canonical(target.name))
    return Types(tuple(external), tuple(classes), annotation.container)


def alias_of(interpreter: Interpreter, module: str, text: str) -> tuple[str, str]:
    """Return the annotation that a name stands for, and its module: ``SessionDep = Annotated[Session, ...]``."""
    for _ in range(MOST_ALIASES):
        names = parse_annotation(text).names if text else ()
        if names != (text.strip(),):
            break
        target = interpreter.project.resolve(module, text.strip())
        if (
            target.kind != "variable"
            or target.rest
            or target.value is None
            or target.value.kind != "subscript"
        ):
            break
        module, text = target.module, str(target.value.value)
    return module, text
