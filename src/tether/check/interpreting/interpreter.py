"""The interpreter: what every part of it shares, and the running of modules, functions and ops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any, NamedTuple

from tether.check.abstract.events import Event
from tether.check.abstract.state import State
from tether.check.abstract.sweeping import sweep
from tether.check.abstract.things import Frame, Thing, Where
from tether.check.abstract.values import MOST_ATOMS, NOTHING, UNKNOWN, Class, External, Function, Value, one
from tether.check.interpreting.flow import Activation, CutShort, Outcome, Run, Waiting, joined_outcome
from tether.check.lowering import ops
from tether.lifecycle.rows import Row, Table

DEEPEST = 4  # calls into the project that are followed
MOST_OPS = 40_000  # of one root, those of the functions it calls included
MOST_OPS_OF_CALL = (12_000, 8_000, 4_000, 2_000, 1_000, 500)  # of one call, by how many are around it

OF_MODULE = "the globals of "  # in ``used``, before the name of a module
NO_USES: frozenset[str] = frozenset()

StepFunction = Callable[["Interpreter", Activation, Any, State], list[State]]


class OwnFields(NamedTuple):
    """What ``__init__`` left in the fields of ``self``.

    Attributes:
        fields: By name.
        things: What they lead to.
        used: As ``Interpreter.used``.
    """

    fields: Mapping[str, Value] = {}
    things: Mapping[int, Thing] = {}
    used: frozenset[str] = frozenset()


class TooLarge(Exception):  # noqa: N818 - no error: a call is not followed to its end
    """A function that is called is larger than what is looked at.

    Args:
        whole: Also than what is looked at where much is left; it is not tried again.
    """

    def __init__(self, whole: bool) -> None:
        super().__init__(whole)
        self.whole = whole


STEPS: dict[type, StepFunction] = {}


def step(*kinds: type) -> Callable[[StepFunction], StepFunction]:
    """Register a function as what an op does."""

    def register(function: StepFunction) -> StepFunction:
        for kind in kinds:
            STEPS[kind] = function
        return function

    return register


class Interpreter:
    """Runs bodies of a project and collects events.

    Attributes:
        base: Things that modules made when they were imported.
        events: Of what is being run.
        calls: The calls that led to what is being run, outermost first.
        catching: How many callers would see an exception.
        called: What the call that is being made may call, where more than one thing may be called.
        locks: How many context managers that are not known were entered: any of them may be a lock.
        used: Paths of modules whose content was looked at, and names that were looked for and not found; for a module
            whose globals were, OF_MODULE and its name.
        given: The mapped classes of which the callers of the root may have rows; None where that may be any.
        share: The most ops of a call, where several functions may be called at one place.
        large: Functions that were too large to be followed, and at which depth.
        remembered: How closed calls ended.
        lasting_frames: Those of classes, and of the defaults of parameters, which live as long as the module.
        class_frames: The frame of each class body that was run; class_bases: what it derives from.
        own_fields: What the methods of a class find in ``self``.
        assigned: The attributes that the methods of a class assign to.
        rows_on_self: The detached rows that the methods of a class left in its attributes.
        routes: The response model of each function that FastAPI calls; route_dependencies: what it is to call before.
        late: What a function binds a global to, by module and name; binders: which functions bind globals.
        unfinished: The modules of names that were imported, by (importer, name), before they were bound: in a cycle.
    """

    def __init__(self, project: Any, models: Any, table: Table) -> None:
        self.project = project
        self.models = models
        self.table = table
        self.base: dict[int, Thing] = {}
        self.events: list[Event] = []
        self.calls: list[Where] = []
        self.called: Value = NOTHING
        self.catching = 0
        self.root_is_function = False
        self.given: frozenset[Class] | None = frozenset()
        self.locks = 0
        self.fuel = MOST_OPS
        self.share = MOST_OPS
        self.used: set[str] = set()
        self.run: Run | None = None
        self.class_frames: dict[Class, int] = {}
        self.class_bases: dict[Class, tuple[Value, ...]] = {}
        self.lasting_frames: set[int] = set()
        self.remembered: dict[Any, Any] = {}
        self.large: dict[tuple[str, int], int] = {}
        self.annotations: dict[Class, dict[str, str]] = {}
        self.routes: dict[tuple[str, int], Value] = {}
        self.route_dependencies: dict[tuple[str, int], tuple[Value, ...]] = {}
        self.mapped_classes: dict[Class, Any] = {}
        self.touched: list[set[int]] = []
        self.own_fields: dict[Class, OwnFields] = {}
        self.rows_on_self: dict[Class, dict[str, Any]] = {}
        self.late: dict[tuple[str, str], OwnFields] = {}
        self.assigned: dict[Class, frozenset[str]] = {}
        self.binders: dict[str, dict[str, list[int]]] = {}
        self.unfinished: dict[tuple[str, str], str] = {}
        self.plain: Any = None
        self._numbers: dict[Any, int] = {}
        self._contexts: dict[Any, int] = {}
        self._module_frames: dict[str, int] = {}
        self.module_uses: dict[str, Set[str]] = {}
        self.module_events: dict[str, list[Event]] = {}
        self._stack: list[tuple[str, int]] = []
        self._importing = 0  # modules that are being run

    # ------------------------------------------------------------- numbers

    def number(self, activation: Activation, *what: Any) -> int:
        """Return the number of the thing that is made here, the same one each time."""
        return self._numbers.setdefault((activation.context, activation.index, activation.module, *what),
                                        len(self._numbers) + 1)  # fmt: skip

    def derived(self, *what: Any) -> int:
        """Return the number of a thing that is known by what it belongs to."""
        return self._numbers.setdefault(what, len(self._numbers) + 1)

    def context(self, activation: Activation, *site: Any) -> int:
        """Return the number of the chain of calls that goes through *site*."""
        chain = (activation.context, activation.module, activation.index, *site)
        return self._contexts.setdefault(chain, len(self._contexts) + 1)

    def spend(self) -> None:
        """Count one op.

        Raises:
            CutShort: There were too many.
        """
        self.fuel -= 1
        if self.fuel < 0:
            raise CutShort

    # --------------------------------------------------------------- table

    def canonical(self, name: str) -> str:
        """Return the name under which the lifecycle table knows something."""
        return self.table.aliases.get(name, name)

    def row(self, type_: str, member: str = "") -> Row | None:
        """Return the row of a function, or of a member of a class or of what it inherits from."""
        seen: list[str] = [type_]
        for name in seen:
            rows = self.table.rows.get(f"{name}.{member}" if member else name)
            if rows:
                return rows[0]
            seen += [base for base in self.table.bases.get(name, ()) if base not in seen]
        return None

    # -------------------------------------------------------------- events

    def tell(self, kind: str, where: Where, **facts: Any) -> None:
        """Note an event."""
        self.events.append(Event(kind, where, where.calls or tuple(self.calls), **facts))

    def touch(self, session: int) -> None:
        """Note that a Session is used, for whoever wants to know which ones a coroutine uses."""
        for sessions in self.touched if not self.locks else ():
            sessions.add(session)

    # ------------------------------------------------------------- running

    def step(self, activation: Activation, op: Any, state: State) -> list[State]:
        """Return the states after one op."""
        return STEPS[type(op)](self, activation, op, state)

    def next_states(self, activation: Activation, op: ops.Next, state: State) -> list[Any]:
        """Return the states of a loop's head: with an element, and behind it; None where there is no way."""
        return STEPS[ops.Next](self, activation, op, state)

    def execute(self, activation: Activation, state: State, *, pause: bool = False) -> Outcome:
        """Run a body from its beginning; the caller's registers are put aside.

        Raises:
            CutShort: It took too many ops, or was too long or too deep to be read.
        """
        if not activation.body.blocks:
            raise CutShort
        inner = state.copy()
        inner.registers = {}
        outcome = Run(self, activation, pause=pause).begin([inner])
        for after, _ in outcome.returned:
            after.registers = state.registers.copy()
        for after in outcome.raised:
            after.registers = state.registers.copy()
        return outcome

    def resume(self, activation: Activation, waiting: list[Waiting]) -> Outcome:
        """Go on with a generator behind the yields it waits at."""
        run = Run(self, activation)
        outcome = Outcome()
        for held in waiting:
            op = activation.body.blocks[held.block].ops[held.op]
            held.state.registers[op.to] = UNKNOWN
            part = run.begin([held.state], held.block, held.op + 1)
            outcome.returned += part.returned
            outcome.raised += part.raised
            run = Run(self, activation)
        return outcome

    @contextmanager
    def around(self, where: Where, body: tuple[str, int], *, catching: bool) -> Iterator[None]:
        """Go into a call."""
        self.calls.append(where._replace(calls=()))
        self._stack.append(body)
        self.catching += catching
        run = self.run
        try:
            yield
        finally:
            self.run = run
            self.catching -= catching
            self._stack.pop()
            self.calls.pop()

    @contextmanager
    def shared_by(self, calls: int) -> Iterator[None]:
        """Call several functions at one place, as of a table of handlers: together they get half of what is left."""
        outer = self.share
        if calls > MOST_ATOMS:
            self.share = min(outer, self.fuel // (2 * calls))
        try:
            yield
        finally:
            self.share = outer

    def leaving(self, activation: Activation, op: ops.Return, state: State) -> None:
        """Do what happens where a function returns."""
        hook = STEPS.get(ops.Return)
        if hook is not None:
            hook(self, activation, op, state)

    def note_too_large(self, module: str, body: int, error: TooLarge) -> None:
        """Remember that a function was too large at this depth, unless it only had a part of the ops."""
        if not error.whole or self.share < MOST_OPS:
            return
        key = (module, body)
        self.large[key] = min(len(self._stack), self.large.get(key, DEEPEST))

    def is_too_large(self, module: str, body: int) -> bool:
        """Return whether a function was too large at this depth, or nearer to the root."""
        return len(self._stack) >= self.large.get((module, body), DEEPEST + 1)

    def too_deep(self, module: str, body: int) -> bool:
        """Return whether a call into this body is not followed: too far from the root, or a recursion."""
        return len(self._stack) >= DEEPEST or (module, body) in self._stack

    # ------------------------------------------------------------- modules

    def module_frame(self, name: str) -> int | None:
        """Return the frame of a module's globals, running its body the first time; None if it is not the project's."""
        known = self._module_frames.get(name)
        if known is not None:
            self.used.add(OF_MODULE + name)
            return known
        module = self.project.module(name)
        if module is None:
            return None
        self.used.add(module.path)
        frame = self._module_frames[name] = self.derived("module", name)
        self.base[frame] = Frame(variables={})
        self._run_module(name, module, frame)
        return frame

    def files_used(self) -> frozenset[str]:
        """Return ``used`` with what the modules in it were made of."""
        found = set(self.used)
        waiting = [name for name in found if name.startswith(OF_MODULE)]
        while waiting:
            new = self.module_uses.get(waiting.pop().removeprefix(OF_MODULE), NO_USES) - found
            found |= new
            waiting += [name for name in new if name.startswith(OF_MODULE)]
        return frozenset(name for name in found if not name.startswith(OF_MODULE))

    def _run_module(self, name: str, module: Any, frame: int) -> None:
        state = State(self.base)
        state.things[frame] = self.base[frame]
        activation = Activation(name, 0, module.bodies[0], 0, frame, 0)
        with self.aside():
            used, self.used = self.used, {module.path}
            self._importing += 1
            try:
                outcome = self.execute(activation, state)
                for after, _ in outcome.returned[1:]:
                    outcome.returned[0] = (outcome.returned[0][0].join(after), NOTHING)
                if outcome.returned:
                    last = outcome.returned[0][0]
                    self.tell("left", activation.where((1, 1, 1, 1)), detail=last)
                    self.base.update(last.things)
            except CutShort:
                pass
            finally:
                self._importing -= 1
                self.module_events[name] = self.events
                self.module_uses[name] = self.used
                self.used = used | {OF_MODULE + name}

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Run something that belongs to no function: with events and a budget of its own."""
        kept = self.events, self.calls, self.fuel, self.run, self.catching, self._stack, self.touched
        outside, self.root_is_function = self.root_is_function, False
        share, self.share = self.share, MOST_OPS
        locks, self.locks = self.locks, 0
        self.events, self.calls, self.fuel, self.catching, self._stack, self.touched = (
            [],
            [],
            MOST_OPS,
            0,
            [],
            [],
        )
        try:
            yield
        finally:
            self.root_is_function, self.share, self.locks = outside, share, locks
            self.events, self.calls, self.fuel, self.run, self.catching, self._stack, self.touched = kept

    def begin_file(self, path: str) -> None:
        """Forget what depends on the files before: the answer of a file is the same whatever else is analysed."""
        self.used = {path}
        self.remembered, self.large, self.rows_on_self = {}, {}, {}

    def begin_root(self) -> None:
        """Forget the run before."""
        self.events, self.calls, self.touched, self._stack = [], [], [], []
        self.fuel, self.share, self.catching, self.locks, self.run = MOST_OPS, MOST_OPS, 0, 0, None
        self.root_is_function, self.given = True, frozenset()

    def module_frames(self) -> Collection[int]:
        """Return the frames of the modules that were run, or are being run."""
        return self._module_frames.values()

    def is_importing(self) -> bool:
        """Return whether a module is being run, so that what modules hold is not what it will be."""
        return self._importing > 0

    def in_function(self) -> bool:
        """Return whether a function is being run, not the top of a module."""
        return bool(self._stack) or self.root_is_function

    def find(self, import_name: str, importer: str) -> str | None:
        """Return what the module *import_name* is called in the project; None if the project has none."""
        module = self.project.find(import_name, importer)
        self.used.add(module.path if module is not None else import_name)
        return module.name if module is not None else None

    def submodule(self, package: str, name: str) -> str | None:
        """Return what a module of a package is called in the project."""
        module = self.project.module(package)
        return self.find(f"{module.import_name}.{name}", package) if module is not None else None

    def declared(self, module: str, name: str) -> Value:
        """Return a function, class or name from outside that a module declares; for cycles of imports."""
        target = self.project.resolve(module, name)
        if target.kind == "class" and not target.rest:
            return one(Class(target.module, target.name))
        if target.kind == "function" and not target.rest:
            index = self.project.module(target.module).functions.get(target.name)
            return one(Function(target.module, index)) if index is not None else UNKNOWN
        if target.kind == "external":
            return one(External(self.canonical(target.name)))
        return UNKNOWN

    def variable(self, module: str, name: str) -> Value:
        """Return what a global of a module holds after its import; NOTHING if it has none of that name."""
        frame = self.module_frame(module)
        thing = self.base.get(frame) if frame is not None else None
        return thing.variables.get(name, NOTHING) if isinstance(thing, Frame) else NOTHING

    # ------------------------------------------------------------ functions

    def body(self, function: Function) -> ops.Body:
        """Return the op graph of a function of the project."""
        found: ops.Body = self.project.module(function.module).bodies[function.body]
        return found

    def call_body(
        self, activation: Activation, span: ops.Span, function: Function, variables: Mapping[str, Value],
        state: State, *, pause: bool = False,
    ) -> tuple[Activation, Outcome]:  # fmt: skip
        """Run a function with bound arguments on a state; the states it ends with have the caller's registers."""
        body = self.body(function)
        context = self.context(activation, span)
        inner = Activation(function.module, function.body, body, context, 0, activation.depth + 1)
        inner.frame = self.number(inner, "frame")
        state.things[inner.frame] = Frame(
            variables=dict(variables), parent=function.frame, module=function.module, body=function.body
        )
        caught = self.run is not None and self.run.may_raise()
        where = activation.where(span)._replace(calls=())
        inner.calls = (*self.calls, where)
        most = min(self.share, MOST_OPS_OF_CALL[len(self._stack)])
        # Half of what is left, so that what comes behind the call is looked at as well.
        given = min(self.fuel // 2, most)
        kept, self.fuel = self.fuel, given
        events = len(self.events)
        try:
            with self.around(where, (function.module, function.body), catching=caught):
                outcome = self.execute(inner, state, pause=pause)
        except CutShort:
            self.fuel = kept - given
            if self.fuel <= 0:
                raise
            del self.events[events:]
            raise TooLarge(given == most) from None
        self.fuel = kept - (given - self.fuel)
        if not pause:
            for after, value in outcome.returned:
                sweep(state.things, after, value)
            for after in outcome.raised:
                sweep(state.things, after, NOTHING)
        return inner, outcome

    def returned(self, outcome: Outcome, state: State) -> list[tuple[State, Value]]:
        """Return what a finished call gave, and let its exceptions leave."""
        if self.run is not None:
            for raised in outcome.raised:
                raised.registers = state.registers.copy()
                self.run.raise_from(raised)
        return joined_outcome(outcome)
