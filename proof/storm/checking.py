"""Which acknowledged edits are not in the database: the log against the rows, without trust in any order of time.

Every edit of a place writes a value that no other edit writes, and says which value it had seen there. So the
edits of a place must form one chain from the first value to the last, each having seen the one before. An edit
that is not in the chain which ends at the value in the database was lost: nobody who wrote later had seen it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from proof.storm.models import PARTS_AT_FIRST, PLAIN, Edit, Family

GONE = "(gone)"  # the value of a part that was removed
NOT_YET = "(not yet)"  # the value of a part that was not added yet


@dataclass(frozen=True)
class Logged:
    """An acknowledged edit of a place."""

    token: str
    place: str
    base: str
    value: str


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        lost: Tokens of acknowledged edits that are in no row, and were not superseded by somebody who had seen them.
        unexplained: Places whose value in the database no chain of logged edits leads to.
    """

    lost: list[str]
    unexplained: list[str]


def verdict(session: Session, classes: Family, things: int, acknowledged: Iterable[str]) -> Verdict:
    """Return what is missing.

    Args:
        session: Reads the rows and the log.
        classes: What was edited.
        things: How many there were at the beginning.
        acknowledged: Tokens of the edits whose ``commit()`` returned; each must be in the log.
    """
    log = [Logged(e.token, e.place, e.base, e.value) for e in session.scalars(select(Edit))]
    rows = session.scalars(select(classes.thing)).all()
    trails = {f"thing {thing.id} trail": thing.trail for thing in rows}
    ends = {f"thing {thing.id} {name}": getattr(thing, name) for thing in rows for name in PLAIN}
    ends |= {f"part {part.name}": part.label for thing in rows for part in thing.parts}
    starts = {f"thing {key} {name}": "" for key in range(1, things + 1) for name in PLAIN}
    starts |= {f"part first-{k}-{n}": "first" for k in range(1, things + 1) for n in range(PARTS_AT_FIRST)}
    chained = [edit for edit in log if edit.place not in trails]
    found = missing_in_chains(chained, starts, ends)
    appended = missing_in_trails([edit for edit in log if edit.place in trails], trails)
    not_logged = set(acknowledged) ^ {edit.token for edit in log}
    return Verdict(
        sorted({*found.lost, *appended.lost, *not_logged}), sorted(found.unexplained + appended.unexplained)
    )


def missing_in_chains(log: Iterable[Logged], starts: dict[str, str], ends: dict[str, str]) -> Verdict:
    """Return the edits that are in no chain between the first and the last value of their place.

    Args:
        log: Edits that overwrite what they saw.
        starts: The value of each place at the beginning; a part that is not named was not there.
        ends: The value of each place in the end; a part that is not named is gone.
    """
    by_place: dict[str, list[Logged]] = defaultdict(list)
    for edit in log:
        by_place[edit.place].append(edit)
    lost, unexplained = [], []
    for place in {*by_place, *starts, *ends}:
        first, last = starts.get(place, NOT_YET), ends.get(place, GONE)
        kept, beginning = _chain(by_place[place], last)
        lost += [edit.token for edit in by_place[place] if edit.token not in kept]
        if beginning != first:
            unexplained.append(place)
    return Verdict(lost, unexplained)


def _chain(edits: list[Logged], last: str) -> tuple[set[str], str]:
    """Return the edits that lead to a value, each having seen the one before, and the value they begin at.

    Two who remove the same part do not contradict each other: both are kept, and the one that saw more counts.
    """
    final = [edit for edit in edits if edit.value == last]
    before = {edit.value: edit for edit in edits if edit.value != GONE}
    best: tuple[set[str], str] = set(), last
    for edit in final:
        kept, value = {edit.token}, edit.base
        while value in before and before[value].token not in kept:
            kept.add(before[value].token)
            value = before[value].base
        if len(kept) > len(best[0]):
            best = kept, value
    removed = {edit.token for edit in final if last == GONE}
    return best[0] | removed, best[1]


def missing_in_trails(log: Iterable[Logged], trails: dict[str, str]) -> Verdict:
    """Return the edits whose word is not in their trail, and the trails with words that nobody acknowledged."""
    words: dict[str, Counter[str]] = {place: Counter(trail.split()) for place, trail in trails.items()}
    lost = [edit.token for edit in log if not words[edit.place][edit.value]]
    expected: dict[str, set[str]] = defaultdict(set)
    for edit in log:
        expected[edit.place].add(edit.value)
    odd = [
        place
        for place, counts in words.items()
        if counts.keys() - expected[place] or any(count > 1 for count in counts.values())
    ]
    return Verdict(lost, odd)
