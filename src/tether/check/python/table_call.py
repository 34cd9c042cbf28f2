"""A call that the lifecycle table knows: what it is given, and the Session it is about."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Factory, Manager, Result, Session, Statement
from tether.check.abstract.values import NOTHING, External, Ref, Value, literal
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.transactions import joined_session
from tether.lifecycle.rows import Row


class TableCall:
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

    def statement(self) -> Statement | None:
        """Return the statement that is executed here."""
        returns = self.row.returns
        if isinstance(self.receiver, Statement):
            return self.receiver
        argument = returns.argument if returns and returns.argument else "statement"
        found = self.state.only(self.arguments.get(argument, frozenset()), Statement)
        return found[1] if found else None
