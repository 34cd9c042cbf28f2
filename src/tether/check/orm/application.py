"""A row of the lifecycle table, about to be applied to an abstract state: which effects happen, and to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.state import State
from tether.check.abstract.things import DETACHED, TRANSIENT, Instance, Session, Where
from tether.check.abstract.values import Value, literal
from tether.check.interpreting.interpreter import Interpreter
from tether.check.orm.subjects import attribute_names, instances_in, is_elsewhere
from tether.lifecycle.rows import Effect, Row

# Verbs that SQLAlchemy refuses for an instance that is not in the Session.
MEMBERS_ONLY = ("expire", "discard", "load", "detach")
NO_WORK: dict[str, Any] = {"work": frozenset(), "must": frozenset(), "changed": None, "flushed": None}


class Subjects:
    """One row and the state that it is applied to.

    Args:
        session: Number of the Session; -1 where there is none.
        arguments: By parameter.
        owned: A context manager that made the Session itself.
        alone: It surely is this row's function that is called, and on this Session.
    """

    def __init__(
        self, interpreter: Interpreter, where: Where, state: State, session: int,
        arguments: Mapping[str, Value], row: Row, *, owned: bool = False, raised: bool = False,
        alone: bool = True,
    ) -> None:  # fmt: skip
        self.interpreter = interpreter
        self.where = where._replace(cause=row.why)
        self.state = state
        self.number = session
        self.arguments = arguments
        self.row = row
        self.owned = owned
        self.raised = raised
        self.alone = alone
        self.key: list[Value | None] = []
        self.refused = False  # SQLAlchemy raises, because an instance is in another Session

    @property
    def session(self) -> Session | None:
        """The Session as it is now."""
        return self.state.get(self.number, Session)

    def holds(self, effect: Effect) -> bool | None:
        """Return whether an effect happens: True, False, or None for perhaps."""
        if effect.given and not self.is_given(effect.given):
            return False
        sure: bool | None = True if effect.sure else None
        if effect.when == "expire_on_commit":
            setting = self.session.expire_on_commit if self.session else None
            return None if setting is None else (sure if setting else False)
        if effect.when == "autoflush":
            setting = self.session.autoflush if self.session else None
            return None if setting is None else (sure if setting else False)
        if effect.when == "owned":
            return sure if self.owned else False
        return sure

    def is_given(self, condition: str) -> bool:
        """Return whether a parameter is given, as Effect.given says it."""
        wanted = not condition.startswith("!")
        name, _, expected = condition.removeprefix("!").partition("=")
        value = self.arguments.get(name)
        held = literal(value) if value is not None else None
        if expected:
            return (str(held) == expected) is wanted
        return (value is not None and held not in (None, False)) is wanted

    def subjects(self, effect: Effect) -> list[tuple[int, Instance]]:
        """Return the instances an effect is about."""
        if effect.to == "all":
            return self.state.members(self.number)
        if effect.to == "argument":
            value = self.arguments.get(effect.argument or next(iter(self.arguments), ""), frozenset())
            return list(instances_in(self.state, value))
        return []

    def names(self, effect: Effect) -> frozenset[str] | None:
        """Return the attributes an effect is limited to; None for all of them; empty if they are not known."""
        value = self.arguments.get(effect.attributes) if effect.attributes else None
        if value is None or literal(value) is None:
            return None
        return attribute_names(self.state, value)

    def put(self, number: int, instance: Instance, **changes: Any) -> None:
        """Change an instance."""
        self.state.things[number] = replace(instance, **changes)

    def put_session(self, **changes: Any) -> None:
        """Change the Session."""
        session = self.session
        if session is not None:
            self.state.things[self.number] = replace(session, **changes)

    def tell(self, kind: str, number: int, instance: Instance, **facts: Any) -> None:
        """Note an event about an instance in this Session."""
        self.interpreter.tell(kind, self.where, number=number, instance=instance,
                              session=self.session, **facts)  # fmt: skip

    def may_be_member(self, instance: Instance) -> bool:
        """Return whether an instance may be in this Session."""
        return not instance.states <= {DETACHED, TRANSIENT}

    def tell_given(self, number: int, instance: Instance, *, sure: bool, either: bool = False) -> None:
        """Note that an instance is given to this Session."""
        detail = (self.number, self.state.get(instance.session, Session), self.session, sure or either)
        self.interpreter.tell("given", self.where, number=number, instance=instance, detail=detail)
        self.refused |= sure and is_elsewhere(instance, *detail[:3])
