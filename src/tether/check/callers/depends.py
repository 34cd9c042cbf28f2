"""FastAPI's ``Depends``: what a path operation is given, found by running what gives it.

fastapi 0.141.1, dependencies/utils.py: solve_dependencies() calls each dependency once for a request, so that two
parameters with the same one share what it gives; what follows a ``yield`` runs at the end of the request, which
``after_yield`` does.
"""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Collection, Coroutine, Frame, Manager, Object
from tether.check.abstract.values import (
    ANYTHING,
    NOTHING,
    UNKNOWN,
    Class,
    External,
    Function,
    Ref,
    Value,
    join,
    literal,
    one,
    references,
    single,
)
from tether.check.interpreting.arguments import bound
from tether.check.interpreting.flow import Activation, CutShort
from tether.check.interpreting.interpreter import Interpreter, TooLarge
from tether.check.interpreting.types import alias_of
from tether.check.orm.mapped import mapped
from tether.check.project.annotation import parse_annotation
from tether.check.python.builtin import builtin
from tether.check.python.calls import GENERATORS
from tether.check.python.methods import class_member

DEPENDS = "fastapi.Depends"
NAMES = ("fastapi.Depends", "fastapi.Security", "fastapi.params.Depends", "fastapi.params.Security")
NO_FUNCTION = ("manager", "outside")  # a context manager is no dependency
MOST_OPS = 3_000  # of all dependencies of one function


@builtin(*NAMES)
def call_depends(interpreter: Interpreter, site: Any, state: State, _function: External) -> Value | None:
    """``Depends(get_db)``: names what gives a parameter."""
    number = interpreter.number(site.activation, site.op.to, "depends")
    given = site.positional[0] if site.positional else site.named.get("dependency", NOTHING)
    cached = literal(site.named.get("use_cache", NOTHING)) is not False
    state.things[number] = Object(external=DEPENDS, fields={"dependency": given, "cached": one_of(cached)})
    return one(Ref(number))


def one_of(cached: bool) -> Value:
    """Return whether what a dependency gives is shared, as a value."""
    return UNKNOWN if cached else NOTHING


class Dependencies:
    """Gives one function its parameters.

    Args:
        activation: Of the function; dependencies are called from it.
        state: Where everything happens; it is another one after each dependency.
    """

    def __init__(self, interpreter: Interpreter, activation: Activation, state: State) -> None:
        self.interpreter = interpreter
        self.activation = activation
        self.state = state
        self.given: dict[Any, Value] = {}
        self.asked: list[Any] = []  # those being given: a dependency that needs itself is none
        self.waiting: list[int] = []  # the Managers of generators that wait at their yield, in order
        self.followed: set[tuple[str, int]] = set()  # the functions that were run
        self.sessions: set[int] = set()  # those that generators made, and that nobody else has yet
        self.complete = True  # each generator is in *waiting*

    def parameters(self, function: Function) -> dict[str, Value]:
        """Return what dependencies give to the parameters of a function; those without one are left out."""
        kept, self.interpreter.fuel = self.interpreter.fuel, MOST_OPS
        try:
            self.of_route(function)
            return self.of(function)
        except CutShort:
            self.complete = False
            return {}
        finally:
            self.interpreter.fuel = kept

    def of_route(self, function: Function) -> None:
        """Call the dependencies that the route of a function has, and its router: what they give goes nowhere."""
        for value in self.interpreter.route_dependencies.get(function_key(function), ()):
            for _, several in self.state.of(value, Collection):
                for item in several.items.values() if several.items else [several.element]:
                    for _, thing in self.state.of(item, Object):
                        if thing.external == DEPENDS:
                            source = single(thing.fields["dependency"]) or ANYTHING
                            self.give(source, cached=bool(thing.fields["cached"]))

    def of(self, function: Function) -> dict[str, Value]:
        """Return what the parameters of a function are given, as far as that is found."""
        found: dict[str, Value] = {}
        key = self.interpreter.derived("defaults", function.module, function.body, function.frame)
        defaults = self.state.get(key, Frame)
        for parameter in self.interpreter.body(function).parameters:
            default = defaults.variables.get(parameter.name, NOTHING) if defaults else NOTHING
            source, cached = self.source(function.module, parameter.annotation, default)
            if source is not None:
                value = self.give(source, cached=cached)
                found[parameter.name] = (
                    value if references(value) else UNKNOWN
                )  # of a stub, None tells nothing
        return found

    def source(self, module: str, annotation: str, default: Value) -> tuple[Any, bool]:
        """Return what gives a parameter, None if nothing does, and whether it is asked once in a request."""
        for _, thing in self.state.of(default, Object):
            if thing.external == DEPENDS:
                named = thing.fields["dependency"] or self.class_named(module, annotation)
                return single(named) or ANYTHING, bool(thing.fields["cached"])
        place, text = alias_of(self.interpreter, module, annotation)
        for written in parse_annotation(text).metadata if text else ():
            if written.last in ("Depends", "Security"):
                inner = written.items[0] if written.items else written.argument("dependency")
                named = self.named(place, inner.text) if inner is not None else self.class_named(place, text)
                return single(named) or ANYTHING, written.constant("use_cache") is not False
        return None, True

    def named(self, module: str, name: str) -> Value:
        """Return what a dotted name in a module means."""
        if not name:
            return NOTHING
        held = self.interpreter.variable(module, name) if "." not in name else NOTHING
        return held or self.interpreter.declared(module, name)

    def class_named(self, module: str, annotation: str) -> Value:
        """Return the class an annotation names: ``service: Service = Depends()``."""
        names = parse_annotation(annotation).names if annotation else ()
        return self.named(module, names[0]) if len(names) == 1 else NOTHING

    # ----------------------------------------------------------------- giving

    def give(self, source: Any, *, cached: bool) -> Value:
        """Return what a dependency gives; UNKNOWN if that is not found out."""
        if cached and source in self.given:
            return self.given[source]
        if source in self.asked:
            return UNKNOWN
        self.asked.append(source)
        value = self.called(source)
        self.asked.remove(source)
        if cached:
            self.given[source] = value
        return value

    def called(self, source: Any) -> Value:
        """Call a dependency with what its own dependencies give."""
        match source:
            case Function():
                return self.run(source)
            case Class() if mapped(self.interpreter, source) is None:
                return self.made(source)
            case Ref():
                thing = self.state.get(source.id, Object)
                if thing is not None and thing.class_ is not None:
                    return self.run_member(thing.class_, "__call__", source)
                self.complete = self.complete and thing is not None
            case External() | Class():
                pass  # it knows nothing of the program's Sessions
            case _:
                self.complete = False
        return UNKNOWN

    def made(self, class_: Class) -> Value:
        """Return an object of a class, its ``__init__`` run."""
        number = self.interpreter.derived("dependency", self.activation.context, class_)
        self.state.things[number] = Object(class_=class_, fields={})
        self.run_member(class_, "__init__", Ref(number))
        return one(Ref(number))

    def run_member(self, class_: Class, name: str, receiver: Ref) -> Value:
        """Run a method of a class; UNKNOWN if it has none."""
        function = single(class_member(self.interpreter, self.state, class_, name))
        return self.run(replace(function, receiver=receiver)) if isinstance(function, Function) else UNKNOWN

    def run(self, function: Function) -> Value:
        """Run a function up to what it returns or yields first; the Sessions it makes are ended by somebody else."""
        interpreter, body = self.interpreter, self.interpreter.body(function)
        if (
            function.wrapper in NO_FUNCTION
            or body.cut_short
            or interpreter.is_too_large(*function_key(function))
        ):
            self.complete = False
            return UNKNOWN
        given = self.of(function)
        first = [one(function.receiver)] if function.receiver is not None else []
        variables = bound(interpreter, self.state, function, first, {}, more=True) | given
        before = self.state
        self.complete &= function_key(function) not in self.followed  # called twice, it has two Sessions
        self.followed.add(function_key(function))
        try:
            inner, outcome = interpreter.call_body(
                self.activation, self.activation.body.span, function, variables, before.copy(),
                pause=body.kind in GENERATORS,
            )  # fmt: skip
        except TooLarge as error:
            interpreter.note_too_large(*function_key(function), error)
            self.complete = False
            return UNKNOWN
        if outcome.waiting:
            number = interpreter.number(inner, "dependency")
            self.waiting.append(number)
            for held in outcome.waiting:
                held.state.things[number] = Manager(
                    function=function, arguments=variables, gives=held.value, context=inner.context,
                    suspended=((held.block, held.op),), registers=held.state.registers.copy(),
                )  # fmt: skip
            self.complete &= not outcome.returned
        ends = [(held.state, held.value) for held in outcome.waiting] or outcome.returned
        return self.taken(before, ends, waits=bool(outcome.waiting))

    def taken(self, before: State, ends: list[tuple[State, Value]], *, waits: bool) -> Value:
        """Go on with all ways in which a dependency gave something, as one; return what it may have given."""
        if not ends:
            return UNKNOWN
        for held, _ in ends:
            held.path, held.registers = before.path, {}
        after, value = ends[0]
        for held, other in ends[1:]:
            after, value = after.join(held), join((value, other))
        for number, session in after.sessions():
            if number not in before.things:
                if waits and not session.escaped:
                    self.sessions.add(number)
                after.things[number] = replace(session, escaped=True)
        self.state = after
        results = [thing.result for _, thing in after.of(value, Coroutine)]
        return join(results) if results else value


def function_key(function: Function) -> tuple[str, int]:
    """Return module and body of a function."""
    return function.module, function.body
