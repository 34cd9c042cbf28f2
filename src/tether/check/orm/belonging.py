"""Which Session the instances that a coroutine is given are in: that of its only AsyncSession, as far as is known.

An instance that a function is given together with a Session is in that Session nearly always, and nobody says so. It
is believed for coroutines only, where an instance of an AsyncSession cannot be read once it is expired, and only from a
rollback or commit of that Session on: until then nothing is sure of such an instance.
"""

from __future__ import annotations

from collections.abc import Mapping

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Frame, Instance, Object, Session
from tether.check.abstract.values import Function, Value
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops

GIVEN = "given"  # flag of an instance that is taken for one of its Session
DEEPEST = 3  # dependencies of dependencies


def belong(
    interpreter: Interpreter,
    state: State,
    function: Function,
    body: ops.Body,
    parameters: Mapping[str, Value],
    given: frozenset[str] = frozenset(),
) -> None:
    """Put the instances that a coroutine is given into its only Session; *given* are parameters of dependencies."""
    sessions = [held for value in parameters.values() for held in state.of(value, Session)]
    if not body.kind.startswith("async") or len(sessions) != 1 or not sessions[0][1].asynchronous:
        return
    ((number, _),) = sessions
    provided = Dependencies(interpreter, state)
    own = next(name for name, value in parameters.items() if any(True for _ in state.of(value, Session)))
    opener = provided.of(function, own)
    for name, value in parameters.items():
        dependency = provided.of(function, name)
        if dependency is None and name in given:
            continue  # by an Annotated dependency, which may have a Session of its own
        if dependency is not None and not (opener is not None and provided.uses(dependency, opener)):
            continue
        for held, instance in state.of(value, Instance):
            if instance.session == -1:
                state.things[held] = replace(instance, session=number, flags=instance.flags | {GIVEN})


class Dependencies:
    """FastAPI's ``Depends``, as the defaults of parameters say it. One request calls each function once."""

    def __init__(self, interpreter: Interpreter, state: State) -> None:
        self.interpreter = interpreter
        self.state = state

    def of(self, function: Function, name: str) -> Value | None:
        """Return what is called for a parameter; None if its default is no ``Depends(...)``."""
        number = self.interpreter.derived("defaults", function.module, function.body, function.frame)
        defaults = self.state.get(number, Frame)
        value = defaults.variables.get(name, frozenset()) if defaults is not None else frozenset()
        for _, thing in self.state.of(value, Object):
            if thing.external == "fastapi.Depends":
                return thing.fields.get("dependency", frozenset())
        return None

    def uses(self, dependency: Value, opener: Value, depth: int = 0) -> bool:
        """Return whether a dependency surely is given what *opener* opens, itself or by one of its own."""
        (atom,) = dependency if len(dependency) == 1 else (None,)
        if not isinstance(atom, Function) or depth == DEEPEST:
            return False
        for parameter in self.interpreter.body(atom).parameters:
            inner = self.of(atom, parameter.name)
            if inner is not None and (inner == opener or self.uses(inner, opener, depth + 1)):
                return True
        return False
