"""Many-to-one relationships whose other side holds one row: who stands there now.

Setting one takes out who stands at the other side. SQLAlchemy loads that side to know it, in the flush, one row at a
time, and tells nobody whom it took out. Here it is read before, for all rows at once. Writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from tether.carry.conflicts import Conflict, Policies
from tether.carry.contents import Contents, key_or_new, name_of, refuse, select_elements, shown
from tether.carry.decision import Decision, Place, key_of, row_of
from tether.carry.edits import Edits
from tether.carry.graph import IdentityKey
from tether.carry.merge import MISSING
from tether.carry.reading import ROWS_PER_STATEMENT, Row, chunks
from tether.carry.shape import Relation, Shape, shape_of


def read_other_sides(
    session: Session,
    edits: Edits,
    rows: Mapping[IdentityKey, Row],
    decision: Decision,
    contents: Contents,
    policies: Policies,
) -> None:
    """Add to *contents* who stands at the other sides; a row that I did not know to stand there is a conflict.

    One SELECT per relationship and 1,000 rows that mine refer to, or referred to in the Session.
    """
    known = {(edits.node(token).key, name) for token, name in contents}
    wanted: dict[tuple[Shape, str], dict[IdentityKey, Any]] = defaultdict(dict)
    for (token, name), target in decision.references.items():
        relation = shape_of(edits.node(token).class_).relations[name]
        for back in single_backs(relation):
            for owner in owners_of(edits, rows, token, name, target):
                state = inspect(owner)
                is_pending = state.key is None or back in state.committed_state
                if not is_pending and (state.key, back) not in known:
                    wanted[shape_of(relation.target), back][state.key] = owner
    with session.no_autoflush:
        for (shape, back), owners in wanted.items():
            for chunk in chunks(list(owners.values()), ROWS_PER_STATEMENT):
                found = select_elements(session, shape, back, chunk, contents)
                contents.singles += [
                    (owner, back, elements) for owner, elements in zip(chunk, found, strict=True)
                ]
    standing = {(inspect(owner).key, back): elements for owner, back, elements in contents.singles}
    for place, target in list(decision.references.items()):
        if target is None:
            continue
        for back in single_backs(shape_of(edits.node(place[0]).class_).relations[place[1]]):
            if (target, back) not in contents:  # else that was looked at
                there = standing.get((edits.node(target).key, back), [])
                compare(edits, decision, policies, place, (target, back), there)


def single_backs(relation: Relation) -> Iterator[str]:
    """Yield the names of the other sides that hold one row."""
    relations = shape_of(relation.target).relations
    for name in relation.back:
        if name in relations and relations[name].kind == "one" and not relations[name].viewonly:
            yield name


def owners_of(
    edits: Edits, rows: Mapping[IdentityKey, Row], token: int, name: str, target: int | None
) -> Iterator[Any]:
    """Yield the instances whose other side a reference of mine changes: where it will refer to, and did before."""
    child = row_of(edits, rows, token)
    if child is not None:
        before = inspect(child.instance).dict.get(name)
        if before is not None:
            yield before
    if target is not None:
        row = row_of(edits, rows, target)
        owner = edits.here.get(target, None if row is None else row.instance)
        if owner is not None:
            yield owner


def compare(
    edits: Edits, decision: Decision, policies: Policies, place: Place, side: Place, there: list[Any]
) -> None:
    """Ask who is to stand where another row does already that I neither move nor delete."""
    mine = edits.node(place[0])
    given_up = {edits.node(token).key for token in decision.deleted}
    given_up |= {edits.node(token).key for token, name in decision.references if name == place[1]}
    others = [name for name in map(name_of, there) if name != mine.key and name not in given_up]
    if not others:
        return
    owner = edits.node(side[0])
    base = edits.base.nodes.get(side[0])
    link = None if base is None else base.links.get(side[1])
    before = MISSING if link is None else None if link.token is None else key_or_new(edits, link.token)
    conflict = Conflict(key_of(owner), side[1], before, key_or_new(edits, place[0]), shown(others[0]))
    if not decision.is_mine(policies, conflict):
        leave_out(decision, place)


def leave_out(decision: Decision, place: Place) -> None:
    """Leave out a reference; a new row with all that is below it."""
    if place[0] in decision.new:
        refuse(decision, [place[0]])
    decision.references.pop(place, None)
