"""What would happen: one prediction, as a sentence and as facts a test can compare with what does happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one operation would do now.

    Attributes:
        text: The prediction in words, such as ``emits 1 SELECT``.
        raises: Name of the exception, or "".
        may_raise: Name of an exception that only the database could predict, or "".
        selects: The least and the greatest number of SELECTs; None where the mapping sets no bound.
            An autoflush before them is not counted.
    """

    text: str
    raises: str = ""
    may_raise: str = ""
    selects: tuple[int, int | None] = (0, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        facts = {"text": self.text, "raises": self.raises or None, "may_raise": self.may_raise or None}
        return facts | {"selects": list(self.selects)}


LOADED = Outcome("gives the loaded value")
CHANGED = Outcome("gives the changed value")
OWN_CODE = Outcome("runs the class's own code", selects=(0, None))


def raising(name: str, selects: tuple[int, int | None] = (0, 0)) -> Outcome:
    """Return the prediction that the exception called *name* is raised, after *selects*."""
    before = f"{counted(selects)} and " if selects[0] else ""
    return Outcome(f"{before}raises {name}", raises=name, selects=selects)


def counted(selects: tuple[int, int | None]) -> str:
    """Return a number of SELECTs in words."""
    least, most = selects
    if most is None:
        return f"emits at least {least} SELECT{'s' if least != 1 else ''}"
    if least == most:
        return f"emits {least} SELECT{'s' if least != 1 else ''}"
    return (
        f"emits at most {most} SELECT{'s' if most != 1 else ''}"
        if least == 0
        else f"emits {least} to {most} SELECTs"
    )
