"""``with``, and generators that wait at a ``yield``."""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import Manager, Object, Session
from tether.check.abstract.values import NONE, UNKNOWN, Ref, Value, single_ref
from tether.check.interpreting.flow import NO_HANDLER, Activation, Outcome, Run, Waiting, merged
from tether.check.interpreting.interpreter import Interpreter, TooLarge, step
from tether.check.lowering import ops
from tether.check.orm.contexts import enter_context, is_context, leave_context
from tether.check.orm.effects import apply_effects, close_session
from tether.check.orm.sending import end_of_work
from tether.check.orm.transactions import ends_transaction
from tether.check.python.methods import call_method, class_member
from tether.lifecycle.rows import Row

NO_LOCKS = ("concurrent.futures.", "multiprocessing.", "asyncio.TaskGroup", "asyncio.Runner", "contextlib.")
NOWHERE = Ref(-1)  # where a manager is no single thing


@step(ops.Enter)
def run_enter(interpreter: Interpreter, activation: Activation, op: ops.Enter, state: State) -> list[State]:
    """``with manager as to``."""
    value = state.read(op.manager)
    state.registers[op.to] = UNKNOWN
    atom = single_ref(value) or NOWHERE
    thing = state.thing(atom.id)
    if interpreter.run is not None and interpreter.run.may_raise():
        interpreter.run.raise_from(state)
    match thing:
        case Session() if has_own(interpreter, state, thing, "__exit__"):
            state.things[atom.id] = replace(thing, managed=True)
            return call_method(interpreter, activation, op.span, state, atom, "__enter__", op.to)
        case Session():
            state.things[atom.id] = replace(thing, managed=True)
            state.registers[op.to] = value
        case Manager(function=function) if function is not None:
            after = start_generator(interpreter, activation, op.span, state, atom.id)
            for held in after:
                manager = held.get(atom.id, Manager)
                held.registers[op.to] = manager.gives if manager else UNKNOWN
            return after
        case Manager(row=row) if row is not None:
            enter_by_row(interpreter, activation, op, state, thing, row)
        case Object(class_=class_) if class_ is not None:
            name = "__aenter__" if op.asynchronous else "__enter__"
            return call_method(interpreter, activation, op.span, state, atom, name, op.to)
        case Object(external="contextlib.closing", fields=fields):
            state.registers[op.to] = fields.get("thing", UNKNOWN)
        case Object():
            state.registers[op.to] = value
            interpreter.locks += not thing.external.startswith(NO_LOCKS)
        case _:  # to begin a transaction aborts the one before; what is not known may be a lock
            known = ends_transaction(interpreter, activation, op.span, state, value, raised=True)
            interpreter.locks += not known
    return [state]


def enter_by_row(
    interpreter: Interpreter, activation: Activation, op: ops.Enter, state: State, manager: Manager, row: Row
) -> None:
    """Enter a context manager of the lifecycle table."""
    if is_context(row):
        enter_context(interpreter, state)
    made = state.get(manager.session, Session) if manager.owned else None
    if made is not None:
        state.things[manager.session] = replace(made, managed=True)
    apply_effects(interpreter, activation, op.span, state, row.effects, manager.session, {}, row)
    set_autoflush(state, manager, False)
    state.registers[op.to] = manager.gives


@step(ops.Exit)
def run_exit(interpreter: Interpreter, activation: Activation, op: ops.Exit, state: State) -> list[State]:
    """The end of a ``with`` block."""
    value = state.read(op.manager)
    atom = single_ref(value) or NOWHERE
    thing = state.thing(atom.id)
    match thing:
        case Session() if has_own(interpreter, state, thing, "__exit__"):
            return call_method(interpreter, activation, op.span, state, atom, "__exit__", None, leaving(op))
        case Session():
            close_session(interpreter, activation, op.span, state, atom.id, raised=op.raised)
        case Manager(function=function) if function is not None:
            return finish_generator(interpreter, activation, op.span, state, atom.id, raised=op.raised)
        case Manager(row=row) if row is not None and is_context(row):
            leave_context(interpreter, activation, op.span, state, row, raised=op.raised)
        case Manager(row=row) if row is not None:
            effects = row.failing if op.raised else row.leaving
            set_autoflush(state, thing, True)
            if not op.raised and interpreter.run is not None and interpreter.run.may_raise():
                failed = state.copy()
                apply_effects(
                    interpreter,
                    activation,
                    op.span,
                    failed,
                    row.failing,
                    thing.session,
                    {},
                    row,
                    thing.owned,
                    True,
                )
                interpreter.run.raise_from(failed)
            apply_effects(
                interpreter,
                activation,
                op.span,
                state,
                effects,
                thing.session,
                {},
                row,
                thing.owned,
                op.raised,
            )
        case Object(class_=class_) if class_ is not None:
            name = "__aexit__" if op.asynchronous else "__exit__"
            return call_method(interpreter, activation, op.span, state, atom, name, None, leaving(op))
        case Object(external="contextlib.closing", fields=fields):
            for number, _ in list(state.of(fields.get("thing", UNKNOWN), Session)):
                close_session(interpreter, activation, op.span, state, number, raised=op.raised)
        case Object() if thing.external.startswith(NO_LOCKS):
            pass
        case _ if ends_transaction(interpreter, activation, op.span, state, value, raised=op.raised):
            pass
        case _:
            interpreter.locks = max(0, interpreter.locks - 1)
            end_of_work(state)  # it may be a transaction
    return [state]


def leaving(op: ops.Exit) -> tuple[Value, ...]:
    """Return what ``__exit__`` is given: three times None where no exception leaves the block."""
    return () if op.raised else (NONE, NONE, NONE)


def has_own(interpreter: Interpreter, state: State, session: Session, name: str) -> bool:
    """Return whether a Session is of a class of the project that has this method."""
    return session.subclass is not None and bool(class_member(interpreter, state, session.subclass, name))


def set_autoflush(state: State, manager: Manager, setting: bool) -> None:
    """``with session.no_autoflush`` switches it off."""
    session = state.get(manager.session, Session)
    if session is not None and any("no_autoflush" in name for name in manager.row.on):
        state.things[manager.session] = replace(session, autoflush=setting)


# ------------------------------------------------------------------ generators


def start_generator(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, number: int
) -> list[State]:
    """Run a generator to its yields; the states wait there."""
    manager = state.get(number, Manager)
    if (
        manager is None
        or manager.function is None
        or interpreter.too_deep(manager.function.module, manager.function.body)
    ):
        return [state]
    registers = state.registers
    try:
        inner, outcome = interpreter.call_body(
            activation, span, manager.function, manager.arguments, state, pause=True
        )
    except TooLarge:
        return [state]
    interpreter.returned(Outcome(raised=outcome.raised), state)
    after = []
    for waiting in outcome.waiting:
        held = waiting.state
        held.things[number] = replace(
            manager,
            gives=waiting.value,
            context=inner.context,
            suspended=((waiting.block, waiting.op),),
            registers=held.registers.copy(),
        )
        held.registers = registers.copy()
        after.append(held)
    return merged(after) if after else ([state] if not outcome.raised else [])


def finish_generator(
    interpreter: Interpreter,
    activation: Activation,
    span: ops.Span,
    state: State,
    number: int,
    *,
    raised: bool = False,
) -> list[State]:
    """Let a waiting generator go on: behind its yields, or with an exception thrown in at them."""
    manager = state.get(number, Manager)
    if manager is None or manager.function is None or not manager.suspended:
        end_of_work(state)  # it was not followed, and may be a transaction
        return [state]
    function = manager.function
    body = interpreter.body(function)
    inner = Activation(function.module, function.body, body, manager.context, 0, activation.depth + 1)
    inner.frame = interpreter.number(inner, "frame")
    inner.calls = (*interpreter.calls, activation.where(span)._replace(calls=()))
    registers = state.registers
    outcome = Outcome()
    catching = interpreter.run is not None and interpreter.run.may_raise()
    with interpreter.around(activation.where(span), (function.module, function.body), catching=catching):
        for block, op in manager.suspended:
            part = resumed(interpreter, inner, state, manager, block, op, raised=raised)
            outcome.returned += part.returned
            outcome.raised += part.raised
    for held, _ in outcome.returned:
        held.registers = registers.copy()
    for held in outcome.raised:
        held.registers = registers.copy()
    if raised:
        for held, _ in outcome.returned:
            held.swallowed = True
        # What leaves the generator is raised again behind the block; a generator that ends has swallowed it.
        return [*merged(outcome.raised), *merged([held for held, _ in outcome.returned])]
    interpreter.returned(Outcome(raised=outcome.raised), state)
    return merged([held for held, _ in outcome.returned])


def resumed(
    interpreter: Interpreter,
    inner: Activation,
    state: State,
    manager: Manager,
    block: int,
    op: int,
    *,
    raised: bool,
) -> Outcome:
    """Return how a generator goes on from one yield."""
    held = state.copy()
    held.registers = dict(manager.registers)
    if not raised:
        return interpreter.resume(inner, [Waiting(held, block, op, UNKNOWN)])
    handler = inner.body.blocks[block].handler
    if handler == NO_HANDLER:
        return Outcome(raised=[held])
    interpreter.catching += 1
    outcome = Run(interpreter, inner).begin([held], handler)
    interpreter.catching -= 1
    return outcome
