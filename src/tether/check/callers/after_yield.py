"""What FastAPI's dependencies do behind their ``yield``: they go on when the path operation has returned.

Run on fastapi 0.105.0, 0.115.0 and 0.165.0: the response is made of what was returned, then the dependencies go on, the
last one first. Whether background tasks and the body of a streamed response come before or after that depends on the
version, so of a Session that one of these has, nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tether.check.abstract.state import State
from tether.check.abstract.sweeping import reached
from tether.check.abstract.things import Frame, Instance, Manager, Session
from tether.check.abstract.values import Function, Value, number_in
from tether.check.callers.depends import Dependencies, function_key
from tether.check.interpreting.flow import Activation, CutShort
from tether.check.lowering import ops
from tether.check.orm.mapped import mapped
from tether.check.python.calls import GENERATORS
from tether.check.python.managers import finish_generator
from tether.check.python.opaque import let_go

MOST_OPS = 3_000  # of what all dependencies of one function do behind their yields


class Exits:
    """The ends of the dependencies of one path operation.

    Args:
        dependencies: As they were given.
    """

    def __init__(self, dependencies: Dependencies) -> None:
        self.dependencies = dependencies
        self.interpreter = dependencies.interpreter
        activation = dependencies.activation
        registered = (activation.module, activation.index) in self.interpreter.routes
        # What another module makes a route of is known only where that module was run.
        route = registered and bool(activation.body.decorators)
        self.known = route and dependencies.complete and not any(self.others())

    def others(self) -> Iterator[tuple[str, int]]:
        """Yield generators beside the dependencies that ask for the same ones: an application may have them for all."""
        given = self.dependencies
        for module in sorted({given.activation.module, *(name for name, _ in given.followed)}):
            for index, body in enumerate(self.interpreter.project.module(module).bodies):
                if body.kind not in GENERATORS or (module, index) in given.followed:
                    continue
                number = self.interpreter.derived("defaults", module, index, -1)
                defaults = given.state.get(number, Frame)
                for parameter in body.parameters:
                    default = defaults.variables.get(parameter.name, frozenset()) if defaults else frozenset()
                    source, _ = given.source(module, parameter.annotation, default)
                    if isinstance(source, Function) and function_key(source) in given.followed:
                        yield module, index

    def begin(self, state: State) -> None:
        """Note that nobody but the path operation and the dependencies has the Sessions of a request."""
        for number in self.dependencies.sessions if self.known else ():
            self.escape(state, number, False)

    def escape(self, state: State, number: int, escaped: bool) -> None:
        """Note whether somebody else may end a Session."""
        session = state.get(number, Session)
        if session is not None:
            state.things[number] = replace(session, escaped=escaped)

    def end(self, activation: Activation, state: State, value: Value, *, raised: bool) -> list[State]:
        """Return the states when all dependencies have gone on; what an exception does to them is not looked at."""
        kept, self.interpreter.fuel = self.interpreter.fuel, MOST_OPS
        begun = len(self.interpreter.events)
        before = state.copy()
        try:
            if self.known and not raised:
                let_go(self.interpreter, state, value)  # a row may be changed for the response only
                return self.gone_on(activation, state)
        except CutShort:
            del self.interpreter.events[begun:]
        finally:
            self.interpreter.fuel = kept
        for number in self.dependencies.sessions:
            self.escape(before, number, True)
        return [before]

    def gone_on(self, activation: Activation, state: State) -> list[State]:
        """Let the generators go on, the last one first."""
        for number in self.used_later(activation, state):
            self.escape(state, number, True)
        self.without_links(state)
        states = [state]
        for number in reversed(self.dependencies.waiting):
            states = [
                after
                for held in states
                for after in finish_generator(
                    self.interpreter, activation, activation.body.span, held, number
                )
            ]
        for held in states:
            self.forget(held)
        return states

    def without_links(self, state: State) -> None:
        """Forget rows that were put on other rows: for the response, nearly always; the foreign key says the same."""
        for number, thing in list(state.things.items()):
            if not isinstance(thing, Instance) or not thing.changed:
                continue
            mapping = mapped(self.interpreter, thing.model)
            links = [
                name for name in thing.changed if mapping is None or mapping.kind(name) == "relationship"
            ]
            if links and thing.session in self.dependencies.sessions:
                left = {name: where for name, where in thing.changed.items() if name not in links}
                state.things[number] = replace(thing, changed=left)

    def forget(self, state: State) -> None:
        """Let go of the variables of the dependencies, which are over."""
        for number in self.dependencies.waiting:
            state.things.pop(number, None)
        for number, thing in list(state.things.items()):
            if isinstance(thing, Frame) and (thing.module, thing.body) in self.dependencies.followed:
                state.things[number] = replace(thing, variables={})

    def used_later(self, activation: Activation, state: State) -> set[int]:
        """Return the Sessions that a generator or an inner function has: these may run behind the return."""
        waiting = [
            number
            for number, thing in state.things.items()
            if isinstance(thing, Manager)
            and thing.function is not None
            and number not in self.dependencies.waiting
        ]
        bodies = self.interpreter.project.module(activation.module).bodies
        free = {
            op.name
            for body in bodies
            if body.parent == activation.index
            for block in body.blocks
            for op in block.ops
            if isinstance(op, ops.Load) and op.scope == "free"
        }
        frame = state.get(activation.frame, Frame)
        for name in free if frame is not None else ():
            waiting += [number_in(atom) for atom in frame.variables.get(name, ())] if frame else []
        return self.dependencies.sessions & reached(state.things, waiting).keys()
