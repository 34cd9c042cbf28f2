"""The ops that are small: literals, operators, ``await``, ``yield``, ``return``, functions and classes."""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.sameness import same
from tether.check.abstract.state import State
from tether.check.abstract.things import Coroutine, Frame, Session
from tether.check.abstract.values import UNKNOWN, Class, Function, constant, join, literal, number_in, one
from tether.check.interpreting.arguments import whole
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter, step
from tether.check.lowering import ops
from tether.check.orm.bulk import compared
from tether.check.python.responses import read_response
from tether.check.python.truths import truth_in


@step(ops.Constant)
def run_constant(
    _interpreter: Interpreter, _activation: Activation, op: ops.Constant, state: State
) -> list[State]:
    """A literal."""
    state.registers[op.to] = constant(op.value)
    return [state]


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
