"""What was found in a program beside what happened when it ran."""

from __future__ import annotations

from typing import Any, NamedTuple

# What each hazard says will happen at its line: one of these errors.
RAISES = {
    "lazy-load-after-close": ("DetachedInstanceError",),
    "expired-read-after-close": ("DetachedInstanceError",),
    "guard-that-does-not-guard": ("DetachedInstanceError", "MissingGreenlet"),
    "implicit-io-in-async": ("MissingGreenlet",),
    "read-after-rollback": ("MissingGreenlet",),
    "instance-of-another-session": ("InvalidRequestError",),
}
# And these say that a name which was written is not in the database: one written at the line, or any.
LOSES_AT_LINE = ("write-while-detached", "merge-result-ignored")
LOSES_ANY = ("change-discarded", "never-committed")
EXPLAINED = ("DetachedInstanceError", "MissingGreenlet")


class Verdict(NamedTuple):
    """One finding, or one error without a finding.

    Attributes:
        kind: ``true``, ``false``, ``not reached`` (nothing can be said) or ``missed``.
    """

    kind: str
    hazard: str
    line: int


def verdicts(truth: dict[str, Any], findings: list[dict[str, Any]]) -> list[Verdict]:
    """Return what the run says of each finding, and the error that no finding explains, if there is one."""
    told = [Verdict(verdict(truth, finding), finding["hazard"], finding["line"]) for finding in findings]
    lines = {finding["line"] for finding in findings if finding["hazard"] in RAISES}
    if truth["raised"] in EXPLAINED and not lines & set(truth["at"]):
        told.append(Verdict("missed", truth["raised"], truth["at"][-1]))
    return told


def verdict(truth: dict[str, Any], finding: dict[str, Any]) -> str:
    """Return whether what a finding says did happen.

    A program that ended by an error shows nothing of what would have been written or lost afterwards. A helper writes
    for several callers; their lines are places of the finding.
    """
    hazard, line = finding["hazard"], finding["line"]
    if line not in truth["lines"]:
        return "not reached"
    if hazard in RAISES:
        return "true" if truth["raised"] in RAISES[hazard] and line in truth["at"] else "false"
    if truth["raised"] is not None or hazard not in (*LOSES_AT_LINE, *LOSES_ANY):
        return "not reached"
    lines = {line, *(place["line"] for place in finding.get("places", ()) if "line" in place)}
    here = {name for number, name in truth["written"].items() if hazard in LOSES_ANY or int(number) in lines}
    if not here:
        return "not reached"
    return "true" if here - set(truth["kept"]) else "false"
