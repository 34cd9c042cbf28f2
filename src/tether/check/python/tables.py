"""Calls that the lifecycle table knows: its effects, and what it gives."""

from __future__ import annotations

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import IDLE, Coroutine, Manager, Object, Session
from tether.check.abstract.values import NONE, UNKNOWN, Ref, Value, one
from tether.check.orm.attempts import note_attempt
from tether.check.orm.effects import apply_effects
from tether.check.orm.failing import FAILED, UNREADABLE, flush_failed, refuses
from tether.check.orm.queries import statement
from tether.check.orm.sending import tell_sent
from tether.check.python.giving import Giving
from tether.check.python.opaque import let_go


class Call(Giving):
    """One call of a row of the table."""

    def run(self) -> list[tuple[State, Value]]:
        """Return the state after the call and what it gives."""
        row, interpreter, site = self.row, self.interpreter, self.site
        if row.role == "manager":
            return [(self.state, self.manager())]
        self.before()
        if self.state.dead:
            return []
        self.let_go_of_others()
        tell_sent(interpreter, self)
        if row.role != "statement" and not self.applied():
            if interpreter.run is not None:
                interpreter.run.raise_from(self.state)
            return []
        value = self.given()
        if row.returns is not None and row.returns.awaited:
            number = interpreter.number(site.activation, site.op.to, "awaited")
            sessions = frozenset({self.session} if self.session >= 0 else ())
            self.state.things[number] = Coroutine(
                result=value, sessions=sessions, made=site.activation.where(site.span)
            )
            value = one(Ref(number))
        return [(self.state, value)]

    def applied(self) -> bool:
        """Apply the effects; False if the call surely raises. A savepoint's own methods are the end of its block."""
        effects, row, thing = self.row.effects, self.row, self.receiver
        if isinstance(thing, Manager) and thing.row is not None:
            member = self.function.name.rpartition(".")[2]
            row = thing.row
            effects = row.failing if member == "rollback" else row.leaving
        return apply_effects(self.interpreter, self.site.activation, self.site.span, self.state, effects,
                             self.session, self.arguments, row, alone=self.site.alone)  # fmt: skip

    def let_go_of_others(self) -> None:
        """Forget about instances that the call is given and that no effect of the row is about, as in bulk methods."""
        known = {effect.argument for effect in self.row.effects} | {"statement", "entity", "options", "ident"}
        for name, value in self.arguments.items():
            if name not in known:
                let_go(self.interpreter, self.state, value)

    def before(self) -> None:
        """Tell about the use of a Session."""
        session = self.state.get(self.session, Session)
        if session is not None:
            if self.row.raises:
                self.interpreter.touch(self.session)
            where = self.site.activation.where(self.site.span)
            member = self.function.name.rpartition(".")[2]
            detail = (self.row, member, self.state)
            self.interpreter.tell("use", where, number=self.session, session=session, detail=detail)
            if self.row.raises:
                self.may_fail(session)
                self.state.dead = refuses(session, self.row, member, self.state)
                self.state.things[self.session] = replace(
                    session, must=(session.must | {"begun"}) - {FAILED, UNREADABLE, IDLE}
                )

    def may_fail(self, session: Session) -> None:
        """Let a database error leave; where it comes from a flush, the Session needs a rollback afterwards."""
        run = self.interpreter.run
        if run is None or not run.may_raise():
            return
        failed = self.state.copy()
        note_attempt(self.interpreter, failed, self.session, self.row, self.arguments)
        asks = session.owner == "parameter" or not session.autoflush  # no query of it surely flushes
        flushes = any(
            effect.verb in ("flush", "commit") and not (asks and effect.when == "autoflush")
            for effect in self.row.effects
        )
        flushes = (flushes and bool(session.must & {"added", "changed"})) or ".bulk_" in self.function.name
        if flushes:
            where = self.site.activation.where(self.site.span)
            flush_failed(failed, self.session, where)
        run.raise_from(failed, database=True, flush=flushes)

    def given(self) -> Value:
        """Return what the call gives."""
        returns = self.row.returns
        if returns is None:
            return NONE
        kind = returns.kind
        if kind in ("session", "async session"):
            return self.new_session()
        if kind in ("factory", "scoped session"):
            return self.new_factory()
        if kind == "self":
            return one(self.function.receiver) if self.function.receiver is not None else UNKNOWN
        if kind in ("result", "scalars"):
            return self.result(scalars=kind == "scalars")
        if kind == "query":
            return statement(self.interpreter, self.site.activation, self.site.span, "select", self.entities(),
                             self.state, self.number, self.session)  # fmt: skip
        if kind.endswith(("instance", "instances", "row", "rows")):
            return self.instances()
        if returns.type and not returns.awaited:
            self.state.things[self.number] = Object(external=returns.type, fields={})
            return one(Ref(self.number))
        return UNKNOWN
