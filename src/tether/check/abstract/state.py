"""The abstract state at one point of the program: registers, and the things that they and variables refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from operator import is_not
from typing import Any, TypeVar

from tether.check.abstract.things import EXPIRED, Instance, Session, Thing, surely
from tether.check.abstract.values import NOTHING, UNKNOWN, Ref, Value, join

T = TypeVar("T")
MAIN = "main"  # on the path of a state inside ``if __name__ == "__main__":``
# On the path of a state in which an AsyncSession expired what it has: what cannot be read there can be on other ways.
EXPIRED_ALL = "expired all"
# On the path of a state in which an UPDATE surely left a column of some instance unloaded.
UNREAD = "unread"
# On the path of a state in which a flush failed, the error was caught, and no transaction has ended since.
UNRECOVERED = "unrecovered"
MARKS = frozenset({EXPIRED_ALL, UNREAD, UNRECOVERED})


class State:
    """What may be true at one point.

    Attributes:
        things: Numbered things made on the way here.
        base: Those of the modules, which are shared by all functions.
        registers: Of the body that is being run.
        path: The exception handlers that were passed on the way. States with different ones are not joined, so that
            what is true after an error was caught stays true there.
        dead: Nothing comes after this: an exception surely left.
        swallowed: The context manager that was just left swallowed an exception.
    """

    __slots__ = ("base", "dead", "path", "registers", "swallowed", "things")

    def __init__(self, base: Mapping[int, Thing]) -> None:
        self.base = base
        self.things: dict[int, Thing] = {}
        self.registers: dict[int, Value] = {}
        self.path: frozenset[Any] = frozenset()
        self.swallowed = False
        self.dead = False

    def copy(self) -> State:
        """Return a state that changes on its own."""
        other = State(self.base)
        other.things = self.things.copy()
        other.registers = self.registers.copy()
        other.path = self.path
        other.swallowed = self.swallowed
        return other

    def in_handler(self) -> bool:
        """Return whether an exception handler was passed on the way."""
        return not self.path <= MARKS

    def carried(self, registers: Iterable[int], path: frozenset[Any]) -> State:
        """Return a copy as it goes into another block: with those registers only that are read there."""
        other = State(self.base)
        other.things = self.things.copy()
        mine = self.registers
        other.registers = {register: mine[register] for register in registers if register in mine}
        other.path = path
        return other

    def thing(self, number: int) -> Thing | None:
        """Return a thing by its number."""
        found = self.things.get(number)
        return found if found is not None else self.base.get(number)

    def get(self, number: int, kind: type[T]) -> T | None:
        """Return a thing by its number if it is of one kind."""
        found = self.thing(number)
        return found if isinstance(found, kind) else None

    def of(self, value: Value, kind: type[T]) -> Iterator[tuple[int, T]]:
        """Yield number and thing of each thing of one kind that *value* may be."""
        for atom in value:
            if isinstance(atom, Ref):
                found = self.get(atom.id, kind)
                if found is not None:
                    yield atom.id, found

    def only(self, value: Value, kind: type[T]) -> tuple[int, T] | None:
        """Return number and thing if *value*, where it is not None, surely is one thing of this kind."""
        found = list(self.of(value, kind))
        others = [atom for atom in value if not isinstance(atom, Ref)]
        plain = all(getattr(atom, "value", 0) is None for atom in others)
        return found[0] if len(found) == 1 and len(value) - len(others) == 1 and plain else None

    def members(self, session: int) -> list[tuple[int, Instance]]:
        """Return the instances that are, or may be, in a Session, or were when it ended."""
        # What is in the Session of a module may be a thing of the module too.
        everything = {**self.base, **self.things} if session in self.base else self.things
        return [
            (number, thing)
            for number, thing in everything.items()
            if isinstance(thing, Instance) and thing.session == session
        ]

    def family(self, number: int) -> list[tuple[int, Instance]]:
        """Return the other instances that stand for rows of the same collection."""
        mine = self.get(number, Instance)
        common = mine.of if mine is not None and mine.of >= 0 else number
        return [
            (other, thing)
            for other, thing in self.things.items()
            if isinstance(thing, Instance) and other != number and common in (thing.of, other)
        ]

    def sessions(self) -> list[tuple[int, Session]]:
        """Return the Sessions made on the way here."""
        return [(number, thing) for number, thing in self.things.items() if isinstance(thing, Session)]

    def read(self, register: int) -> Value:
        """Return what a register holds; None for a missing one."""
        return self.registers.get(register, UNKNOWN)

    def has_unread(self) -> bool:
        """Return whether a column of some instance surely is unloaded, while others of it are loaded."""
        return any(
            surely(facts, EXPIRED)
            for thing in self.things.values()
            if isinstance(thing, Instance) and thing.attributes and EXPIRED not in thing.columns
            for facts in thing.attributes.values()
        )

    def join(self, other: State) -> State:
        """Return the state that is true after either."""
        joined = State(self.base)
        joined.path = self.path
        joined.registers = join_registers(self.registers, other.registers)
        joined.things = self.things | self.news_of_things(other)
        return joined

    def joined_with_news(self, other: State, registers: Iterable[int]) -> State | None:
        """Return the state that is true after either; None if *other* brings no news in its things and *registers*."""
        mine, theirs = self.registers, other.registers
        held: dict[int, Value] = {}
        for register in registers:
            value = theirs.get(register)
            if value is None or value is (known := mine.get(register)):
                continue
            if known is None:
                held[register] = value
            elif value != known and (either := join((known, value))) != known:
                held[register] = either
        things = self.news_of_things(other)
        if not things and not held:
            return None
        joined = State(self.base)
        joined.path = self.path
        joined.registers = mine | held if held else mine
        joined.things = self.things | things if things else self.things
        return joined

    def news_of_things(self, other: State) -> dict[int, Thing]:
        """Return the things that are not here as they would be in a join with *other*."""
        mine, theirs = self.things, other.things
        news: dict[int, Thing] = {}
        # Nearly all are the very same object in both.
        for number in compress(theirs, map(is_not, map(mine.get, theirs), theirs.values())):
            held, given = mine.get(number), theirs[number]
            if held is None:
                before = self.base.get(number)
                if before is None or before is given:
                    news[number] = given
                elif before != given:
                    news[number] = join_things(before, given)
            elif held != given and (joined := join_things(held, given)) != held:
                news[number] = joined
        return news


def join_registers(mine: dict[int, Value], theirs: dict[int, Value]) -> dict[int, Value]:
    """Return what each register may hold."""
    joined = mine.copy()
    for register, value in theirs.items():
        held = joined.get(register, NOTHING)
        if held is not value:
            joined[register] = join((held, value)) if held else value
    return joined


def join_things(mine: Any, theirs: Any) -> Any:
    """Return what a thing may be; of two different kinds the one that knows less to tell is kept."""
    if type(mine) is type(theirs):
        return mine.join(theirs)
    return min(mine, theirs, key=lambda thing: type(thing).__name__)
