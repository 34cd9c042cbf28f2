"""What reads the fields of an instance by itself: pydantic models, and FastAPI's responses made with them."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
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


def fields_of(interpreter: Interpreter, class_: Class) -> tuple[str, ...]:
    """Return the fields of a pydantic model, those it inherits included; () for any other class."""
    found: dict[str, None] = {}
    pydantic = False
    for base in ancestors(interpreter, class_):
        if isinstance(base, External):
            pydantic |= base.name in BASE_MODELS
        else:
            found |= dict.fromkeys(interpreter.annotations.get(base, {}))
    names = tuple(name for name in found if not name.startswith("_") and name != "model_config")
    return names if pydantic else ()


def read_fields(
    interpreter: Interpreter,
    activation: Activation,
    span: ops.Span,
    state: State,
    value: Value,
    class_: Class,
) -> State | None:
    """Read each field of a pydantic model from each instance in *value*; None if that surely raises."""
    fields = fields_of(interpreter, class_)
    for number, instance in list(instances_in(state, value)):
        mapping = mapped(interpreter, instance.model)
        for name in fields:
            if mapping is None or mapping.kind(name) not in (
                "column",
                "relationship",
                "proxy",
                "property",
                "hybrid",
            ):
                continue
            op = ops.GetAttribute(-2, -3, name, span)
            after = read_instance(interpreter, activation, op, state, number, sure=True)
            if not after:
                return None
            state = after[0]
    return state


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
        read_fields(interpreter, activation, op.span, state.copy(), value, class_)
        interpreter.events[begun:] = [
            event._replace(kind="returned") if event.kind == "read" else event
            for event in interpreter.events[begun:]
        ]
