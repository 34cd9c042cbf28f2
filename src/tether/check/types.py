"""The types an annotation names."""

from __future__ import annotations

from typing import NamedTuple

from tether.check.annotation import parse_annotation
from tether.check.interpreter import Interpreter
from tether.check.values import Class


class Types(NamedTuple):
    """What an annotation names: dotted names from outside, classes of the project, and whether it is a collection."""

    external: tuple[str, ...] = ()
    classes: tuple[Class, ...] = ()
    container: str = ""


def named_types(interpreter: Interpreter, module: str, text: str) -> Types:
    """Return the types that an annotation in a module names; what is not understood is left out."""
    if not text:
        return Types()
    annotation = parse_annotation(text)
    external, classes = [], []
    for name in annotation.names:
        target = interpreter.project.resolve(module, name)
        if target.kind == "class" and not target.rest:
            classes.append(Class(target.module, target.name))
        elif target.kind == "external":
            external.append(interpreter.canonical(target.name))
    return Types(tuple(external), tuple(classes), annotation.container)
