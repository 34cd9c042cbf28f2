"""Runs one body abstractly: block by block, until nothing new can be true at the beginning of any block."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tether.check.abstract.state import EXPIRED_ALL, MARKS, UNREAD, UNRECOVERED, State
from tether.check.abstract.things import Where
from tether.check.abstract.values import NONE, Value
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions, live

MOST_STATES = 4  # of one point that differ in the handlers they passed, and as many with one of the MARKS
MOST_VISITS = 12  # of one block with one path; joins end long before
NO_HANDLER = -1
T = TypeVar("T")
RAISED = "raised"  # on the path of a state that ended by a ``raise`` statement
DATABASE_ERROR = "database error"  # on the path of a state in which such an error is on its way
CANCELLED = (
    "cancelled"  # the same, of an error that is no Exception and was raised again: a cancellation, an exit
)
FLUSH_ERROR = "flush error"  # the same, where a flush failed: behind an ``except`` it surely did

# Ops that a block may end with, or pause at.
ENDING = frozenset({ops.Next, ops.Raise, ops.Return, ops.Yield})

# Ends of the names of errors that are no Exception.
EXITS = ("CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit")

# Clauses that catch what SQLAlchemy raises for such a read.
WIDER = ("Exception", "BaseException", "Error]", "SQLAlchemyError", "DetachedInstanceError", "InvalidRequestError",
         "MissingGreenlet", "ORMExecuteError", "OrmError")  # fmt: skip


class CutShort(Exception):  # noqa: N818 - no error: the analysis of one function ends here
    """The function is larger than what is looked at."""


@dataclass(slots=True)
class Activation:
    """One call of one body.

    Attributes:
        module: Dotted name of its module.
        index: Index of the body there.
        body: Its op graph.
        context: Number of the chain of calls that led here; 0 at the root.
        frame: Number of its variables' frame.
        depth: How many calls are around it.
        calls: The lines of those calls, the outermost first.
    """

    module: str
    index: int
    body: ops.Body
    context: int
    frame: int
    depth: int
    calls: tuple[Where, ...] = ()

    def where(self, span: ops.Span, cause: str = "") -> Where:
        """Return a line of this body as a witness."""
        return Where(self.module, self.index, span[0], span[1], span[2], span[3], cause, self.calls)


@dataclass(slots=True)
class Waiting:
    """A generator at a ``yield``."""

    state: State
    block: int
    op: int
    value: Value


@dataclass(slots=True)
class Outcome:
    """All ways a body ends: states with what they return, states in which an exception leaves, and yields."""

    returned: list[tuple[State, Value]] = field(default_factory=list)
    raised: list[State] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


Step = Callable[[Activation, Any, State], list[State]]


class Run:
    """One run of one body.

    Args:
        step: Runs one op on one state; the states after it. It may call ``raise_from``.
        activation: What is run.
        pause: Stop at each yield and keep it in ``outcome.waiting``.
    """

    def __init__(self, interpreter: Any, activation: Activation, *, pause: bool = False) -> None:
        self.interpreter = interpreter
        self.activation = activation
        self.pause = pause
        self.entries: dict[tuple[int, Any], State] = {}
        self.visits: dict[tuple[int, Any], int] = {}
        self.events: dict[tuple[int, Any], list[Any]] = {}
        self.ends: dict[tuple[int, Any], Outcome] = {}
        self.queue: list[tuple[int, int, Any]] = []
        self.order = 0
        self.queued: set[tuple[int, Any]] = set()
        self.paths: dict[tuple[int, bool], int] = {}
        self.live = live(activation.body)
        self.now: Outcome = Outcome()
        self.handler = NO_HANDLER

    def begin(self, states: Iterable[State], block: int = 0, op: int = 0) -> Outcome:
        """Run from the beginning, or from behind an op, to every end."""
        for state in states:
            if op == 0:
                self.flow_into(block, state)
            else:
                self.visit((block, ("resumed", op, state.path)), state, first=op)
        try:
            while self.queue:
                block, _, path = heapq.heappop(self.queue)
                self.queued.discard((block, path))
                self.visit((block, path), self.entries[block, path].copy())
        finally:  # where it was cut short too: each state that was reached is that of a way through the program
            for events in self.events.values():
                self.interpreter.events.extend(events)
        outcome = Outcome()
        for end in self.ends.values():
            outcome.returned += end.returned
            outcome.raised += end.raised
            outcome.waiting += end.waiting
        return outcome

    def visit(self, key: tuple[int, Any], state: State, first: int = 0) -> None:
        """Run the ops of one block."""
        block = self.activation.body.blocks[key[0]]
        outside, self.interpreter.events = self.interpreter.events, []
        previous_run, self.interpreter.run = self.interpreter.run, self
        self.now, self.handler = Outcome(), block.handler
        expired = EXPIRED_ALL in state.path
        try:
            self.run_ops(key[0], block, state, first)
        finally:
            before = self.events.get(key, []) if expired else []
            self.events[key] = [event for event in before if event.is_of_one_way()] + self.interpreter.events
            self.interpreter.events = outside
            self.interpreter.run = previous_run
        self.ends[key] = self.now

    def run_ops(self, number: int, block: ops.Block, state: State, first: int) -> None:
        """Run ops in order on every state there is, and pass the states on."""
        states = [state]
        for position in range(first, len(block.ops)):
            op = block.ops[position]
            if type(op) in ENDING:
                if type(op) is ops.Next:
                    self.branch(block, states)
                    return
                if self.is_end(op, number, position, states):
                    return
            states = self.run_op(op, states)
            if not states:
                return
        last = block.ops[-1] if block.ops else None
        if isinstance(last, ops.Exit) and last.raised:
            for held in states:
                swallowed, held.swallowed = held.swallowed, False
                self.flow_into(block.then[-1 if swallowed else 0], held)
        else:
            for held in states:
                for following in block.then if block.ops else self.clauses(block, held):
                    self.flow_into(following, held)

    def clauses(self, block: ops.Block, state: State) -> Iterable[int]:
        """Yield the clauses that may take an exception; one of the database does not get past one for all of those."""
        of_database = DATABASE_ERROR in state.path
        for number in block.then:
            yield number
            first = self.activation.body.blocks[number].ops[:1]
            if of_database and any(
                isinstance(op, ops.Caught) and takes_every_database_error(op) for op in first
            ):
                return

    def is_end(self, op: Any, number: int, position: int, states: list[State]) -> bool:
        """Let states leave the body, or wait; False if they go on behind the op."""
        if isinstance(op, ops.Raise):
            self.leave_by(op, states)
        elif isinstance(op, ops.Return):
            for held in states:
                self.interpreter.leaving(self.activation, op, held)
            self.now.returned += [
                (held, NONE if op.source == ops.NONE else held.read(op.source)) for held in states
            ]
        elif self.pause:
            self.now.waiting += [Waiting(held, number, position, held.read(op.source)) for held in states]
        else:
            return False
        return True

    def run_op(self, op: Any, states: list[State]) -> list[State]:
        """Return the states after one op."""
        now, handler, interpreter = self.now, self.handler, self.interpreter
        after: list[State] = []
        for state in states:
            interpreter.spend()
            after += interpreter.step(self.activation, op, state)
            self.now, self.handler, interpreter.run = now, handler, self
        return merged(after) if len(after) > 1 else after

    def leave_by(self, op: ops.Raise, states: list[State]) -> None:
        """End states by a ``raise`` statement."""
        defined = [held for block in self.activation.body.blocks for held in block.ops[:1]]
        again = any(isinstance(held, ops.Raised) and held.to == op.source for held in defined)
        ends = any(
            isinstance(held, ops.Caught) and held.to == op.source and is_of_exit(held) for held in defined
        )
        for state in states:
            self.interpreter.spend()
            if not again:
                state.path |= {RAISED, CANCELLED} if ends else {RAISED}
                state.path |= self.of_database(op, state)
            self.raise_from(state)

    def of_database(self, op: ops.Raise, state: State) -> set[str]:
        """Return the marks of an error of the database, if a clause caught one that is raised again here."""
        activation = self.activation
        lines = {clause.span[0] for clause in clauses_of(activation.body, op)}
        errors = {
            passed[4] for passed in state.path
            if isinstance(passed, tuple) and passed[1:3] == (activation.module, activation.index) and passed[3] in lines
        }  # fmt: skip
        unrecovered = {FLUSH_ERROR} if FLUSH_ERROR in errors and UNRECOVERED in state.path else set()
        return {DATABASE_ERROR} | unrecovered if errors - {""} else set()

    def branch(self, block: ops.Block, states: list[State]) -> None:
        """Pass on the states of a loop's head: with an element, and at the end."""
        op = block.ops[-1]
        for state in states:
            self.interpreter.spend()
            self.raise_from(state)
            inside, beyond = self.interpreter.next_states(self.activation, op, state)
            for held, following in ((inside, block.then[0]), (beyond, block.then[-1])):
                if held is not None:
                    self.flow_into(following, held)

    def raise_from(self, state: State, *, database: bool = False, flush: bool = False) -> None:
        """Let an exception leave at this point: to the handler of the block, or out of the body.

        One that comes from the database (*database*) is caught by clauses for such errors.
        """
        marks = {DATABASE_ERROR} if database else set()
        marks |= {FLUSH_ERROR} if flush else set()
        if not marks <= state.path:
            state = state.copy()
            state.path |= marks
        if self.handler == NO_HANDLER:
            if self.is_seen(state):
                self.now.raised.append(state.copy())
        else:
            self.flow_into(self.handler, state)

    def is_guarded(self) -> bool:
        """Return whether an AttributeError, but no error of SQLAlchemy's, is caught around this point."""
        if self.handler == NO_HANDLER:
            return False
        blocks = self.activation.body.blocks
        first = blocks[self.handler]
        clauses = [blocks[at] for at in first.then] if not first.ops else [first]
        types = [name for clause in clauses if clause.ops and isinstance(clause.ops[0], ops.Caught)
                 for name in clause.ops[0].types or ("BaseException",)]  # fmt: skip
        return "AttributeError" in types and not any(name.endswith(WIDER) for name in types)

    def is_caught(self) -> bool:
        """Return whether an error of the database is caught in this body, around this point."""
        blocks, at = self.activation.body.blocks, self.handler
        while at != NO_HANDLER:
            clauses = [blocks[number] for number in blocks[at].then] if not blocks[at].ops else [blocks[at]]
            if any(clause.ops and isinstance(clause.ops[0], ops.Caught) for clause in clauses):
                return True
            at = blocks[at].handler
        return False

    def may_raise(self) -> bool:
        """Return whether anybody around would see an exception."""
        return self.handler != NO_HANDLER or bool(self.interpreter.catching)

    def is_seen(self, state: State) -> bool:
        """Return whether an exception that leaves here makes a difference: it is caught, or one is on its way."""
        return self.may_raise() or RAISED in state.path

    def flow_into(self, block: int, state: State) -> None:
        """Add a state to those a block begins with; visit it again if that is news."""
        path = state.path
        if UNREAD in path and not state.has_unread():
            path -= {UNREAD}
        key = (block, path)
        known = self.entries.get(key)
        if known is None:
            kind = (block, not path.isdisjoint(MARKS))
            if self.paths.get(kind, 0) >= MOST_STATES:
                return
            self.paths[kind] = self.paths.get(kind, 0) + 1
            self.entries[key] = state.carried(self.live[block], path)
        else:
            joined = known.joined_with_news(state, self.live[block])
            if joined is None or self.visits.get(key, 0) >= MOST_VISITS:
                return
            self.entries[key] = joined
        self.visits[key] = self.visits.get(key, 0) + 1
        if key not in self.queued:
            self.order += 1
            self.queued.add(key)
            heapq.heappush(self.queue, (block, self.order, path))


def takes_every_database_error(clause: ops.Caught) -> bool:
    """Return whether whatever SQLAlchemy raises stays in a clause."""
    return any(
        name.endswith("SQLAlchemyError") or name in ("Exception", "BaseException") for name in clause.types
    )


def is_of_exit(clause: ops.Caught) -> bool:
    """Return whether a clause takes nothing that is an ``Exception``."""
    return bool(clause.types) and all(
        name.endswith(EXITS) and not name.startswith("concurrent.") for name in clause.types
    )


def clauses_of(body: ops.Body, op: ops.Raise) -> list[ops.Caught]:
    """Return the ``except`` clauses whose exception a ``raise`` may raise again."""
    loaded = definitions(body).get(op.source)
    given = {op.source}
    if isinstance(loaded, ops.Load) and loaded.scope == "local":
        stored = [held for block in body.blocks for held in block.ops if isinstance(held, ops.Store)]
        given |= {held.source for held in stored if held.name == loaded.name}
    first = [held for block in body.blocks for held in block.ops[:1]]
    return [held for held in first if isinstance(held, ops.Caught) and held.to in given]


def merged(states: list[State]) -> list[State]:
    """Return the states joined where they passed the same handlers; no more than MOST_STATES."""
    if len(states) < 2:
        return states
    by_path: dict[Any, State] = {}
    for state in states:
        known = by_path.get(state.path)
        by_path[state.path] = state if known is None else known.join(state)
    return few(by_path)


def few(by_path: dict[Any, T]) -> list[T]:
    """Return the first MOST_STATES of each kind."""
    if len(by_path) <= MOST_STATES:
        return list(by_path.values())
    ways = ([path for path in by_path if path.isdisjoint(MARKS) is plain] for plain in (True, False))
    kept = {path for kind in ways for path in kind[:MOST_STATES]}
    return [found for path, found in by_path.items() if path in kept]


def joined_outcome(outcome: Outcome) -> list[tuple[State, Value]]:
    """Return what a body returned, joined where the states passed the same handlers."""
    by_path: dict[Any, tuple[State, Value]] = {}
    for state, value in outcome.returned:
        known = by_path.get(state.path)
        by_path[state.path] = (state, value) if known is None else (known[0].join(state), known[1] | value)
    return few(by_path)
