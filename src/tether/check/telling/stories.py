"""Findings made of events: places with their lines, names as the program writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tether.check.abstract.events import Event
from tether.check.abstract.things import Instance, Where
from tether.check.callers.lasting import is_of_tests
from tether.check.interpreting.interpreter import Interpreter
from tether.core.finding import Finding, Place, Severity
from tether.hazards import by_name


class Teller:
    """Makes findings of one interpreter's events.

    Args:
        interpreter: Knows the modules that the events' lines are in.
        events: All of the run, for rules that ask what else happens.
    """

    def __init__(self, interpreter: Interpreter, events: Iterable[Event] = ()) -> None:
        self.interpreter = interpreter
        self.commits = {
            (event.number, event.session.changed)
            for event in events
            if event.kind == "commit" and event.session is not None
        }

    def is_committed(self, event: Event) -> bool:
        """Return whether another way commits the work of the event's Session."""
        return event.session is not None and (event.number, event.session.changed) in self.commits

    def is_of_tests(self, event: Event) -> bool:
        """Return whether an event happens in a test, or in what only tests use."""
        name = event.where.module
        body = self.interpreter.project.module(name).bodies[event.where.body]
        return "tests" in name.split(".") or is_of_tests(name, body)

    def place(self, role: str, where: Where) -> Place:
        """Return a line of the program and the part it plays."""
        module = self.interpreter.project.module(where.module)
        lines = module.lines
        text = lines[where.line - 1].strip() if 0 < where.line <= len(lines) else ""
        body = module.bodies[where.body]
        function = body.name if body.kind != "class" else "<module>"
        return Place(role, module.path, where.line, where.column, function, text, where.cause)

    def finding(
        self, hazard: str, event: Event, message: str, roles: list[tuple[str, Where | None]],
        *, subject: str = "", help: str = "", severity: Severity | None = None, used: str = "used",
    ) -> Finding:  # fmt: skip
        """Return a finding at the event's line.

        *roles* is what happened before, in order; those without a line are left out. The calls in between follow.
        """
        where = self.place(used, event.where)
        places = [self.place(role, at) for role, at in roles if at is not None]
        # where the function called what loaded it: the line its own reader knows
        places += [
            self.place("called", call)
            for role, at in roles
            if role == "loaded" and at is not None
            for call in at.calls
            if call[:2] == event.where[:2]
        ][:1]
        told = {(place.path, place.line) for place in (*places, where)}
        calls = [self.place("called", call) for call in event.calls]
        places += [place for place in calls if (place.path, place.line) not in told]
        if not help and event.instance is not None:
            help = in_own_words(by_name(hazard).instead, event.instance, event.attribute)
        return by_name(hazard).at(
            where, message, places=(*places, where), subject=subject, help=help, severity=severity
        )


def shown(instance: Instance) -> str:
    """Return the name of an instance's class."""
    return instance.model.qualname.rpartition(".")[2]


def named(instance: Instance, attribute: str) -> str:
    """Return ``User.orders``."""
    return f"{shown(instance)}.{attribute}"


def variable(instance: Instance) -> str:
    """Return what a variable for an instance is usually called: ``order_line`` for an ``OrderLine``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", shown(instance)).lower()


def in_own_words(advice: str, instance: Instance, attribute: str) -> str:
    """Return an advice of the catalogue with the program's names in place of those of the example."""
    advice = re.sub(r"\bUser\b(?!\()", shown(instance), advice)
    advice = re.sub(r"\buser\b", variable(instance), advice)
    return re.sub(r'(?<=[."])orders\b', attribute, advice) if attribute else advice
