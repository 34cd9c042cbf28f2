"""What happens on the way, as the rules see it: an event with the state before it."""

from __future__ import annotations

from typing import Any, NamedTuple

from tether.check.abstract.things import EXPIRED, Instance, Session, Where, surely


class Event(NamedTuple):
    """One thing the program does.

    Attributes:
        kind: What happens; the rules say which kinds they look at.
        where: The line.
        calls: The calls that led there, the outermost first.
        number: Of the instance, so that events about the same one can be put together.
        instance: The instance as it was before.
        attribute: The attribute's name, or "".
        session: The Session it is about, as it was before.
        in_loop: The line of the innermost loop whose element the instance is, or None.
        asynchronous: It happens in a coroutine.
        detail: What only some kinds have.
        path: The way that led to the attribute, where no line of the program says it: ``Order.user.name``.
    """

    kind: str
    where: Where
    calls: tuple[Where, ...] = ()
    number: int = -1
    instance: Instance | None = None
    attribute: str = ""
    session: Session | None = None
    in_loop: Where | None = None
    asynchronous: bool = False
    detail: Any = None
    path: str = ""

    def is_of_one_way(self) -> bool:
        """Return whether it is a read of what surely is expired: wrong, whatever is loaded on another way to here."""
        return self.kind == "read" and surely(self.detail[0], EXPIRED)
