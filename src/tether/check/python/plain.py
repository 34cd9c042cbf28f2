"""Plain calls: those that neither a Session nor an instance has a part in. Each is run once, for all its callers.

Most calls of a program are such: they read settings, write logs, put texts together. What they do to the data of the
program is nothing, but what they give is asked about: an object, a function, nothing at all. So a plain call is run
with its literals forgotten, and every call that looks like it without them ends the way this one did.

Nothing of the caller goes in but the arguments, so the answer is the same whoever asks first. Functions that call each
other in a circle would not be: of these is known that they are plain, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.sweeping import leads_to, numbers, reached
from tether.check.abstract.things import Collection, Factory, Frame, Instance, Object, Result, Session, Thing
from tether.check.abstract.values import (
    ANYTHING,
    NOTHING,
    UNKNOWN,
    Attribute,
    Class,
    Constant,
    External,
    Function,
    Module,
    Ref,
    RowKey,
    Unknown,
    Value,
    join,
    references,
)
from tether.check.interpreting.arguments import WHOLE
from tether.check.interpreting.flow import RAISED, Activation, CutShort, Outcome
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.sending import is_uncommitted
from tether.check.python.remembering import renamed, renumbered

DEEPEST = 4  # objects in objects
MOST_OPS_OF_PLAIN = 4_000
# Callers that a run is reckoned to have: each is charged its part of the ops, whoever comes first.
SHARED_BY = 16
MOST_NESTED = 40
OF_SQLALCHEMY = (Session, Instance, Factory, Result)


class Ending(NamedTuple):
    """How a plain call ends.

    Attributes:
        given: Numbers of the things that went in, in the order of the key.
        before: Those things as they went in.
        changed: Those that came out as others.
        made: What it made, as far as somebody can reach it.
        value: What it gives; NOTHING if it never returns.
        raises: It may end by a ``raise`` statement.
        known: False if nothing else is known than that it is plain.
        used: As ``Interpreter.used``.
        cost: How many ops it took, those of the plain calls in it included, whether they were run for it or not.
    """

    given: tuple[int, ...] = ()
    before: Mapping[int, Thing] = {}
    changed: Mapping[int, Thing] = {}
    made: Mapping[int, Thing] = {}
    value: Value = NOTHING
    raises: bool = False
    known: bool = True
    plain: bool = True
    used: frozenset[str] = frozenset()
    cost: int = 0


class OpenCall(Exception):  # noqa: N818 - no error
    """Something of SQLAlchemy's goes in, or something that cannot be told from it."""


class Given:
    """The arguments of a call without their literals.

    Attributes:
        things: What they lead to; numbers: in the order in which it is met.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.things: dict[int, Thing] = {}
        self.numbers: dict[int, int] = {}

    def value(self, value: Value, depth: int) -> tuple[Any, Value]:
        """Return the key of a value, and the value without its literals."""
        if len(value) == 1:
            (atom,) = value
            key, held = self.atom(atom, depth)
            return key, value if held is atom else frozenset([held])
        # Things are numbered in the order in which they are met, so that is a part of the key.
        things = references(value)
        parts = [
            self.atom(atom, depth) for atom in (*things, *(value.difference(things) if things else value))
        ]
        key = (*(key for key, _ in parts[: len(things)]), frozenset(key for key, _ in parts[len(things) :]))
        held = frozenset(held for _, held in parts)
        return key, value if held == value else held

    def atom(self, atom: Any, depth: int) -> tuple[Any, Any]:
        """Return the same for one atom."""
        match atom:
            case Unknown():
                return atom, atom
            case Constant(value=value, kind=kind):
                if value is ... or value is None or value is True or value is False:
                    return atom, atom
                atom = Constant(..., kind)
                return atom, atom
            case Ref(id=number):
                return self.thing(number, depth), atom
            case Function(frame=frame, receiver=receiver):
                if frame != -1 and not self.is_of_module(frame):
                    raise OpenCall
                if isinstance(receiver, Ref):
                    return (atom.module, atom.body, frame, atom.wrapper, self.thing(receiver.id, depth)), atom
                return atom, atom
            case RowKey() if not is_uncommitted(self.state, atom):
                return ANYTHING, ANYTHING
            case External(receiver=Ref(id=number)) if self.is_of_module(number):
                return atom, atom
            case Class() | Module() | External(receiver=None | Class()) | Attribute():
                return atom, atom
            case _:
                raise OpenCall

    def is_of_module(self, number: int) -> bool:
        """Return whether a thing is a module's, and as the module left it."""
        mine = self.state.things.get(number)
        return number in self.state.base and (mine is None or is_left_alone(mine, self.state.base[number]))

    def thing(self, number: int, depth: int) -> Any:
        """Return the key of a thing, and keep it without its literals."""
        if self.is_of_module(number):
            return ("module's", number)
        if number in self.numbers:
            return ("again", self.numbers[number])
        thing = self.state.things.get(number)
        if depth > DEEPEST:
            raise OpenCall
        self.numbers[number] = len(self.numbers)
        if isinstance(thing, Collection) and thing.owner[0] == -1 and not thing.unbounded:
            return self.collection(number, thing, depth + 1)
        if isinstance(thing, Object):
            fields, keys = self.fields(thing.fields, depth + 1)
            self.things[number] = thing if fields is thing.fields else replace(thing, fields=fields)
            return (thing.class_, thing.external, thing.kept, keys)
        raise OpenCall

    def collection(self, number: int, thing: Collection, depth: int) -> Any:
        """Return the key of a collection: of literals nothing but that there are some."""
        element_key, element = self.value(thing.element, depth)
        items, keys = self.fields(thing.items, depth)
        whole = WHOLE in thing.uses
        if not whole and all(_is_literal(value) for value in (element, *items.values())):
            held = UNKNOWN if element or items else NOTHING
            self.things[number] = replace(thing, element=held, items={})
            return (thing.kind, held)
        self.things[number] = replace(thing, element=element, items=items)
        return (thing.kind, whole, element_key, keys)

    def fields(self, fields: Mapping[Any, Value], depth: int) -> tuple[Mapping[Any, Value], Any]:
        """Return values by name without their literals, and their keys."""
        held, keys, same = {}, [], True
        for name, value in fields.items():
            key, held[name] = self.value(value, depth)
            keys.append((name, key))
            same = same and held[name] is value
        return (fields if same else held), tuple(keys)


def is_left_alone(thing: Thing, before: Thing) -> bool:
    """Return whether a thing of a module is what it was; how a collection was used says nothing of it."""
    if isinstance(thing, Collection) and isinstance(before, Collection):
        return thing.element == before.element and thing.items == before.items
    return thing is before or thing == before


def _is_literal(value: Value) -> bool:
    return all(isinstance(atom, Constant | Unknown) for atom in value)


class PlainCalls:
    """The plain calls of a project, and those that are known not to be.

    Attributes:
        endings: By key.
        running: Position of what is being run now, by key.
        lowest: For each of those, the lowest position that what it calls leads back to.
        circles: Keys that were run inside a circle whose head is still running, with the position of that.
        nested: For each of what is being run, the ops of the plain calls in it.
    """

    def __init__(self) -> None:
        self.endings: dict[Any, Ending] = {}
        self.running: dict[Any, int] = {}
        self.lowest: list[int] = []
        self.circles: dict[Any, int] = {}
        self.nested: list[int] = []

    def ending(
        self, interpreter: Interpreter, function: Function, variables: Mapping[str, Value], state: State
    ) -> tuple[Ending, tuple[int, ...]] | None:
        """Return how a call ends, and the numbers of what goes in; None if it is not plain."""
        if interpreter.is_importing():
            return None
        given = Given(state)
        try:
            if function.frame != -1 and not given.is_of_module(function.frame):
                return None
            held, keys = given.fields(variables, 0)
        except OpenCall:
            return None
        key = (function.module, function.body, function.frame, keys)
        ending = self.endings.get(key)
        if ending is None:
            back = self.running.get(key, self.circles.get(key))
            if back is not None:
                self.lowest[-1] = min(self.lowest[-1], back)
                return Ending(known=False), ()
            if len(self.running) >= MOST_NESTED:
                return None
            ending = self.run(interpreter, key, function, held, given)
        interpreter.used |= ending.used
        interpreter.fuel -= ending.cost // SHARED_BY
        if self.nested:
            self.nested[-1] += ending.cost
        return (ending, tuple(given.numbers)) if ending.plain else None

    def run(
        self, interpreter: Interpreter, key: Any, function: Function, variables: Mapping[str, Value], given: Given
    ) -> Ending:  # fmt: skip
        """Run a call that is met for the first time."""
        position = self.running[key] = len(self.running)
        self.lowest.append(position)
        self.nested.append(0)
        used, interpreter.used = interpreter.used, set()
        try:
            ending = run_alone(interpreter, key, function, variables, given)
        finally:
            ending_used = frozenset(interpreter.used)
            interpreter.used = used
            del self.running[key]
            lowest, nested = self.lowest.pop(), self.nested.pop()
        ending = ending._replace(used=ending_used, cost=ending.cost + nested)
        if lowest < position:  # of a circle whose head is still running
            self.lowest[-1] = min(self.lowest[-1], lowest)
            if ending.plain:
                self.circles[key] = lowest
                return Ending(known=False, used=ending_used)
        else:
            inside = [other for other, head in self.circles.items() if head >= position]
            for other in inside:
                del self.circles[other]
                self.endings[other] = Ending(known=False, plain=ending.plain, used=ending_used)
            if inside and ending.plain:
                ending = Ending(known=False, used=ending_used)
        self.endings[key] = ending
        return ending


def run_alone(
    interpreter: Interpreter, key: Any, function: Function, variables: Mapping[str, Value], given: Given
) -> Ending:
    """Run a call on a state that holds nothing but what goes in."""
    body = interpreter.body(function)
    state = State(interpreter.base)
    state.things.update(given.things)
    activation = Activation(function.module, function.body, body, 0, 0, 1)
    activation.context = interpreter.derived("plain", key)
    activation.frame = interpreter.number(activation, "frame")
    state.things[activation.frame] = Frame(
        variables=dict(variables), parent=function.frame, module=function.module, body=function.body
    )
    before = state.things.copy()
    where = activation.where(body.span)
    with interpreter.aside(), interpreter.around(where, (function.module, function.body), catching=False):
        interpreter.fuel = MOST_OPS_OF_PLAIN
        interpreter.touched.append(set())
        try:
            outcome = interpreter.execute(activation, state)
        except CutShort:
            return Ending(plain=False, cost=MOST_OPS_OF_PLAIN)
        cost = MOST_OPS_OF_PLAIN - interpreter.fuel
        if interpreter.events or interpreter.touched[0]:
            return Ending(plain=False, cost=cost)
    return ending_of(interpreter, outcome, before, given)._replace(cost=cost)


def ending_of(
    interpreter: Interpreter, outcome: Outcome, before: Mapping[int, Thing], given: Given
) -> Ending:
    """Return how a call ended; one that is not plain if it made or changed something of SQLAlchemy's, or a global."""
    if any(_is_met(interpreter, after, before) for after in outcome.raised):
        return Ending(plain=False)
    if any(_is_met(interpreter, after, before) for after, _ in outcome.returned):
        return Ending(plain=False)
    raises = any(RAISED in after.path for after in outcome.raised)
    if not outcome.returned:
        return Ending(raises=raises)
    after, value = outcome.returned[0]
    for other, more in outcome.returned[1:]:
        after, value = after.join(other), join((value, more))
    changed = {
        number: after.things[number]
        for number, thing in given.things.items()
        if after.things.get(number) is not thing
    }
    new = {
        number: thing
        for number, thing in after.things.items()
        if number not in before and number not in after.base
    }
    waiting = [number for atom in value for number in numbers(atom)]
    waiting += [number for thing in changed.values() for number in leads_to(thing)]
    made = reached(new, waiting)
    return Ending(tuple(given.numbers), given.things, changed, made, value, raises)


def _is_met(interpreter: Interpreter, after: State, before: Mapping[int, Thing]) -> bool:
    """Return whether something in a state is SQLAlchemy's, or a global that was changed."""
    for number, thing in after.things.items():
        if number in before:
            continue
        if number in interpreter.base:
            if not is_left_alone(thing, interpreter.base[number]):
                return True
        elif isinstance(thing, OF_SQLALCHEMY):
            return True
    return False


def recall(
    interpreter: Interpreter, activation: Activation, to: Any, state: State, ending: Ending, given: tuple[int, ...]
) -> list[tuple[State, Value]]:  # fmt: skip
    """Let a call end as one like it did, of which that is known; *to* tells it from others in this body."""
    if ending.raises and interpreter.run is not None:
        raised = state.copy()
        raised.path |= {RAISED}
        interpreter.run.raise_from(raised)
    if not ending.value:
        return []
    mapping = dict(zip(ending.given, given, strict=True))
    for number in ending.made:
        mapping[number] = interpreter.number(activation, to, "plain", number)
    for number, thing in ending.made.items():
        state.things[mapping[number]] = renumbered(thing, mapping)
    for number, thing in ending.changed.items():
        mine = state.things[mapping[number]]
        state.things[mapping[number]] = changed_as(mine, ending.before[number], thing, mapping)
    return [(state, renamed(ending.value, mapping))]


def changed_as(mine: Any, before: Any, after: Any, mapping: Mapping[int, int]) -> Thing:
    """Return *mine* changed as *before* was to *after*; what was left alone keeps its literals."""
    if isinstance(mine, Object) and isinstance(after, Object):
        return replace(mine, fields=_fields_as(mine.fields, before.fields, after.fields, mapping))
    if isinstance(mine, Collection) and isinstance(after, Collection):
        uses = (mine.uses - (before.uses - after.uses)) | (after.uses - before.uses)
        if after.element is before.element and after.items == before.items:
            return replace(mine, uses=uses)
        held = renamed(after.element, mapping)
        items = {name: renamed(value, mapping) for name, value in after.items.items()}
        return replace(mine, element=held, items=items, uses=uses)
    return renumbered(after, mapping)


def _fields_as(
    mine: Mapping[str, Value], before: Mapping[str, Value], after: Mapping[str, Value], mapping: Mapping[int, int]
) -> dict[str, Value]:  # fmt: skip
    """Return fields: those that hold the very value they had keep the one that the caller knows."""
    return {
        name: mine[name] if name in mine and value is before.get(name) else renamed(value, mapping)
        for name, value in after.items()
    }
