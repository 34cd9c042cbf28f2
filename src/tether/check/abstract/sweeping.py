"""What a call leaves behind that nobody can reach any more is taken out of the state, so that states stay small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import (
    Collection,
    Coroutine,
    Factory,
    Frame,
    Instance,
    Manager,
    Object,
    Result,
    Session,
    Statement,
    Thing,
)
from tether.check.abstract.values import Function, KeyTest, Ref, RowKey, Value

WORTH_IT = 12  # things that a call made


def sweep(before: Mapping[int, Thing], after: State, value: Value) -> None:
    """Remove the things made since *before* that neither *value* nor anything older leads to.

    Sessions stay, and instances with a change: what becomes of these is told later.
    """
    things = after.things
    if len(things) - len(before) < WORTH_IT:
        return
    new = things.keys() - before.keys()
    waiting = [number for atom in value for number in numbers(atom)]
    for number, thing in things.items():
        if number in new:
            if isinstance(thing, Session) or (isinstance(thing, Instance) and is_told_later(thing)):
                waiting.append(number)
        elif thing is not before[number]:
            waiting += leads_to(thing)
    for number in new - reached({number: things[number] for number in new}, waiting).keys():
        del things[number]


def reached(things: Mapping[int, Thing], waiting: Iterable[int]) -> dict[int, Thing]:
    """Return those of *things* that some of them, by their numbers, are or lead to."""
    left = list(waiting)
    found: dict[int, Thing] = {}
    while left:
        number = left.pop()
        thing = things.get(number)
        if thing is not None and number not in found:
            found[number] = thing
            left += leads_to(thing)
    return found


def is_told_later(instance: Instance) -> bool:
    """Return whether a change of an instance waits for somebody to save it."""
    return bool(instance.changed or instance.written or instance.lost)


def numbers(atom: Any) -> Iterator[int]:
    """Yield the things an atom refers to."""
    match atom:
        case Ref(id=number):
            yield number
        case Function(frame=frame, receiver=receiver):
            yield frame
            if isinstance(receiver, Ref):
                yield receiver.id
        case RowKey(id_of=number) | KeyTest(key=RowKey(id_of=number)):
            yield number
        case _:
            if isinstance(receiver := getattr(atom, "receiver", None), Ref):
                yield receiver.id


def leads_to(thing: Thing) -> list[int]:
    """Return the things that a thing refers to."""
    found: list[int] = []
    values: Iterable[Value] = ()
    match thing:
        case Frame(variables=variables, parent=parent):
            found, values = [parent], variables.values()
        case Collection(element=element, items=items, owner=owner):
            found, values = [owner[0]], [element, *items.values()]
        case Object(fields=fields):
            values = fields.values()
        case Instance(held=held, session=session):
            found, values = [session], held.values()
        case Session(bind=bind, tasks=tasks):
            found, values = list(tasks), [bind]
        case Statement(session=session, entities=entities):
            found, values = [session], entities
        case Result(session=session, statement=statement):
            found, values = [session], statement.entities
        case Factory(ambient=ambient, bind=bind):
            found, values = [ambient], [bind]
        case Coroutine(result=result, sessions=sessions):
            found, values = list(sessions), [result]
        case Manager(
            session=session, gives=gives, arguments=arguments, registers=registers, function=function
        ):
            found = [session] + (list(numbers(function)) if function else [])
            values = [gives, *arguments.values(), *registers.values()]
    return found + [number for value in values for atom in value for number in numbers(atom)]
