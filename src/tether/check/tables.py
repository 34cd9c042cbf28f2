"""Calls that the lifecycle table knows: its effects, and what it gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tether.check.attempts import note_attempt
from tether.check.bulk import update_rows
from tether.check.definitions import definitions, is_connection
from tether.check.effects import apply_effects
from tether.check.failing import FAILED, UNREADABLE, flush_failed
from tether.check.interpreter import Interpreter
from tether.check.mapped import mapped
from tether.check.methods import outside_base
from tether.check.opaque import let_go
from tether.check.queries import (
    load,
    load_again,
    may_be,
    rows_of,
    single,
    statement,
    with_options,
)
from tether.check.sending import tell_sent
from tether.check.state import MAIN, State
from tether.check.subjects import instances_in, is_key
from tether.check.things import (
    IDLE,
    PERSISTENT,
    Collection,
    Coroutine,
    Factory,
    Instance,
    Manager,
    Object,
    Result,
    Session,
    Statement,
    Where,
)
from tether.check.transactions import joined_session
from tether.check.values import (
    NONE,
    NOTHING,
    UNKNOWN,
    Class,
    External,
    Ref,
    Value,
    literal,
    one,
    without_none,
)
from tether.lifecycle.rows import Row

ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"


class Call:
    """One call of a row of the table."""

    def __init__(
        self, interpreter: Interpreter, site: Any, state: State, function: External, row: Row
    ) -> None:
        self.interpreter = interpreter
        self.site = site
        self.state = state
        self.function = function
        self.row = row
        self.arguments = self.by_parameter()
        self.number = interpreter.number(site.activation, site.op.to, "given")
        self.session = self.find_session()

    def by_parameter(self) -> dict[str, Value]:
        """Return the arguments under the names of the row's parameters."""
        named = dict(zip(self.row.parameters, self.site.positional, strict=False))
        last = self.row.parameters[-1] if self.row.parameters else ""
        if last.startswith("*"):
            rest = (*self.site.positional[len(self.row.parameters) - 1 :], *self.site.named.values())
            named.pop(last, None)
            named[last[1:]] = NOTHING.union(*rest)
        if len(self.row.parameters) == 1 and len(self.site.positional) > 1:  # query(User, Order)
            named[self.row.parameters[0] + "*"] = frozenset()
        arguments: dict[str, Value] = {**named, **self.site.named}
        return arguments

    @property
    def receiver(self) -> Any:
        """The thing the method is called on."""
        found = self.function.receiver
        return self.state.thing(found.id) if isinstance(found, Ref) else None

    def find_session(self) -> int:
        """Return the number of the Session the call is about; -1 if there is none."""
        thing = self.receiver
        if isinstance(thing, Factory) and thing.ambient >= 0:
            return thing.ambient
        if isinstance(thing, Session) and isinstance(self.function.receiver, Ref):
            return self.function.receiver.id
        if isinstance(thing, Statement | Result | Manager):
            return thing.session
        if self.row.session in self.arguments:
            found = self.state.only(self.arguments[self.row.session], Session)
            return found[0] if found else -1
        return joined_session(self.interpreter, self.state) if self.row.session == "transaction" else -1

    def run(self) -> list[tuple[State, Value]]:
        """Return the state after the call and what it gives."""
        row, interpreter, site = self.row, self.interpreter, self.site
        if row.role == "manager":
            return [(self.state, self.manager())]
        self.before()
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

    # ------------------------------------------------------------ what it gives

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

    def entities(self) -> list[Value]:
        """Return the classes that the entity parameter, and what follows it, name."""
        if self.site.positional:
            return list(self.site.positional)
        returns = self.row.returns
        return [self.arguments[returns.argument]] if returns and returns.argument in self.arguments else []

    def setting(self, name: str) -> bool | None:
        """Return a setting of the Sessions that are made here: as it is given, or as the row has it by default."""
        if name in self.site.named:
            held = literal(self.site.named[name])
            return held if isinstance(held, bool) else None
        if self.site.more:
            return None
        thing = self.receiver
        if isinstance(thing, Factory):
            return thing.autoflush if name == "autoflush" else thing.expire_on_commit
        default = dict(self.row.defaults).get(name, "true")
        return default == "true" if default in ("true", "false") else None

    def new_session(self) -> Value:
        """Return a Session that is made here, or the one that is ambient here."""
        thing = self.receiver
        if isinstance(thing, Factory) and thing.ambient >= 0:
            return one(Ref(thing.ambient))
        if isinstance(thing, Session) and isinstance(self.function.receiver, Ref):
            return one(self.function.receiver)
        if self.row.session == "ambient" or self.row.parameters[:1] == ("instance",):
            return self.session_of_argument()
        returns = self.row.returns
        type_ = thing.makes if isinstance(thing, Factory) else (returns.type if returns else "")
        self.state.things[self.number] = Session(
            type=type_ or "sqlalchemy.orm.Session",
            expire_on_commit=self.setting("expire_on_commit"),
            autoflush=self.setting("autoflush"),
            bind=self.bind(),
            subclass=thing.subclass if isinstance(thing, Factory) else None,
            made=self.site.activation.where(self.site.span),
            escaped=self.is_bound_to_connection(),
            managed=MAIN in self.state.path,
        )
        return one(Ref(self.number))

    def bind(self) -> Value:
        """Return what a Session or sessionmaker that is made here is bound to."""
        thing = self.receiver
        given = self.site.named.get("bind") or (self.site.positional[0] if self.site.positional else NOTHING)
        return given or (thing.bind if isinstance(thing, Factory) else NOTHING)

    def is_bound_to_connection(self) -> bool:
        """Return whether the Session takes part in a transaction that somebody else ends."""
        bind = [register for name, register in self.site.op.named if name == "bind"] + list(
            self.site.op.positional[:1]
        )
        defined = definitions(self.site.activation.body)
        return any(is_connection(defined, register) for register in bind)

    def session_of_argument(self) -> Value:
        """Return the Session of an instance, as ``object_session()`` does."""
        for _, instance in instances_in(self.state, self.arguments.get("instance", frozenset())):
            if instance.session >= 0 and instance.states == frozenset({PERSISTENT}):
                return one(Ref(instance.session))
        return UNKNOWN

    def new_factory(self) -> Value:
        """Return a sessionmaker or a registry of Sessions."""
        returns = self.row.returns
        type_ = returns.type if returns else "sqlalchemy.orm.sessionmaker"
        asynchronous = "async" in type_
        makes = ASYNC_SESSION if asynchronous else "sqlalchemy.orm.Session"
        given = self.arguments.get("class_", frozenset())
        subclass = None
        for atom in given:
            if isinstance(atom, External):
                makes = self.interpreter.canonical(atom.name)
            elif isinstance(atom, Class):
                makes, subclass = outside_base(self.interpreter, atom) or makes, atom
        expire = self.setting("expire_on_commit")
        ambient = -1
        if returns is not None and returns.kind == "scoped session":
            ambient, expire = self.interpreter.number(self.site.activation, self.site.op.to, "ambient"), True
            made_by = next(
                iter(self.state.of(self.arguments.get("session_factory", frozenset()), Factory)), None
            )
            if made_by is not None:
                expire, makes, subclass = made_by[1].expire_on_commit, made_by[1].makes, made_by[1].subclass
            self.state.things[ambient] = Session(
                type=makes,
                expire_on_commit=expire,
                owner="ambient",
                subclass=subclass,
                made=self.site.activation.where(self.site.span),
            )
        self.state.things[self.number] = Factory(type=type_, makes=makes, expire_on_commit=expire, ambient=ambient,
                                                 subclass=subclass, autoflush=self.setting("autoflush"),
                                                 bind=self.bind())  # fmt: skip
        return one(Ref(self.number))

    def manager(self) -> Value:
        """Return a context manager that waits to be entered."""
        session, owned = self.session, False
        gives = UNKNOWN
        if self.row.session == "result":
            value = self.new_session()
            (made,) = value
            assert isinstance(made, Ref)
            session, owned, gives = made.id, True, value
        elif (
            self.row.returns is not None
            and self.row.returns.kind == "self"
            and self.function.receiver is not None
        ):
            gives = one(self.function.receiver)
        number = self.interpreter.number(self.site.activation, self.site.op.to, "manager")
        self.state.things[number] = Manager(
            row=self.row, session=session, owned=owned, gives=gives, arguments=self.arguments, registers={}
        )
        if session >= 0:
            self.interpreter.touch(session)
        return one(Ref(number))

    def statement(self) -> Statement | None:
        """Return the statement that is executed here."""
        returns = self.row.returns
        if isinstance(self.receiver, Statement):
            return self.receiver
        argument = returns.argument if returns and returns.argument else "statement"
        found = self.state.only(self.arguments.get(argument, frozenset()), Statement)
        return found[1] if found else None

    def result(self, *, scalars: bool) -> Value:
        """Return the result of a statement, or the same result seen otherwise."""
        type_ = self.row.returns.type if self.row.returns else ""
        if isinstance(self.receiver, Result):
            scalars = scalars or self.receiver.scalars
            found = replace(self.receiver, type=type_ or self.receiver.type, scalars=scalars)
        else:
            executed = self.statement() or Statement(verb="unknown")
            self.told_execution(executed)
            found = Result(
                statement=executed, session=self.session, type=type_ or "sqlalchemy.engine.Result", scalars=scalars,
                made=self.site.activation.where(self.site.span),
            )  # fmt: skip
        self.state.things[self.number] = found
        return one(Ref(self.number))

    def told_execution(self, executed: Statement) -> None:
        """Apply what executing does besides giving rows: populate_existing, and UPDATE and DELETE."""
        session = self.state.get(self.session, Session)
        if session is not None and executed.verb in ("update", "delete", "insert"):
            where = self.site.activation.where(self.site.span)
            self.state.things[self.session] = replace(
                session, work=session.work | {"flushed"}, must=session.must | {"flushed"},
                changed=session.changed or where,
            )  # fmt: skip
        if executed.verb == "select":
            self.told_rows(executed)
        update_rows(self.interpreter, self.state, self.session, executed,
                    self.site.activation.where(self.site.span, "bulk update"))  # fmt: skip
        for number, instance in self.state.members(self.session):
            touched = any(atom == instance.model for entity in executed.entities for atom in entity)
            if executed.verb == "unknown" or (touched and executed.verb in ("update", "delete")):
                self.state.things[number] = replace(instance, flags=instance.flags | {"unsure"})
            elif touched and executed.refreshes:
                for name, where in (
                    list(instance.changed.items())[:1] if PERSISTENT in instance.states else ()
                ):
                    at = self.site.activation.where(self.site.span, "populate_existing")
                    self.interpreter.tell(
                        "discard", at, number=number, instance=instance, attribute=name, detail=where
                    )
                facts = {name: held | {"unsure"} for name, held in instance.attributes.items()}
                self.state.things[number] = replace(
                    instance, attributes=facts, flags=instance.flags | {"unsure"}
                )

    def told_rows(self, executed: Statement) -> None:
        """A SELECT loads what its rows lack, whether or not anybody looks at them."""
        models = [atom for entity in executed.entities for atom in entity if isinstance(atom, Class)]
        rows = [
            (number, instance)
            for number, instance in self.state.members(self.session)
            if any(may_be(self.interpreter, instance.model, model) for model in models)
        ]
        load_again(self.state, rows)

    def instances(self) -> Value:
        """Return instances, or rows, that the call gives."""
        returns, site, interpreter = self.row.returns, self.site, self.interpreter
        assert returns is not None
        many = returns.kind.endswith("s")
        optional = returns.kind.startswith("optional")
        if returns.of == "argument":
            return self.copies(many=many)
        where = site.activation.where(site.span)
        if returns.of in ("receiver", "statement"):
            found = self.receiver if isinstance(self.receiver, Result) else None
            if found is None:
                executed = self.statement()
                if executed is None:
                    return UNKNOWN
                scalars = returns.of == "statement" or len(executed.entities) == 1
                self.told_execution(executed)
                found = Result(statement=executed, session=self.session, scalars=scalars, made=where)
            if "row" not in returns.kind:
                found = replace(found, scalars=True)
            if not many:
                return single(interpreter, site.activation, site.span, self.state, found, optional=optional)
            return self.all_of(found)
        entity = self.entities()[:1]
        if entity and len(entity[0]) == 1:
            (atom,) = entity[0]
            mapping = mapped(interpreter, atom) if isinstance(atom, Class) else None
            if isinstance(atom, Class) and mapping is not None:
                made = load(interpreter, self.state, self.number, atom, self.session, where,
                            options=self.options())  # fmt: skip
                self.note_key(mapping.primary_key(), optional=optional)
                return made | NONE if optional else made
        return UNKNOWN

    def note_key(self, names: tuple[str, ...], *, optional: bool) -> None:
        """Keep the primary key that the row was asked for with."""
        key = self.arguments.get("ident")
        instance = self.state.get(self.number, Instance)
        if key is not None and len(names) == 1 and instance is not None and is_key(key):
            flags = instance.flags | {"perhaps"} if optional else instance.flags
            self.state.things[self.number] = replace(instance, held={names[0]: key}, flags=flags)

    def options(self) -> Any:
        """Return the loader options of ``get(..., options=[...])``."""
        value = self.site.named.get("options")
        if value is None:
            return ()
        held = self.state.only(value, Collection)
        if held is None or (held[1].element and not held[1].items):
            return None
        return with_options(self.state, (), list(held[1].items.values()))

    def all_of(self, found: Result) -> Value:
        """Return a list of all rows."""
        element = rows_of(self.interpreter, self.site.activation, self.site.span, self.state, found, "all")
        number = self.interpreter.number(self.site.activation, self.site.op.to, "list")
        whole = found.statement.verb == "select" and not found.statement.narrowed
        self.state.things[number] = Collection(
            kind="list",
            element=element,
            items={},
            made=self.site.activation.where(self.site.span),
            unbounded=whole,
        )
        return one(Ref(number))

    def copies(self, *, many: bool) -> Value:
        """Return what ``merge()`` gives: another instance of the same row, in the Session."""
        where = self.site.activation.where(self.site.span, "merge")
        returns = self.row.returns
        value = without_none(self.arguments.get(returns.argument if returns else "instance", frozenset()))
        found = list(instances_in(self.state, value))
        for number, instance in found:
            self.interpreter.tell("merge", where, number=number, instance=instance,
                                  session=self.state.get(self.session, Session), detail=self.session)  # fmt: skip
        if many or len(found) != 1 or len(value) != 1:
            return UNKNOWN
        number, instance = found[0]
        if instance.session == self.session and instance.states == frozenset({PERSISTENT}):
            return value  # merge() of an instance that is there gives itself
        self.work_moves(instance, where)
        self.state.things[number] = replace(instance, merged=where, written={}, changed={}, lost={})
        self.state.things[self.number] = Instance(
            model=instance.model,
            session=self.session,
            attributes={name: facts | {"unsure"} for name, facts in instance.attributes.items()},
            held={},
            changed={},
            written={},
            loaded=where,
            others=True,
            flags=frozenset({"unsure", "merge result"}),
        )
        return one(Ref(self.number))

    def work_moves(self, instance: Instance, where: Where) -> None:
        """What was pending in one Session is merged into another: whoever commits first saves it."""
        first = self.state.get(instance.session, Session)
        if first is not None and "pending" in instance.states:
            self.state.things[instance.session] = replace(first, must=first.must - {"added"})
        session = self.state.get(self.session, Session)
        if session is not None:
            self.state.things[self.session] = replace(
                session, work=session.work | {"added"}, changed=session.changed or where
            )
