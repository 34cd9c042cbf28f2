"""A hazard: one kind of bug, described once and looked for through up to two lenses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tether.core.finding import Finding, Place, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """One kind of bug.

    Attributes:
        name: Words joined by hyphens that describe the pattern and read well after *allow*.
        severity: The gravest severity its findings have.
        summary: One sentence: what happened.
        why: What SQLAlchemy does and why it hurts. Every statement in it has a test.
        instead: What to write instead.
        default: False if it must be asked for by name.
        example: Short Python code that shows the hazard, without imports or models.
        better: The same, done right.
    """

    name: str
    severity: Severity
    summary: str
    why: str
    instead: str
    default: bool = True
    example: str = ""
    better: str = ""

    def at(
        self,
        where: Place,
        message: str,
        *,
        places: tuple[Place, ...] = (),
        help: str = "",
        subject: str = "",
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding of this hazard; *help* defaults to what to write instead."""
        return Finding(
            hazard=self.name,
            severity=severity or self.severity,
            message=message,
            where=where,
            places=places or (where,),
            help=help or self.instead,
            subject=subject,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the words of the catalogue, for JSON and SARIF."""
        return {
            "name": self.name,
            "severity": self.severity,
            "summary": self.summary,
            "why": self.why,
            "instead": self.instead,
        }
