"""What all probes have in common: names they wrap, events they publish, a clean way in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from tether.orm.private import NAMES, Patch
from tether.watch.events import Event
from tether.watch.recorder import Recorder
from tether.watch.waiting import Waiting

# One odd object of the program's must not blind a probe; one that raises again and again has to go.
MAXIMUM_ERRORS: Final = 20


class Probe:
    """A set of wrappers that belong together.

    A subclass has one method per name in ``names``, called ``wrap_NAME``: it takes the original
    function and returns the wrapper. Wrappers pass every argument on unchanged, guard their own
    work, and never let the original run twice or not at all.

    Attributes:
        names: Keys of ``orm.private.NAMES``; all must be as expected, or the probe stays off.
        events: What it publishes.
        always: True if it only remembers things, for the places of other probes' events.
        order: Probes with smaller numbers are installed first and so run innermost.
        module: Name of a module that must be imported first; the probe sleeps until the program has done so.
    """

    names: ClassVar[tuple[str, ...]] = ()
    events: ClassVar[tuple[type[Event], ...]] = ()
    always: ClassVar[bool] = False
    order: ClassVar[int] = 0
    module: ClassVar[str] = ""

    def __init__(self, recorder: Recorder, waiting: Waiting) -> None:
        self.recorder = recorder
        self.waiting = waiting
        self.on = False
        self.started = False
        self.errors = 0
        self.patches: list[Patch] = []

    @classmethod
    def problems(cls) -> list[str]:
        """Return one sentence for each name of SQLAlchemy's that is not as expected."""
        return [problem for name in cls.names if (problem := NAMES[name].problem())]

    def begin(self) -> None:
        """Start, unless something is missing: then say so, and leave the program alone."""
        problems = self.problems() if self.module else []
        for problem in problems:
            self.recorder.ledger.disable(problem, f"{problem}; what it shows is not watched")
        if not problems:
            self.started = True
            self.start()

    def start(self) -> None:
        """Put the wrappers in place."""
        self.on = True
        for name in self.names:
            make: Callable[[Any], Any] = getattr(self, f"wrap_{name}")
            patch = Patch(name, make)
            patch.install()
            self.patches.append(patch)

    def stop(self) -> None:
        """Take the wrappers away; one that somebody else has wrapped since only passes through from now on."""
        self.on = False
        while self.patches:
            self.patches.pop().remove()

    def broke(self, error: Exception) -> None:
        """Note that this probe's own work raised; after many times it is off, and its wrappers pass through."""
        self.errors += 1
        if self.errors >= MAXIMUM_ERRORS:
            self.on = False
        self.recorder.broke(type(self).__name__, error)
