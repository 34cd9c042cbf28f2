"""A finding: one occurrence of a hazard, with the places that tell its story. Plain values only."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")  # gravest first
Applicability = Literal["safe", "unsafe"]

JSON_VERSION = 1


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the user's code and the part it plays in a finding.

    Attributes:
        role: ``loaded``, ``created``, ``changed``, ``expired``, ``detached``, ``merged``, ``used``, ...
        path: POSIX path, relative to the working directory where possible; "" if unknown.
        line: Line number, counted from 1; 0 if unknown, then *note* says why.
        column: Column in characters, counted from 1; 0 if unknown.
        function: Name of the function around the line, ``<module>`` at the top of a file.
        text: The source line without its indentation; "" if it cannot be read.
        cause: SQLAlchemy's word for what happened there (``close``, ``commit``), or "".
        note: Words in place of a line, such as ``before the watch began``.
    """

    role: str
    path: str = ""
    line: int = 0
    column: int = 0
    function: str = ""
    text: str = ""
    cause: str = ""
    note: str = ""

    @property
    def known(self) -> bool:
        """True if the place is a line in a file."""
        return self.line > 0

    def to_dict(self) -> dict[str, Any]:
        """Return the non-empty facts, in the order of the JSON document."""
        names = ("role", "path", "line", "column", "function", "text", "cause", "note")
        return {name: value for name in names if (value := getattr(self, name)) or name == "role"}


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that takes the place of a span of a file; an empty span is a place to insert at.

    Attributes:
        path: As in `Place`.
        line: First line, counted from 1.
        column: First column in characters, counted from 1.
        end_line: Line of the first character that stays.
        end_column: Its column.
        text: What is written instead; its lines end as those of the file do.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return every fact, as in the JSON document."""
        names = ("path", "line", "column", "end_line", "end_column", "text")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that end a finding, made together or not at all.

    Attributes:
        applicability: ``safe``: the program does what it did, without the hazard. ``unsafe``: what it does
            may change, such as the SQL it sends; a person must look.
        title: What the edits do, as an editor's menu shows it.
        edits: In any order; no two of them overlap.
    """

    applicability: Applicability
    title: str
    edits: tuple[Edit, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fix as in the JSON document."""
        edits = [edit.to_dict() for edit in self.edits]
        return {"applicability": self.applicability, "title": self.title, "edits": edits}


def fix_from_dict(data: dict[str, Any]) -> Fix:
    """Return the fix that ``Fix.to_dict()`` described.

    Raises:
        KeyError, TypeError: A part is missing or of the wrong type.
    """
    return Fix(data["applicability"], data["title"], tuple(Edit(**edit) for edit in data["edits"]))


@dataclass(frozen=True, slots=True)
class Finding:
    """One occurrence of a hazard.

    Attributes:
        hazard: Name in the catalogue, such as ``write-while-detached``.
        severity: ``error``, ``warning`` or ``hint``.
        message: One sentence that stands alone in a log.
        where: The line the finding is about; also the last of *places* that has its role.
        places: The story, in the order it happened.
        help: One thing to try, as code where possible.
        subject: What it happened to, such as ``User.orders``: part of the fingerprint.
        count: How often the same thing happened at the same places.
        fix: Edits that end it; None: nobody but a person can.
    """

    hazard: str
    severity: Severity
    message: str
    where: Place
    places: tuple[Place, ...] = ()
    help: str = ""
    subject: str = ""
    count: int = 1
    fix: Fix | None = None

    @property
    def path(self) -> str:
        """Path of the line the finding is about."""
        return self.where.path

    @property
    def line(self) -> int:
        """Line number of the line the finding is about, counted from 1."""
        return self.where.line

    @property
    def column(self) -> int:
        """Column of the line the finding is about, counted from 1; 0 if unknown."""
        return self.where.column

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name hazard, file, function and expression, and no line number.

        They stay the same when lines are added or removed elsewhere in the file.
        """
        from hashlib import blake2b  # takes milliseconds to import: only whoever compares findings pays

        expression = re.sub(r"\s+", " ", self.where.text).strip()
        parts = (self.hazard, self.where.path, self.where.function, expression, self.subject)
        return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def times(self, count: int) -> Finding:
        """Return the same finding, seen *count* times."""
        return replace(self, count=count)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as one element of ``findings`` in the JSON document; ``fix`` only if it has one."""
        facts = {
            "hazard": self.hazard,
            "severity": self.severity,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "places": [place.to_dict() for place in self.places],
            "help": self.help,
            "subject": self.subject,
            "count": self.count,
            "fingerprint": self.fingerprint,
        }
        return facts | {"fix": self.fix.to_dict()} if self.fix else facts


def finding_from_dict(data: dict[str, Any]) -> Finding:
    """Return the finding that ``Finding.to_dict()`` described.

    Raises:
        KeyError, TypeError: A part is missing or of the wrong type.
    """
    places = tuple(Place(**place) for place in data["places"])
    own = [p for p in places if (p.path, p.line) == (data["path"], data["line"])]
    where = own[-1] if own else Place("used", data["path"], data["line"], data["column"])
    facts = {name: data[name] for name in ("hazard", "severity", "message", "help", "count")}
    fix = fix_from_dict(data["fix"]) if "fix" in data else None
    return Finding(where=where, places=places, subject=data.get("subject", ""), fix=fix, **facts)


def sort_key(finding: Finding) -> tuple[int, str, int, str]:
    """Order findings by severity, then by file and line."""
    return SEVERITIES.index(finding.severity), finding.path, finding.line, finding.hazard
