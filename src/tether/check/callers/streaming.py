"""The body of a streamed response: a generator of the program that runs when the function has returned it.

Run on Flask 3.1.3 with Flask-SQLAlchemy 3.1.1: the context of the request has ended by then, and `db.session` with it,
unless the generator is wrapped by ``stream_with_context()``. Run on fastapi 0.105.0, 0.115.0 and 0.165.0: blocks in the
path operation have ended; dependencies end before it or after it.
"""

from __future__ import annotations

from tether.check.abstract.state import State
from tether.check.abstract.things import Manager, Object
from tether.check.abstract.values import NOTHING, Value
from tether.check.interpreting.flow import Activation, CutShort
from tether.check.interpreting.interpreter import Interpreter, TooLarge
from tether.check.orm.contexts import end_ambient
from tether.check.python.calls import GENERATORS

CONTEXT = "flask.Flask.app_context"
# Classes of responses, and what ends before their body is read.
RESPONSES = {
    "flask.Response": CONTEXT,
    "flask.wrappers.Response": CONTEXT,
    "fastapi.responses.StreamingResponse": "",
    "starlette.responses.StreamingResponse": "",
}
MOST_OPS = 2_000


def run_streamed(interpreter: Interpreter, activation: Activation, state: State, value: Value) -> None:
    """Run the generators in a response that a function returns, after what ends before them."""
    for _, response in state.of(value, Object):
        ends = RESPONSES.get(response.external)
        if ends is None:
            continue
        for _, manager in state.of(response.fields.get("content", NOTHING), Manager):
            if manager.function is not None and not manager.suspended:
                run_body(interpreter, activation, state.copy(), manager, ends)


def run_body(
    interpreter: Interpreter, activation: Activation, state: State, manager: Manager, ends: str
) -> None:
    """Run one generator to its end, in a state that is thrown away."""
    function = manager.function
    assert function is not None
    if interpreter.body(function).kind not in GENERATORS or interpreter.too_deep(
        function.module, function.body
    ):
        return
    if ends:
        end_ambient(interpreter, activation, state, ends)
    kept, interpreter.fuel = interpreter.fuel, MOST_OPS
    begun = len(interpreter.events)
    try:
        interpreter.call_body(activation, activation.body.span, function, manager.arguments, state)
    except (CutShort, TooLarge):
        del interpreter.events[begun:]
    finally:
        interpreter.fuel = kept
