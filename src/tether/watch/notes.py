"""What tether adds to an exception of SQLAlchemy's: one line in its message, the story as notes."""

from __future__ import annotations

from collections.abc import Iterable

from tether.core.finding import Finding, Place


def add_story(error: BaseException, findings: Iterable[Finding], *, headline: bool = True) -> None:
    """Tell the first finding's story on *error*; type, attributes and ``except`` behaviour stay the same.

    The line in the message survives wrappers that keep only ``str(exc)`` (pydantic's ``from_attributes``).
    """
    finding = next(iter(findings), None)
    if finding is None:
        return
    if headline and error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]} [tether: {headline_of(finding)}]", *error.args[1:])
    error.add_note("\n".join(story_of(finding)))


def headline_of(finding: Finding) -> str:
    """Return the story in one line: where loaded, where detached or expired."""
    parts = [f"{place.role} {_where(place)}" for place in finding.places if place.role != "used"]
    return "; ".join([finding.hazard, *parts])


def story_of(finding: Finding) -> list[str]:
    """Return the story as lines, in the words of the text report."""
    lines = [f"tether: {finding.hazard}: {finding.message}"]
    for place in finding.places:
        cause = f"  ({place.cause})" if place.cause else ""
        lines.append(f"    {place.role:<9} {_where(place)}  {place.text}{cause}".rstrip())
    if finding.help:
        lines.append(f"    help: {finding.help}")
    return lines


def _where(place: Place) -> str:
    if not place.known:
        return place.note or "an unknown place"
    where = f"{place.path}:{place.line}"
    return f"{where} in {place.function}" if place.function else where
