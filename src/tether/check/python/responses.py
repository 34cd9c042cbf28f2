"""What reads the fields of an instance by itself: pydantic models, and FastAPI's responses made with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Instance
from tether.check.abstract.values import UNKNOWN, Class, External, Value
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.interpreting.types import named_types
from tether.check.lowering import ops
from tether.check.orm.mapped import mapped
from tether.check.orm.subjects import instances_in
from tether.check.python.methods import ancestors
from tether.check.python.reading_rows import read_instance

BASE_MODELS = (
    "pydantic.BaseModel",
    "pydantic.main.BaseModel",
    "sqlmodel.SQLModel",
    "fastapi_utils.api_model.APIModel",
)
READ = (
    "column",
    "relationship",
    "proxy",
    "property",
    "hybrid",
)  # kinds of attributes that reading asks SQLAlchemy for
TO = -2  # the register of what was read
DEEPEST = 3  # models in models
# In the source of a model: it may be made of a row; it looks at what it is given before its fields do.
TAKING = ("from_attributes", "orm_mode", "sqlmodel.SQLModel")
ITS_OWN_WAY = (
    "before",
    "wrap",
    "pre=True",
    "model_validator",
    "root_validator",
    "model_construct",
    "GetterDict",
)


def fields_of(interpreter: Interpreter, class_: Class) -> dict[str, tuple[str, str]]:
    """Return the fields of a pydantic model, those it inherits included: module and text of their annotations.

    None for any other class. Run on sqlmodel 0.0.50: the relationships of a table are none of its fields.
    """
    found: dict[str, tuple[str, str]] = {}
    pydantic = False
    for base in ancestors(interpreter, class_):
        if isinstance(base, External):
            pydantic |= base.name in BASE_MODELS
        else:
            for name, text in interpreter.annotations.get(base, {}).items():
                found.setdefault(name, (base.module, text))
    table = mapped(interpreter, class_)
    fields = {
        name: held
        for name, held in found.items()
        if not name.startswith("_")
        and name != "model_config"
        and (table is None or table.kind(name) != "relationship")
    }
    return fields if pydantic else {}


class Reading:
    """What a pydantic model reads of the rows that it is made of.

    Args:
        given: The nested models take rows whatever their own configuration says, as FastAPI tells them to.
    """

    def __init__(
        self, interpreter: Interpreter, activation: Activation, span: ops.Span, *, given: bool = False
    ) -> None:
        self.interpreter = interpreter
        self.activation = activation
        self.span = span
        self.given = given

    def read(
        self, state: State, value: Value, class_: Class, path: str = "", outer: tuple[Class, ...] = ()
    ) -> State | None:
        """Read each field of a model from each instance in *value*; None if that surely raises.

        *path* is the way to the rows: ``Order.user``; *outer* are the models around this one.
        """
        fields = fields_of(self.interpreter, class_)
        for number, instance in list(instances_in(state, value)):
            mapping = mapped(self.interpreter, instance.model)
            if instance.many and instance.loop is None:  # each of them is read, one after the other
                here = self.activation.where(self.span)
                state.things[number] = replace(instance, loop=here)
            for name, annotation in fields.items():
                if mapping is None or mapping.kind(name) not in READ:
                    continue
                begun = len(self.interpreter.events)
                op = ops.GetAttribute(TO, -3, name, self.span)
                after = read_instance(self.interpreter, self.activation, op, state, number, sure=True)
                if path:
                    self.name(begun, number, f"{path}.{name}")
                if not after:
                    return None
                state = after[0]
                inner = self.model_of(annotation) if mapping.kind(name) == "relationship" else None
                if inner is None or inner in (class_, *outer) or len(outer) == DEEPEST:
                    continue
                way = f"{path or instance.model.qualname.rpartition('.')[2]}.{name}"
                read = self.read(state, state.read(TO), inner, way, (*outer, class_))
                if read is None:
                    return None
                state = read
            after_all = state.get(number, Instance)
            if after_all is not None and instance.loop is None:
                state.things[number] = replace(after_all, loop=None)
        return state

    def name(self, begun: int, number: int, path: str) -> None:
        """Give the reads of one instance the way that led there."""
        events = self.interpreter.events
        events[begun:] = [
            event._replace(path=path) if event.kind in ("read", "guard") and event.number == number else event
            for event in events[begun:]
        ]

    def model_of(self, annotation: tuple[str, str]) -> Class | None:
        """Return the model that a field is of, or its elements; None if it may be another, or reads as it likes."""
        named = named_types(self.interpreter, *annotation)
        if len(named.classes) != 1 or named.container in ("dict", "Mapping"):
            return None
        (class_,) = named.classes
        fields = fields_of(self.interpreter, class_)
        if not fields or mapped(self.interpreter, class_) is not None:
            return None
        words = "\n".join(source_of(self.interpreter, class_))
        takes = self.given or any(word in words for word in TAKING)
        return class_ if takes and not any(word in words for word in ITS_OWN_WAY) else None


def source_of(interpreter: Interpreter, class_: Class) -> Iterator[str]:
    """Yield the lines of a class and of those it derives from; the name of what is not the project's."""
    for base in ancestors(interpreter, class_):
        if isinstance(base, External):
            yield base.name
            continue
        module = interpreter.project.module(base.module)
        for body in module.bodies if module is not None else ():
            if body.kind == "class" and body.qualname == base.qualname:
                yield from module.lines[body.span[0] - 1 : body.span[2]]


def response_models(interpreter: Interpreter, activation: Activation, route: Value) -> list[Class]:
    """Return the classes a response is made with: as the route says, or as what the function says it returns."""
    given = [atom.receiver if isinstance(atom, External) else atom for atom in route]
    named = [atom for atom in given if isinstance(atom, Class)]
    if named or route != UNKNOWN:
        return named
    text = activation.body.returns
    return list(named_types(interpreter, activation.module, text).classes) if text else []


def read_response(
    interpreter: Interpreter, activation: Activation, op: Any, state: State, value: Value
) -> None:
    """Read what FastAPI reads of the value that a route returns."""
    route = interpreter.routes.get((activation.module, activation.index))
    if route is None or activation.depth:
        return
    for class_ in response_models(interpreter, activation, route):
        begun = len(interpreter.events)
        Reading(interpreter, activation, op.span, given=True).read(state.copy(), value, class_)
        interpreter.events[begun:] = [
            event._replace(kind="returned") if event.kind == "read" else event
            for event in interpreter.events[begun:]
        ]
