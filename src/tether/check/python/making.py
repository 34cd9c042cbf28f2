"""Sessions, factories and context managers that a call of the table makes."""

from __future__ import annotations

from tether.check.abstract.state import MAIN
from tether.check.abstract.things import PERSISTENT, Factory, Manager, Session
from tether.check.abstract.values import NOTHING, UNKNOWN, Class, External, Ref, Value, one
from tether.check.lowering.definitions import definitions, is_connection
from tether.check.orm.subjects import instances_in
from tether.check.python.methods import outside_base
from tether.check.python.table_call import TableCall

ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"


class Making(TableCall):
    """What a call makes."""

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
