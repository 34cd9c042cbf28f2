"""What each op does to a state, except calls, attributes, loops and ``with``."""

from __future__ import annotations

from typing import Any

from tether.check import ops
from tether.check.arguments import whole
from tether.check.bulk import compared
from tether.check.changing import replace
from tether.check.defaults import is_given_after_all
from tether.check.definitions import definitions
from tether.check.doubting import doubt
from tether.check.emptiness import without_changes
from tether.check.ending import collect
from tether.check.flow import CANCELLED, DATABASE_ERROR, EXITS, FLUSH_ERROR, RAISED, Activation
from tether.check.interpreter import Interpreter, step
from tether.check.keeping import keep, rows_in
from tether.check.late_globals import as_functions_see
from tether.check.methods import is_generic
from tether.check.responses import read_response
from tether.check.sameness import is_unsure, same
from tether.check.state import MAIN, UNRECOVERED, State
from tether.check.things import Collection, Coroutine, Frame, Session
from tether.check.truths import truth_in
from tether.check.values import (
    NONE,
    NOTHING,
    SOME_TEXT,
    UNKNOWN,
    Class,
    External,
    Function,
    Ref,
    Value,
    as_text,
    constant,
    join,
    literal,
    number_in,
    one,
    single_ref,
    truth,
    without_none,
)


@step(ops.Constant)
def run_constant(
    _interpreter: Interpreter, _activation: Activation, op: ops.Constant, state: State
) -> list[State]:
    """A literal."""
    state.registers[op.to] = constant(op.value)
    return [state]


# ------------------------------------------------------------------ variables


@step(ops.Load)
def run_load(interpreter: Interpreter, activation: Activation, op: ops.Load, state: State) -> list[State]:
    """Read a variable."""
    state.registers[op.to] = variable(interpreter, activation, op.name, op.scope, state)
    return [state]


def variable(interpreter: Interpreter, activation: Activation, name: str, scope: str, state: State) -> Value:
    """Return what a variable may hold, as the scope says."""
    if scope != "global":
        number = activation.frame
        while number > 0:
            frame = state.get(number, Frame)
            if frame is None:
                return UNKNOWN
            if name in frame.variables:
                return frame.variables[name]
            number = frame.parent
        if activation.body.kind != "class":
            return UNKNOWN
    value = global_variable(interpreter, activation.module, name, state)
    return as_functions_see(interpreter, activation.module, name, value, state, activation.index)


def global_variable(interpreter: Interpreter, module: str, name: str, state: State) -> Value:
    """Return what a global may hold, or a name that is built in."""
    number = interpreter.module_frame(module)
    frame = state.get(number, Frame) if number is not None else None
    if frame is not None and name in frame.variables:
        return frame.variables[name]
    known = interpreter.project.module(module)
    if known is not None and name in known.functions and known.bodies[known.functions[name]].parent == 0:
        return UNKNOWN  # not run yet: a cycle of imports
    return one(External(f"builtins.{name}"))


@step(ops.Store)
def run_store(interpreter: Interpreter, activation: Activation, op: ops.Store, state: State) -> list[State]:
    """Bind a variable."""
    if activation.body.kind == "class" and op.annotation:
        class_ = Class(activation.module, activation.body.qualname)
        interpreter.annotations.setdefault(class_, {})[op.name] = op.annotation
    if op.source == ops.NONE:
        return [state]
    value = state.read(op.source)
    number = frame_of(interpreter, activation, op.name, op.scope, state)
    frame = state.get(number, Frame) if number else None
    if frame is not None:
        last = single_ref(frame.variables.get(op.name, NOTHING))
        state.things[number] = replace(frame, variables={**frame.variables, op.name: value})
        replaced = (
            last is not None and one(last) != value and last.id not in state.base
        )  # bound once more, or once
        if last is not None and replaced and state.get(last.id, Session) is not None:
            collect(interpreter, activation.where(op.span), state, [last.id])
    if op.scope == "global" and interpreter.in_function():
        for held, session in state.of(value, Session):  # it lives on, and later calls find it
            state.things[held] = replace(session, owner="global" if session.owner == "own" else session.owner)
        for held, instance in rows_in(state, value):
            interpreter.tell("kept", activation.where(op.span), number=held, instance=instance,
                             detail=f"the global {op.name}")  # fmt: skip
    return [state]


def frame_of(interpreter: Interpreter, activation: Activation, name: str, scope: str, state: State) -> int:
    """Return the frame a name is bound in; 0 if that is not known."""
    if scope == "global":
        return interpreter.module_frame(activation.module) or 0
    number = activation.frame
    if scope == "free":
        first = state.get(number, Frame)
        number = first.parent if first else 0
        while number > 0:
            frame = state.get(number, Frame)
            if frame is None:
                return 0
            if name in frame.variables:
                return number
            number = frame.parent
        return 0
    return number


@step(ops.Delete)
def run_delete(interpreter: Interpreter, activation: Activation, op: ops.Delete, state: State) -> list[State]:
    """``del name``."""
    number = frame_of(interpreter, activation, op.name, op.scope, state)
    frame = state.get(number, Frame) if number else None
    if frame is not None and op.name in frame.variables:
        rest = {name: value for name, value in frame.variables.items() if name != op.name}
        state.things[number] = replace(frame, variables=rest)
        last = single_ref(frame.variables[op.name])
        if last is not None and state.get(last.id, Session) is not None:
            collect(interpreter, activation.where(op.span), state, [last.id])
    return [state]


# -------------------------------------------------------------------- displays


@step(ops.Build)
def run_build(interpreter: Interpreter, activation: Activation, op: ops.Build, state: State) -> list[State]:
    """A display, an f-string, or the empty beginning of a comprehension."""
    if op.kind in ("text", "slice"):
        state.registers[op.to] = UNKNOWN if op.kind == "slice" else text_of(state, op)
        return [state]
    values = [state.read(element) for element in op.elements]
    keys: list[Any] = list(range(len(values)))
    if op.kind == "dict":
        keys = [literal(state.read(key)) if key != ops.NONE else ... for key in op.keys]
    known = not op.starred and ... not in keys
    for position in op.starred:
        values[position] = elements_of(state, values[position])
    number = interpreter.number(activation, op.to)
    state.things[number] = Collection(
        kind=op.kind,
        element=join(values) if values else NOTHING,
        items=dict(zip(keys, values, strict=False)) if known else {},
        made=activation.where(op.span),
    )
    state.registers[op.to] = one_ref(number)
    return [state]


def text_of(state: State, op: ops.Build) -> Value:
    """Return an f-string: it is not empty where something is written between its values."""
    written = (literal(state.read(element)) for element in op.elements)
    if any(isinstance(held, str) and held for held in written):
        return one(SOME_TEXT)
    return as_text([state.read(element) for element in op.elements])


def one_ref(number: int) -> Value:
    """Return the value that surely is one thing."""
    return one(Ref(number))


def elements_of(state: State, value: Value) -> Value:
    """Return what an element of a collection may be."""
    found = [thing.element for _, thing in state.of(value, Collection)]
    return join(found) if found and len(found) == len(without_none(value)) else UNKNOWN


@step(ops.Append)
def run_append(
    _interpreter: Interpreter, _activation: Activation, op: ops.Append, state: State
) -> list[State]:
    """A comprehension adds an element."""
    for number, thing in list(state.of(state.read(op.of), Collection)):
        state.things[number] = replace(thing, element=join((thing.element, state.read(op.source))), items={})
    return [state]


@step(ops.GetItem)
def run_get_item(
    interpreter: Interpreter, _activation: Activation, op: ops.GetItem, state: State
) -> list[State]:
    """``of[key]``."""
    value = state.read(op.of)
    key = literal(state.read(op.key)) if op.key != ops.NONE else ...
    found: list[Value] = []
    for atom in value if len(value) == 1 else ():
        if isinstance(atom, Class) and is_generic(interpreter, atom):  # Repository[User]
            state.registers[op.to] = value
            return [state]
        if isinstance(atom, External):  # list[User]
            inner = next(iter(state.read(op.key)), None) if op.key != ops.NONE else None
            state.registers[op.to] = one(External(atom.name, inner)) if isinstance(inner, Class) else UNKNOWN
            return [state]
    for number, thing in list(state.of(value, Collection)):
        state.things[number] = replace(thing, uses=thing.uses | {"other"})
        if op.key == ops.NONE:
            found.append(one_ref(number))
        elif key is not ... and key in thing.items:
            found.append(thing.items[key])
        else:
            found.append(thing.element or UNKNOWN)
    state.registers[op.to] = join(found) if found and len(found) == len(value) else UNKNOWN
    return [state]


@step(ops.SetItem)
def run_set_item(
    interpreter: Interpreter, activation: Activation, op: ops.SetItem, state: State
) -> list[State]:
    """``of[key] = source``."""
    source, holder = state.read(op.source), state.read(op.of)
    key = literal(state.read(op.key)) if op.key != ops.NONE else ...
    for number, thing in list(state.of(holder, Collection)):
        items = {**thing.items, key: source} if key is not ... and (thing.items or not thing.element) else {}
        state.things[number] = replace(thing, element=join((thing.element, source)), items=items)
    keep(interpreter, activation.where(op.span), state, source, holder)
    return [state]


@step(ops.DeleteItem)
def run_delete_item(
    _interpreter: Interpreter, _activation: Activation, _op: ops.DeleteItem, state: State
) -> list[State]:
    """``del of[key]``: what is left may still be anything that was there."""
    return [state]


@step(ops.Unpack)
def run_unpack(
    _interpreter: Interpreter, _activation: Activation, op: ops.Unpack, state: State
) -> list[State]:
    """``a, *b, c = source``."""
    value = state.read(op.source)
    found = state.only(value, Collection)
    for position, register in enumerate(op.to):
        if found is None or position == op.star:
            state.registers[register] = UNKNOWN
        elif op.star == -1 and position in found[1].items:
            state.registers[register] = found[1].items[position]
        else:
            state.registers[register] = found[1].element or UNKNOWN
    return [state]


# ------------------------------------------------------------------ operators


@step(ops.Operate)
def run_operate(
    interpreter: Interpreter, _activation: Activation, op: ops.Operate, state: State
) -> list[State]:
    """An operator; the few whose outcome decides a branch are computed."""
    values = [state.read(operand) for operand in op.operands]
    answer: bool | None = None
    if op.operator in ("is", "is not", "==", "!=") and len(values) == 2:
        answer = same(*values)
        if answer is not None and op.operator in ("is not", "!="):
            answer = not answer
    elif op.operator in ("in", "not in") and len(values) == 2:
        held, key = whole(state, values[1]), literal(values[0])
        if held is not None and isinstance(key, str):
            answer = (key in held) is (op.operator == "in")
    elif op.operator == "not":
        tests = {truth_in(interpreter, state, atom) for atom in values[0]}
        answer = not next(iter(tests)) if len(tests) == 1 and None not in tests else None
    state.registers[op.to] = constant(answer) if answer is not None else compared(op.operator, values)
    return [state]


@step(ops.Assume)
def run_assume(interpreter: Interpreter, activation: Activation, op: ops.Assume, state: State) -> list[State]:
    """A branch: values that cannot be in it are taken out; without any left the branch is not taken."""
    tested = definitions(activation.body).get(op.test)
    if op.truth and is_main_guard(activation, tested, state):
        state.path |= {MAIN}
    if op.truth and is_given_after_all(interpreter, activation, tested, state):
        return []
    value = state.read(op.test)
    if value and all(truth_in(interpreter, state, atom) is (not op.truth) for atom in value):
        return []
    doubt(activation, op, state)
    if not op.truth:
        without_changes(state, value)
    if isinstance(tested, ops.Operate) and tested.operator in ("is", "is not", "==", "!=", "not"):
        positive = op.truth == (tested.operator in ("is", "=="))
        if tested.operator == "not":
            negated = tested.operands[0]
            narrow(interpreter, activation, negated, state, keep_none=op.truth, only_truth=not op.truth)
            if op.truth:
                without_changes(state, state.read(negated))
        elif state.read(tested.operands[1]) == NONE:
            narrow(interpreter, activation, tested.operands[0], state, keep_none=positive, only_truth=None)
    else:
        narrow(interpreter, activation, op.test, state, keep_none=not op.truth, only_truth=op.truth)
    return [state]


def is_main_guard(activation: Activation, tested: Any, state: State) -> bool:
    """Return whether a test is ``__name__ == "__main__"``."""
    return isinstance(tested, ops.Operate) and any(
        literal(state.read(operand)) == "__main__" for operand in tested.operands
    )


def narrow(
    interpreter: Interpreter, activation: Activation, register: int, state: State,
    *, keep_none: bool, only_truth: bool | None,
) -> None:  # fmt: skip
    """Keep of a register, and of the variable it was read from, what passes the test."""
    value = state.read(register)
    if only_truth is None:
        kept = value & NONE if keep_none else value - NONE
        if keep_none and not kept:
            kept = NONE if any(is_unsure(atom) for atom in value) else value
    else:
        kept = frozenset(atom for atom in value if truth(atom) in (None, only_truth))
        if only_truth:
            kept -= NONE
    if kept == value or not kept:
        return
    state.registers[register] = kept
    defined = definitions(activation.body).get(register)
    if isinstance(defined, ops.Load):
        number = frame_of(interpreter, activation, defined.name, defined.scope, state)
        frame = state.get(number, Frame) if number else None
        if frame is not None and frame.variables.get(defined.name) == value:
            state.things[number] = replace(frame, variables={**frame.variables, defined.name: kept})


# ------------------------------------------------------------- small things


@step(ops.Await)
def run_await(_interpreter: Interpreter, _activation: Activation, op: ops.Await, state: State) -> list[State]:
    """``await``: the work was done at the call, what it gave is there now."""
    value = state.read(op.source)
    waiting = dict(state.of(value, Coroutine))
    for number, coroutine in waiting.items():
        for session in coroutine.sessions:
            thing = state.get(session, Session)
            if thing is not None and number in thing.tasks:
                state.things[session] = replace(thing, tasks=thing.tasks - {number})
    given = [
        waiting[number].result if (number := number_in(atom)) in waiting else one(atom) for atom in value
    ]
    state.registers[op.to] = join(given) if given else UNKNOWN
    return [state]


# Ends of the names of errors that come from a database, and nothing else.
DATABASE_ERRORS = (
    "IntegrityError", "OperationalError", "SQLAlchemyError", "DBAPIError", "DatabaseError", "StaleDataError",
    "DataError", "ProgrammingError", "InterfaceError", "StatementError", "UniqueViolation",
    "FlushError", "NoResultFound",
    "MultipleResultsFound",
)  # fmt: skip


@step(ops.Caught)
def run_caught(interpreter: Interpreter, activation: Activation, op: ops.Caught, state: State) -> list[State]:
    """An ``except`` clause begins: from here on this is a path of its own."""
    of_database = DATABASE_ERROR in state.path
    if op.types and all(name.endswith(DATABASE_ERRORS) for name in op.types) and not of_database:
        return []
    if CANCELLED in state.path and op.types and not any(name.endswith(TAKING_EXITS) for name in op.types):
        return []
    if of_database and op.types and all(is_another_error(interpreter, activation, name) for name in op.types):
        return []
    state.registers[op.to] = UNKNOWN
    error = FLUSH_ERROR if FLUSH_ERROR in state.path else DATABASE_ERROR if of_database else ""
    handler = (activation.context, activation.module, activation.index, op.span[0], error)
    passed = {handler, UNRECOVERED} if error == FLUSH_ERROR else {handler}
    state.path = (state.path - {DATABASE_ERROR, FLUSH_ERROR, RAISED, CANCELLED}) | passed
    return [state]


TAKING_EXITS = (*EXITS, "BaseException")

# Built-in errors that no database call raises.
OTHER_ERRORS = frozenset({
    "ValueError", "KeyError", "TypeError", "AttributeError", "IndexError", "ImportError", "ModuleNotFoundError",
    "StopIteration", "FileNotFoundError", "OSError", "UnicodeDecodeError", "ZeroDivisionError", "AssertionError",
    "NotImplementedError", "RecursionError", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "LookupError",
    "CancelledError", "asyncio.CancelledError",
})  # fmt: skip


def is_another_error(interpreter: Interpreter, activation: Activation, name: str) -> bool:
    """Return whether no error of a database is of this type: a built-in one, or a class of the program's own."""
    if name in OTHER_ERRORS:
        return True
    found = interpreter.project.resolve(activation.module, name) if name else None
    return found is not None and found.kind == "class" and not found.rest


@step(ops.Raised)
def run_raised(
    _interpreter: Interpreter, _activation: Activation, op: ops.Raised, state: State
) -> list[State]:
    """An exception is on its way."""
    state.registers[op.to] = UNKNOWN
    return [state]


@step(ops.Yield)
def run_yield(_interpreter: Interpreter, _activation: Activation, op: ops.Yield, state: State) -> list[State]:
    """A yield where nobody pauses the generator."""
    state.registers[op.to] = UNKNOWN
    return [state]


@step(ops.Return)
def run_return(interpreter: Interpreter, activation: Activation, op: ops.Return, state: State) -> list[State]:
    """A route of FastAPI returns: its response is made of what it gives."""
    if op.source != ops.NONE:
        read_response(interpreter, activation, op, state, state.read(op.source))
    return [state]


@step(ops.Function)
def run_function(
    _interpreter: Interpreter, activation: Activation, op: ops.Function, state: State
) -> list[State]:
    """A ``def`` or ``lambda``: it sees the variables around it, but not those of a class body."""
    frame = activation.frame if activation.body.kind != "module" else -1
    if activation.body.kind == "class":
        around = state.get(activation.frame, Frame)
        frame = around.parent if around else -1
    state.registers[op.to] = one(Function(activation.module, op.body, frame))
    number = _interpreter.derived("defaults", activation.module, op.body, frame)
    defaults = {name: state.read(register) for name, register in op.defaults}
    if defaults:
        _interpreter.lasting_frames.add(number)
        state.things[number] = Frame(variables=defaults)
    return [state]


@step(ops.Class)
def run_class(interpreter: Interpreter, activation: Activation, op: ops.Class, state: State) -> list[State]:
    """A ``class`` statement: its body is run, and what it binds is kept as the class's own."""
    body = interpreter.project.module(activation.module).bodies[op.body]
    class_ = Class(activation.module, body.qualname)
    frame = interpreter.derived("class", activation.module, body.qualname)
    parent = activation.frame if activation.body.kind != "module" else -1
    state.things[frame] = Frame(variables={}, parent=parent)
    inner = Activation(activation.module, op.body, body, activation.context, frame, activation.depth)
    outcome = interpreter.execute(inner, state)
    interpreter.class_frames[class_] = frame
    interpreter.lasting_frames.add(frame)
    interpreter.class_bases[class_] = tuple(state.read(base) for base in op.bases)
    after = [held for held, _ in interpreter.returned(outcome, state)]
    for held in after:
        made = held.get(frame, Frame)
        if made is not None:
            interpreter.base[frame] = made
        held.registers[op.to] = one(class_)
    return after
