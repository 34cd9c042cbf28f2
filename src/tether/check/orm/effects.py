"""The effects of the lifecycle table, applied to the abstract state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tether.check.abstract.changing import replace
from tether.check.abstract.facts_of_loading import EFFECT_FACTS
from tether.check.abstract.idling import idle, not_idle
from tether.check.abstract.state import EXPIRED_ALL, UNREAD, State
from tether.check.abstract.things import (
    CLOSED,
    DETACHED,
    EXPIRED,
    LOADED,
    PENDING,
    PERSISTENT,
    TRANSIENT,
    UNSURE,
    Instance,
    Session,
    Where,
    surely,
)
from tether.check.abstract.values import UNKNOWN, RowKey, Value, one
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.uses import is_given_too
from tether.check.orm.alternatives import is_either
from tether.check.orm.application import MEMBERS_ONLY, NO_WORK, Subjects
from tether.check.orm.belonging import GIVEN
from tether.check.orm.handing_over import (
    captured,
    handed,
    handed_over,
    is_awaited,
    named_sessions,
    sessions_behind,
)
from tether.check.orm.mapped import mapped
from tether.check.orm.queries import loaded_too
from tether.check.orm.sending import UNCOMMITTED, end_of_work
from tether.check.orm.subjects import (
    ATTACHED,
    after_insert,
    after_update,
    columns_after_update,
    instances_in,
    is_foreign,
    is_key,
    is_row,
    keys_kept,
    receivers,
)
from tether.lifecycle.rows import Effect, Row


class Application(Subjects):
    """One row applied to one state: a method for each verb of the table."""

    def apply(self, effects: Iterable[Effect]) -> None:
        """Apply effects in their order."""
        effects = tuple(effects)
        given = next((effect for effect in effects if effect.to == "argument" and self.number >= 0), None)
        if given is not None and given.verb != "copy":
            found = self.subjects(given)
            either = self.alone and is_either(self.interpreter, self.where, [held for _, held in found])
            for number, instance in found:
                self.tell_given(number, instance, sure=len(found) == 1 and self.alone, either=either)
                if given.verb in MEMBERS_ONLY and len(found) == 1:
                    sessions = [self.number] if self.alone else receivers(self.interpreter.called)
                    foreign = is_foreign(self.state, instance, sessions)
                    if foreign:
                        self.tell("given by caller", number, instance)
                    self.refused |= foreign or (self.alone and not self.may_be_member(instance))
            if self.refused:
                return
        if effects:
            not_idle(self.state, self.number)
        for effect in effects:
            sure = self.holds(effect)
            if sure is False:
                continue
            method = getattr(self, "do_" + effect.verb.replace(" ", "_"), None)
            if method is not None:
                method(effect, sure is True)

    def do_flush(self, effect: Effect, sure: bool) -> None:
        """Write what is pending and changed; what the database computes is left unloaded."""
        flushed = False
        for number, instance in self.state.members(self.number):
            mapping = mapped(self.interpreter, instance.model)
            if "deleted" in instance.flags and EXPIRED in instance.columns and instance.states <= ATTACHED:
                # run on 2.0 and 2.1: the DELETE reads the primary key, and that loads every expired column
                known = {name: facts | {UNSURE} for name, facts in instance.attributes.items()}
                flags = (instance.flags - {"all expired"}) | {"unsure"}
                self.put(number, instance, columns=frozenset({LOADED}), flags=flags, attributes=known)
            elif surely(instance.states, PENDING):
                flushed = True
                self.put(number, instance, **after_insert(mapping, instance))
            elif (instance.changed or instance.touched) and instance.states <= ATTACHED:
                flushed = flushed or bool(instance.changed)
                made = after_update(mapping, instance, sure=sure)
                self.put(number, instance, changed={}, touched=None, expired=self.where, attributes=made,
                         columns=columns_after_update(instance))  # fmt: skip
                if any(surely(facts, EXPIRED) for facts in made.values()):
                    self.state.path |= {UNREAD}
        session = self.session
        if session is not None and flushed:
            self.put_session(
                work=session.work | {"flushed"},
                must=(session.must - {"added"}) | ({"flushed"} if sure else frozenset()),
                changed=session.changed or self.where,
                flushed=self.where,
            )

    def do_expire(self, effect: Effect, sure: bool) -> None:
        """Forget what was loaded."""
        names = self.names(effect)
        for number, instance in self.subjects(effect):
            if not instance.states & {PERSISTENT, UNSURE} or (
                effect.when == "inside" and not instance.changed
            ):
                continue
            if sure and GIVEN in instance.flags and self.row.why in ("rollback", "commit"):
                instance = replace(instance, states=frozenset({PERSISTENT}))
            strong = sure and surely(instance.states, PERSISTENT) and not (names is not None and not names)
            expired = frozenset({EXPIRED})
            if names is None:
                self.put(
                    number, instance,
                    columns=expired if strong else instance.columns | expired,
                    attributes={} if strong else {n: f | expired for n, f in instance.attributes.items()},
                    flags=(instance.flags - {"unsure", "tried"}) | {"all expired"} if strong else instance.flags,
                    held=keys_kept(mapped(self.interpreter, instance.model), instance) if strong else instance.held,
                    expired=instance.expired if "all expired" in instance.flags else self.where,
                )  # fmt: skip
            else:
                attributes = {**instance.attributes, **dict.fromkeys(names, expired)}
                self.put(number, instance, attributes=attributes, expired=self.where)
            if strong and effect.to == "all" and self.session is not None and self.session.asynchronous:
                self.state.path |= {EXPIRED_ALL} if effect.when != "inside" else set()

    def do_load(self, effect: Effect, sure: bool) -> None:
        """Load columns, or the named attributes."""
        names = self.names(effect)
        for number, instance in self.subjects(effect):
            if names is None:
                loaded_too(self.interpreter, self.state, self.number, number)
                # as a query without options does, and with those of the query that first loaded the row
                attributes = {name: EFFECT_FACTS[effect] for name, effect, _ in instance.options if name}
                flags = (instance.flags - {"all expired", "tried"}) | {"queried"}
                self.put(number, instance, columns=frozenset({LOADED}), attributes=attributes, flags=flags)
            elif not names:  # some, but which is not known
                attributes = {name: facts | {UNSURE} for name, facts in instance.attributes.items()}
                self.put(number, instance, columns=instance.columns | {UNSURE}, attributes=attributes,
                         flags=instance.flags | {"unsure"})  # fmt: skip
            else:
                attributes = {**instance.attributes, **dict.fromkeys(names, frozenset({LOADED}))}
                self.put(number, instance, attributes=attributes)

    def do_detach(self, effect: Effect, sure: bool) -> None:
        """Take instances out of the Session."""
        for number, instance in self.subjects(effect):
            elsewhere = effect.to == "argument" and instance.session != self.number
            if elsewhere or not instance.states & {PERSISTENT, PENDING, UNSURE}:
                continue
            lost = self.taken_along(instance)
            if PENDING in instance.states and effect.to == "argument" and self.session is not None:
                self.put_session(must=self.session.must - {"added"})
            gone = frozenset(
                {DETACHED if state in (PERSISTENT, "deleted") else state for state in instance.states}
            )
            gone = frozenset({TRANSIENT if state == PENDING else state for state in gone})
            self.put(number, instance, states=gone if sure else instance.states | gone, detached=self.where,
                     lost=lost, flags=instance.flags - {GIVEN})  # fmt: skip

    def taken_along(self, instance: Instance) -> dict[str, tuple[Where, Where]]:
        """Return the changes that leave the Session with an instance: lost, unless something brings it back."""
        if self.raised or self.state.in_handler() or not surely(instance.states, PERSISTENT):
            return {}
        return {name: (where, self.where) for name, where in instance.changed.items()}

    def discarded(self, number: int, instance: Instance, names: frozenset[str] | None = None) -> None:
        """Note that changes which were not flushed are lost here."""
        lost = [
            name
            for name, at in instance.changed.items()
            if (names is None or name in names) and not self.is_saved_otherwise(at)
        ]
        if lost and instance.states <= ATTACHED and not self.raised and not self.state.in_handler():
            self.tell("discard", number, instance, attribute=lost[0], detail=tuple(lost))

    def is_saved_otherwise(self, at: Where) -> bool:
        """Return whether a call is given what was written at a place, too: ``update(User).values(name=name)``."""
        return is_given_too(self.interpreter.project.module(at.module).bodies[at.body], at[2:6])

    def do_discard(self, effect: Effect, sure: bool) -> None:
        """Drop changes that were not flushed."""
        names = self.names(effect)
        for number, instance in self.subjects(effect):
            if effect.when == "inside" and not instance.changed:
                continue
            if sure and self.row.why != "rollback" and instance.session == self.number:
                self.discarded(number, instance, names)
            kept = {} if names is None else {n: w for n, w in instance.changed.items() if n not in names}
            if instance.changed or instance.touched:
                touched = instance.touched if names is not None else None
                self.put(number, instance, changed=kept, touched=touched)

    def do_make_transient(self, effect: Effect, sure: bool) -> None:
        """Instances that were inserted or added in this transaction lose their place."""
        for number, instance in self.subjects(effect):
            if effect.when == "new" and not (instance.fresh or instance.states & {PENDING}):
                continue
            gone = frozenset({TRANSIENT})
            session = self.session
            if session is not None:
                self.put_session(must=session.must - {"added", "flushed"})
            certain = sure and (effect.when != "new" or surely(instance.states, PENDING))
            self.put(
                number, instance, states=gone if certain else instance.states | gone | {UNSURE}, session=-1
            )

    def do_make_detached(self, effect: Effect, sure: bool) -> None:
        """make_transient_to_detached(): what was never set is expired."""
        for number, instance in self.subjects(effect):
            columns = frozenset({EXPIRED, UNSURE} if "more given" in instance.flags else {EXPIRED})
            self.put(number, instance, states=frozenset({DETACHED}), columns=columns)

    def is_looked_for(self, new: Instance, same: Sequence[Instance]) -> bool:
        """Return whether the function that made a new instance has queried for others of its class: for that row."""
        return new.loaded is not None and any(
            isinstance(row, Instance)
            and row.model == new.model
            and row.loaded is not None
            and row.loaded[:2] == new.loaded[:2]
            and "created" not in row.flags
            and row not in same
            for row in self.state.things.values()
        )

    def do_add(self, effect: Effect, sure: bool) -> None:
        """Put instances into the Session, with what their relationships hold."""
        self.put_session(joined=True)
        for number, instance in self.subjects(effect):
            self.same_key(number, instance)
            self.put_in(number, instance, {number})

    def same_key(self, number: int, instance: Instance) -> None:
        """Tell of a new instance that surely has the primary key of a row that is there."""
        mapping = mapped(self.interpreter, instance.model)
        if mapping is None or not surely(instance.states, TRANSIENT):
            return
        key = [instance.held.get(name) for name in mapping.primary_key()]
        if not key or any(value is None or not is_key(value) for value in key):
            return
        if self.interpreter.run is not None and self.interpreter.run.is_caught():
            return  # inserted unless it exists
        rows = [
            row
            for other, row in {**self.state.base, **self.state.things}.items()
            if isinstance(row, Instance)
            and row.model == instance.model
            and other != number
            and key == [row.held.get(name, one(RowKey(other, name))) for name in mapping.primary_key()]
        ]
        if any(row.flags & {"deleted", "perhaps"} for row in rows) or self.is_looked_for(instance, rows):
            return  # gone by now, or the program has asked whether it is there
        self.key = key
        for row in rows:
            if is_row(row) and self.same_database(row):
                self.interpreter.tell("same key", self.where, number=number, instance=instance, detail=row)
                if self.session is not None:
                    self.put_session(work=self.session.work | {"doomed"})
                return

    def same_database(self, row: Instance) -> bool:
        """Return whether the row surely is in the database that the Session writes to."""
        if row.session == self.number:
            return True
        if not any(isinstance(atom, RowKey) for value in self.key for atom in value or ()):
            return False  # a literal: the row may be gone by now
        mine, theirs = self.session, self.state.get(row.session, Session)
        return bool(mine and theirs and mine.bind and mine.bind == theirs.bind and mine.bind != UNKNOWN)

    def put_in(self, number: int, instance: Instance, seen: set[int]) -> None:
        """Put one instance, and what was set on its relationships, into the Session."""
        places = {TRANSIENT: PENDING, DETACHED: PERSISTENT}
        states = frozenset({places.get(state, state) for state in instance.states})
        new = {UNCOMMITTED} if self.alone and surely(instance.states, TRANSIENT) else set()
        self.put(number, instance, states=states, session=self.number, written={}, lost={}, merged=None,
                 flags=instance.flags | new)  # fmt: skip
        for other, relative in self.state.family(number):
            if relative.written or relative.lost:
                self.put(other, relative, written={}, lost={}, merged=None)
        session = self.session
        if session is not None and (PENDING in states or instance.changed):
            must = session.must | ({"added"} if surely(states, PENDING) else frozenset())
            self.put_session(work=session.work | {"added"}, must=must, changed=session.changed or self.where)
        for value in instance.held.values():
            for held, child in instances_in(self.state, value):
                if held in seen:
                    continue
                seen.add(held)
                self.tell_given(held, child, sure=self.alone)
                if child.states & {TRANSIENT, DETACHED}:
                    self.same_key(held, child)
                    self.put_in(held, child, seen)

    def do_delete(self, effect: Effect, sure: bool) -> None:
        """Mark instances to be deleted."""
        for number, instance in self.subjects(effect):
            self.tell("delete", number, instance, detail=self.number)
            self.put(number, instance, flags=instance.flags | {"deleted"}, written={}, lost={}, merged=None)
            session = self.session
            if session is not None:
                self.put_session(work=session.work | {"added"}, must=session.must | {"added"},
                                 changed=session.changed or self.where)  # fmt: skip

    def do_commit(self, effect: Effect, sure: bool) -> None:
        """What was done is kept."""
        session = self.session
        if session is not None and session.changed is not None:
            self.interpreter.tell("commit", self.where, session=session, number=self.number)
        self.put_session(**NO_WORK)
        idle(self.state, self.number, sure=sure and not self.raised and effect.when != "inside")
        end_of_work(self.state, self.number)
        for number, instance in self.state.members(self.number):
            if instance.fresh and sure:
                self.put(number, instance, fresh=False, flags=instance.flags | {"inserted"})

    def do_rollback(self, effect: Effect, sure: bool) -> None:
        """What was done is lost."""
        session = self.session
        if session is not None and self.row.why in ("close", "reset") and not self.raised:
            self.interpreter.tell("end", self.where, session=session, number=self.number, detail=self.state)
        self.put_session(**NO_WORK)
        idle(self.state, self.number, sure=sure and not self.raised and effect.when != "inside")
        end_of_work(self.state, self.number)

    def do_close(self, effect: Effect, sure: bool) -> None:
        """The Session gives up its connection."""
        session = self.session
        if session is None:
            return
        if not self.raised:
            self.interpreter.tell("end", self.where, session=session, number=self.number, detail=self.state)
        life = frozenset({CLOSED}) if sure else session.life | {CLOSED}
        self.put_session(life=life, ended=self.where, **NO_WORK)
        idle(self.state, self.number, sure=sure and not self.raised)
        end_of_work(self.state, self.number)

    def do_read(self, effect: Effect, sure: bool) -> None:
        """Every attribute may be read here: a serialiser."""
        for number, instance in self.subjects(effect):
            self.tell("serialise", number, instance, detail=self.row.on[0].partition(".")[0])
            not_idle(self.state, instance.session)  # reading may load
            self.put(number, instance, written={}, lost={})  # the change goes where the bytes go

    def do_hand_over(self, effect: Effect, sure: bool) -> None:
        """The argument goes to another thread, process or task; nothing is told where this one waits for it."""
        awaited = is_awaited(self.interpreter, self.where)
        for value in handed_over(self.arguments, effect):
            value |= captured(self.interpreter, self.state, value)
            for number, session in sessions_behind(self.state, value):
                self.state.things[number] = replace(session, escaped=True)
            if not sure or awaited:
                continue
            for number, instance in handed(self.interpreter, self.state, self.arguments, value):
                self.tell("hand over", number, instance, detail=self.row)
            for number, session in named_sessions(self.state, value):
                self.interpreter.tell(
                    "hand over", self.where, number=number, session=session, detail=self.row
                )

    def do_keep(self, effect: Effect, sure: bool) -> None:
        """The argument is kept after the call."""
        for number, instance in self.subjects(effect):
            if is_row(instance):
                self.tell("kept", number, instance, detail="a cache")

    def do_begin(self, effect: Effect, sure: bool) -> None:
        """A transaction begins, and with it a connection is held."""
        session = self.session
        if session is not None:
            self.put_session(must=session.must | {"begun"})


def apply_effects(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, effects: Iterable[Effect],
    session: int, arguments: Mapping[str, Value], row: Row, owned: bool = False, raised: bool = False,
    alone: bool = True,
) -> bool:  # fmt: skip
    """Apply effects of a row to a state; False if the call surely raises instead.

    What an exception drops on its way out is no finding (*raised*).
    """
    if session >= 0 and row.raises:
        interpreter.touch(session)
    application = Application(
        interpreter,
        activation.where(span),
        state,
        session,
        arguments,
        row,
        owned=owned,
        raised=raised,
        alone=alone,
    )
    application.apply(effects)
    return not application.refused


def close_session(
    interpreter: Interpreter,
    activation: Activation,
    span: ops.Span,
    state: State,
    number: int,
    *,
    raised: bool,
) -> None:
    """Leave ``with session:``."""
    session = state.get(number, Session)
    if session is None:
        return
    name = "__aenter__" if session.asynchronous else "__enter__"
    row = interpreter.row(session.type, name)
    if row is not None:
        apply_effects(interpreter, activation, span, state, row.leaving, number, {}, row, raised=raised)
