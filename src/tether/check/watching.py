"""What is known of a variable where it stands, for an editor: "user: User, detached since line 40"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import (
    CLOSED,
    DETACHED,
    EXPIRED,
    OPEN,
    PENDING,
    PERSISTENT,
    TRANSIENT,
    UNLOADED,
    UNSURE,
    Collection,
    Instance,
    Session,
    Where,
    surely,
)
from tether.check.abstract.values import Value
from tether.check.callers.entry import Root
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.orm.mapped import mapped
from tether.check.python.plain import PlainCalls
from tether.check.python.reading_rows import facts_of

MOST_NAMED = 6  # attributes
WORDS = {
    PERSISTENT: "persistent",
    PENDING: "pending, not flushed yet",
    TRANSIENT: "transient, in no Session",
}


class Watching(Interpreter):
    """Runs one function and looks at one variable on the way.

    Attributes:
        place: Module, line and column of the variable.
        seen: What was told of it, by the exception handlers that were passed on the way to it.
    """

    place = ("", 0, 0)

    def states(self, module: str, line: int, column: int) -> str | None:
        """Return what is known of the variable in a line and column of a module; None if nothing is."""
        self.plain = PlainCalls()
        self.module_frame(module)
        self.place = (module, line, column)
        self.seen: dict[Any, list[str]] = {}
        bodies = self.project.module(module).bodies
        around = [
            (body.span[0], index)
            for index, body in enumerate(bodies)
            if body.kind not in ("class", "module") and body.span[0] <= line <= body.span[2]
        ]
        if not around:
            return None
        self.begin_root()
        Root(self, module, max(around)[1]).run()
        texts = dict.fromkeys(text for seen in self.seen.values() for text in seen)
        return "\n".join(texts) or None

    def step(self, activation: Activation, op: Any, state: State) -> list[State]:
        """Return the states after one op, and look at them where the op is the variable's."""
        after = super().step(activation, op, state)
        if (
            isinstance(op, ops.Load | ops.Store)
            and not activation.depth
            and self.is_here(activation, op.span)
        ):
            # The function is run until nothing changes: what was seen last holds for all turns of a loop.
            register = op.to if isinstance(op, ops.Load) else op.source
            self.seen[state.path] = [
                f"{op.name}: {text}" for held in after for text in self.told(held, held.read(register))
            ]
        return after

    def is_here(self, activation: Activation, span: ops.Span) -> bool:
        """Return whether a name that begins where an op does is the one that is asked for."""
        module, line, column = self.place
        return activation.module == module and span[:2] <= (line, column) <= span[2:]

    def told(self, state: State, value: Value) -> Iterator[str]:
        """Yield what is known of each thing that a variable may hold."""
        for number, instance in state.of(value, Instance):
            yield ", ".join(self.of_instance(state, number, instance))
        for _, session in state.of(value, Session):
            yield ", ".join(self.of_session(session))
        for _, collection in state.of(value, Collection):
            yield from (f"{collection.kind} of {text}" for text in self.told(state, collection.element))

    def of_instance(self, state: State, number: int, instance: Instance) -> Iterator[str]:
        """Yield the parts of what is known of an instance."""
        yield instance.model.qualname
        if surely(instance.states, DETACHED):
            yield "detached" + self.since(instance.detached)
        elif len(instance.states) == 1 and not instance.states & {UNSURE}:
            yield WORDS[next(iter(instance.states))]
        if surely(instance.columns, EXPIRED):
            yield "expired" + self.since(instance.expired)
        mapping = mapped(self, instance.model)
        attributes = mapping.model.attributes if mapping is not None else ()
        facts = (
            {name: facts_of(mapping, instance, name) for name in attributes} if mapping is not None else {}
        )
        for fact, words in ((UNLOADED, "not loaded"), (EXPIRED, "expired")):
            names = [
                name
                for name, held in facts.items()
                if surely(held, fact) and not (fact == EXPIRED and surely(instance.columns, EXPIRED))
            ]
            if names:
                more = ", ..." if len(names) > MOST_NAMED else ""
                yield f"{words}: {', '.join(names[:MOST_NAMED])}{more}"
        if instance.changed and not surely(instance.states, DETACHED):
            yield f"not flushed: {', '.join(sorted(instance.changed))}"
        if instance.written:
            yield f"written while detached: {', '.join(sorted(instance.written))}"

    def of_session(self, session: Session) -> Iterator[str]:
        """Yield the parts of what is known of a Session."""
        yield session.type.rpartition(".")[2]
        if surely(session.life, CLOSED):
            yield "closed" + self.since(session.ended)
        elif surely(session.life, OPEN):
            yield "open"
        if "failed" in session.must:
            yield "needs a rollback" + self.since(session.failed)
        elif session.must & {"added", "flushed"}:
            yield "not committed" + self.since(session.changed)

    def since(self, where: Where | None) -> str:
        """Return `` since line 40``, with the file if it is another one."""
        if where is None:
            return ""
        outer = next((call for call in where.calls if call.module == self.place[0]), where)
        path = "" if outer.module == self.place[0] else f"{self.project.module(outer.module).path}:"
        return f" since {path}{outer.line}" if path else f" since line {outer.line}"
