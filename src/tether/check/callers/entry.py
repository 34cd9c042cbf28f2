"""Functions as their callers may call them: what the parameters are, and what is left behind at the end."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import (
    OPEN,
    UNSURE,
    Collection,
    Factory,
    Frame,
    Instance,
    Object,
    Session,
    Where,
    surely,
)
from tether.check.abstract.values import NOTHING, UNKNOWN, Class, Function, Ref, Value, one
from tether.check.callers.after_yield import Exits
from tether.check.callers.depends import Dependencies
from tether.check.callers.kept_open import tell_kept_open
from tether.check.callers.lasting import reads_command_line, tell_lasting
from tether.check.callers.rows_on_self import note_rows
from tether.check.callers.streaming import run_streamed
from tether.check.interpreting.arguments import bound
from tether.check.interpreting.flow import RAISED, Activation, CutShort, Outcome, joined_outcome
from tether.check.interpreting.interpreter import Interpreter, OwnFields
from tether.check.interpreting.types import named_types
from tether.check.lowering import ops
from tether.check.lowering.uses import is_given_too
from tether.check.orm.belonging import belong
from tether.check.orm.ending import abandoned, referred
from tether.check.orm.mapped import mapped
from tether.check.orm.subjects import CALLERS
from tether.check.project.annotation import parse_annotation
from tether.check.python.methods import class_member
from tether.check.python.opaque import let_go
from tether.check.python.own_fields import fields_that_stay
from tether.lifecycle.rows import Source

NO_FIELDS = OwnFields()


class Root:
    """One function, analysed from its beginning with what its annotations say of its parameters.

    Args:
        owner: The class whose method it is, where that is not the one it is written in.
        kept: What another method left in attributes of ``self``.
    """

    def __init__(
        self, interpreter: Interpreter, module: str, index: int, owner: Class | None = None,
        kept: OwnFields = NO_FIELDS,
    ) -> None:  # fmt: skip
        self.interpreter = interpreter
        self.owner = owner
        self.kept = kept
        self.module = module
        self.index = index
        self.body = interpreter.project.module(module).bodies[index]
        self.function = Function(module, index)
        self.given: frozenset[str] = frozenset()  # parameters that FastAPI gives: nobody else has them
        self.exits: Exits | None = None

    def run(self) -> bool:
        """Run it, events go to the interpreter; False if it was cut short."""
        activation = self.activation()
        try:
            self.interpreter.given = self.classes_given()
            outcome = self.execute(activation, more=True)
        except CutShort:
            return False
        for after, value in joined_outcome(outcome):
            self.leave(activation, after, value)
        for after in outcome.raised:
            if RAISED in after.path:
                self.leave(activation, after, NOTHING, raised=True)
        return True

    def activation(self) -> Activation:
        """Return the call that is looked at."""
        interpreter = self.interpreter
        activation = Activation(self.module, self.index, self.body, 0, 0, 0)
        activation.context = interpreter.derived("root", self.module, self.index)
        activation.frame = interpreter.derived("root frame", self.module, self.index)
        return activation

    def execute(self, activation: Activation, *, more: bool) -> Outcome:
        """Run it; what its parameters are that nothing is known of, as ``bound`` says it."""
        dependencies = Dependencies(self.interpreter, activation, State(self.interpreter.base))
        given = dependencies.parameters(self.function)
        self.given = frozenset(given)
        state = dependencies.state
        self.exits = Exits(dependencies)
        self.exits.begin(state)
        variables = bound(
            self.interpreter, state, self.function, [UNKNOWN] if self.owner else [], {}, more=more
        )
        known = self.parameters(state) | {name: value for name, value in given.items() if value != UNKNOWN}
        belong(self.interpreter, state, self.function, self.body, known, self.given)
        variables |= known
        state.things[activation.frame] = Frame(variables=variables, module=self.module, body=self.index)
        return self.interpreter.execute(activation, state)

    # -------------------------------------------------------------- parameters

    def parameters(self, state: State) -> dict[str, Value]:
        """Return what the parameters surely are: Sessions, instances, the object of a method."""
        found: dict[str, Value] = {}
        first = True
        for parameter in self.body.parameters:
            value: Value | None = None
            if first and parameter.name in ("self", "cls") and "." in self.body.qualname:
                value = self.receiver(state, parameter.name)
            elif parameter.kind in ("positional", "keyword"):
                value = self.annotated(state, parameter)
            if value is not None:
                found[parameter.name] = value
            first = False
        return found

    def classes_given(self) -> frozenset[Class] | None:
        """Return the mapped classes that parameters are rows of; None if one of them may be anything."""
        classes: set[Class] = set()
        for position, parameter in enumerate(self.body.parameters):
            if position == 0 and parameter.name in ("self", "cls"):
                continue
            if not parameter.annotation and parameter.kind in ("positional", "keyword"):
                return None
            named = named_types(self.interpreter, self.module, parameter.annotation)
            classes |= {class_ for class_ in named.classes if mapped(self.interpreter, class_) is not None}
        return frozenset(classes)

    def receiver(self, state: State, name: str) -> Value | None:
        """Return what ``self`` is: an instance of the class the method is in."""
        parent = self.interpreter.project.module(self.module).bodies[self.body.parent]
        if parent.kind != "class":
            return None
        class_ = self.owner or Class(self.module, parent.qualname)
        if name == "cls":
            return one(class_)
        number = self.interpreter.derived("self", class_)
        if mapped(self.interpreter, class_) is not None:
            state.things[number] = self.instance(class_)
        else:
            own = self.own_fields(class_)
            state.things.update({**own.things, **self.kept.things})
            fields = {**own.fields, **self.kept.fields}
            state.things[number] = Object(class_=class_, fields=fields, kept=True)
        return one(Ref(number))

    def own_fields(self, class_: Class) -> OwnFields:
        """Return what ``__init__`` left in the fields of ``self``."""
        interpreter = self.interpreter
        known = interpreter.own_fields.get(class_)
        if known is None:
            interpreter.own_fields[class_] = OwnFields()  # for __init__ itself
            used, interpreter.used = interpreter.used, set()
            made = self.made_by_init(class_)
            known = interpreter.own_fields[class_] = made._replace(used=frozenset(interpreter.used))
            interpreter.used = used
        interpreter.used |= known.used
        return known

    def made_by_init(self, class_: Class) -> OwnFields:
        """Run ``__init__`` with the defaults of its parameters."""
        interpreter = self.interpreter
        held = class_member(interpreter, State(interpreter.base), class_, "__init__")
        functions = [atom for atom in held if isinstance(atom, Function)]
        if len(functions) != 1 or len(held) != 1 or functions[0].wrapper:
            return OwnFields()
        root = Root(interpreter, functions[0].module, functions[0].body, class_)
        with interpreter.aside():
            try:
                after = [state for state, _ in root.execute(root.activation(), more=False).returned]
            except CutShort:
                return OwnFields()
        if not after:
            return OwnFields()
        made = after[0]
        for other in after[1:]:
            made = made.join(other)
        return fields_that_stay(interpreter, class_, made, interpreter.derived("self", class_))

    def instance(self, class_: Class, session: int = -1) -> Instance:
        """Return an instance of which nothing is known but its class."""
        return Instance(
            model=class_, session=session, states=frozenset({UNSURE}), columns=frozenset({UNSURE}), attributes={},
            held={}, changed={}, written={}, others=True, flags=frozenset({"unsure", CALLERS}),
        )  # fmt: skip

    def annotated(self, state: State, parameter: Any) -> Value | None:
        """Return what a parameter is by its annotation, or by its name where that is all there is."""
        names = named_types(self.interpreter, self.module, parameter.annotation)
        number = self.interpreter.derived("parameter", self.module, self.index, parameter.name)
        for source in self.interpreter.table.sources:
            if any(self.interpreter.canonical(name) in source.annotations for name in names.external):
                return self.of_source(state, number, source, sure=True)
        for class_ in names.classes:
            if mapped(self.interpreter, class_) is not None and not names.container:
                state.things[number] = self.instance(class_)
                return one(Ref(number))
        if not parameter.annotation:
            for source in self.interpreter.table.sources:
                if parameter.name in source.names:
                    return self.of_source(state, number, source, sure=False)
        return self.of_factory(state, number, parameter.annotation)

    def of_factory(self, state: State, number: int, annotation: str) -> Value | None:
        """Return a Session where the annotation names what makes them: ``db: SessionLocal``, as many write it."""
        for name in parse_annotation(annotation).names if annotation else ():
            target = self.interpreter.project.resolve(self.module, name)
            if target.kind != "variable" or target.rest:
                continue
            for _, factory in state.of(self.interpreter.variable(target.module, target.name), Factory):
                if factory.ambient < 0:
                    state.things[number] = Session(
                        type=factory.makes, owner="parameter", expire_on_commit=factory.expire_on_commit,
                        autoflush=factory.autoflush, escaped=True,
                    )  # fmt: skip
                    return one(Ref(number))
        return None

    def of_source(self, state: State, number: int, source: Source, *, sure: bool) -> Value:
        """Return a Session, or what makes Sessions, that a caller gives."""
        types = {
            "session": "sqlalchemy.orm.Session",
            "async session": "sqlalchemy.ext.asyncio.AsyncSession",
        }
        expire = {"true": True, "false": False}.get(source.expire_on_commit)
        if source.kind not in types:
            state.things[number] = Factory(expire_on_commit=expire)
            return one(Ref(number))
        state.things[number] = Session(
            type=types[source.kind], owner=source.owner, expire_on_commit=expire, sure=sure, escaped=True
        )
        return one(Ref(number))

    # ------------------------------------------------------------------ the end

    def leave(self, activation: Activation, state: State, value: Value, *, raised: bool = False) -> None:
        """Tell what is left behind where the function returns, or an exception leaves it."""
        where = activation.where(self.body.span)
        self.interpreter.tell("return", where, detail=(value, state))
        if not raised:
            run_streamed(self.interpreter, activation, state, value)
        for after in (
            [state] if self.exits is None else self.exits.end(activation, state, value, raised=raised)
        ):
            self.left_behind(activation, after, value)

    def left_behind(self, activation: Activation, state: State, value: Value) -> None:
        """Tell what is left behind at the end: the caller has what the function gives."""
        where = activation.where(self.body.span)
        tell_lasting(self.interpreter, self.module, self.index, state)
        note_rows(self.interpreter, self.module, self.index, state)
        tell_kept_open(self.interpreter, self.module, self.index, state)
        let_go(self.interpreter, state, value)
        for parameter in self.body.parameters:  # the caller has them as well
            if parameter.name in self.given:
                continue
            frame = state.get(activation.frame, Frame)
            if frame is not None:
                let_go(self.interpreter, state, frame.variables.get(parameter.name, UNKNOWN))
        left(self.interpreter, state, where)


def shared_sessions(interpreter: Interpreter, name: str, state: State) -> frozenset[int]:
    """Tell of Sessions that are globals of a module and used by its functions; return their numbers."""
    module = interpreter.project.module(name)
    used = {
        op.name
        for body in module.bodies
        if body.kind != "module"
        for block in body.blocks
        for op in block.ops
        if isinstance(op, ops.Load) and op.scope == "global"
    }
    frame = state.get(interpreter.module_frame(name) or -1, Frame)
    found = set()
    for variable, value in frame.variables.items() if frame else ():
        for number, session in state.of(value, Session):
            if session.owner not in ("own", "global") or variable not in used:
                continue
            if session.made is not None and surely(session.life, OPEN):
                found.add(number)
                if not reads_command_line(module):
                    interpreter.tell("global session", session.made, number=number, session=session)
    for variable, value in frame.variables.items() if frame else ():
        for _, kept in state.of(value, Object) if variable in used else ():
            found |= {number for held in kept.fields.values() for number, _ in state.of(held, Session)}
    for number in interpreter.lasting_frames:
        lasting = state.things.get(number)
        for value in lasting.variables.values() if isinstance(lasting, Frame) else ():
            for held, session in state.of(value, Session):
                if session.owner == "own" and session.made is not None and surely(session.life, OPEN):
                    found.add(held)
                    interpreter.tell("global session", session.made, number=held, session=session)
    return frozenset(found)


def left(
    interpreter: Interpreter,
    state: State,
    where: Where,
    but: frozenset[int] = frozenset(),
    *,
    module: bool = False,
) -> None:
    """Tell of writes to detached instances that nothing brought back, and of Sessions that nobody closed.

    Sessions in *but* live on, as do those of modules where the end is a function's (not *module*).
    """
    over = (where.module, where.body)
    shared = set() if module else referred(state, NOTHING, over)
    lasting = {} if module else state.base
    for number, thing in state.things.items():
        if isinstance(thing, Instance) and "escaped" not in thing.flags:
            if thing.lost:
                first = next(iter(thing.lost))
                interpreter.tell(
                    "discard", thing.lost[first][1], number=number, instance=thing, attribute=first
                )
            for attribute, at in thing.written.items():
                body = interpreter.project.module(at.module).bodies[at.body]
                if thing.merged is None and is_given_too(body, at[2:6]):
                    continue  # it is saved in another way
                interpreter.tell("lost write", at, number=number, instance=thing, attribute=attribute)
        elif isinstance(thing, Session) and not (
            thing.escaped or number in but or number in shared or number in lasting
        ):
            abandoned(interpreter, state, number, thing)
            interpreter.tell("left session", thing.made or where, number=number, session=thing, detail=state)
        elif isinstance(thing, Collection) and thing.unbounded:
            interpreter.tell("left list", thing.made or where, number=number, detail=thing)
