"""From a graph to a decision: which rows to look at, and what they come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import RelationshipProperty, Session

from tether.carry.conflicts import Policies, name_of
from tether.carry.contents import Contents, ContentsDecider, read_contents
from tether.carry.deciding import Decider, Pairs
from tether.carry.decision import Decision, values_of
from tether.carry.edits import Changes, Edits, changes_of, comparison
from tether.carry.graph import IdentityKey
from tether.carry.reading import ROWS_PER_STATEMENT, Row, Wanted, chunks, read
from tether.carry.referring import refuse_dangling_keys
from tether.carry.removing import Remover
from tether.carry.restoring import Restorer
from tether.carry.shape import Shape, shape_of
from tether.carry.singles import read_other_sides
from tether.carry.uniqueness import refuse_taken_values
from tether.carry.unseen import find_unseen


@dataclass(slots=True)
class Prepared:
    """What is known before anything is written.

    Attributes:
        edits: Base and mine.
        changes: What differs between them.
        rows: Theirs, by identity key.
        decision: What is to be written, and what is in conflict.
        contents: What the collections that will change hold now.
    """

    edits: Edits
    changes: Changes
    rows: dict[IdentityKey, Row]
    decision: Decision
    contents: Contents


def prepare(session: Session, edits: Edits, policies: Policies, *, lock: bool) -> Prepared:
    """Read what the decision needs, and decide. The Session gains instances, and loses and changes none.

    Raises:
        ValueError: Two copies of one row say different things.
        TypeError: A conflict function returned what the attribute cannot hold; a policy is for an unknown attribute.
    """
    policies.check({node.class_ for node in edits.mine.nodes.values()})
    changes = changes_of(edits)
    _refuse_disagreeing_copies(edits, changes)
    wanted = wanted_of(edits, changes)
    rows = read(session, wanted, lock=lock)
    unseen = find_unseen(session, wanted, rows)
    pairs = _read_pairs(session, edits, changes, rows, lock=lock)
    decider = Decider(edits, changes, rows, unseen, policies, pairs=pairs)
    decision = decider.decide()
    Remover(session, edits, changes, rows, decision, policies, lock).look_below()
    Restorer(session, edits, rows, decision, decider.lost, lock, bool(wanted.locked)).restore()
    contents = read_contents(session, edits, rows, decision)
    ContentsDecider(edits, changes, rows, decision, contents, policies).decide()
    read_other_sides(session, edits, rows, decision, contents, policies)
    refuse_dangling_keys(session, edits, changes, rows, decision, policies)
    refuse_taken_values(session, edits, rows, decision, policies)
    return Prepared(edits, changes, rows, decision, contents)


def wanted_of(edits: Edits, changes: Changes) -> Wanted:
    """Return which rows the changes touch: those that will be written, and those only looked at."""
    wanted = Wanted()
    written = [*changes.columns, *changes.orphans]
    looked_at = list(edits.roots)
    for (token, _), reference in changes.references.items():
        written.append(token)
        looked_at += [] if reference.target is None else [reference.target]
    for (token, _), elements in changes.elements.items():
        touched = [*elements.added, *elements.removed]
        written.append(token)
        (looked_at if elements.relation.direction == "MANYTOMANY" else written).extend(touched)
    _want(edits, wanted.locked, written)
    _want(edits, wanted.plain, looked_at)
    for key in wanted.locked:
        wanted.plain.pop(key, None)
    for token, columns in changes.columns.items():
        class_ = edits.node(token).class_
        deferred = {name for name in columns.values if shape_of(class_).columns[name].deferred}
        if deferred:
            wanted.columns[class_] |= deferred
    return wanted


def _want(edits: Edits, wanted: dict[IdentityKey, type], tokens: list[int]) -> None:
    for token in tokens:
        node = edits.node(token)
        if node.key is not None and token not in edits.here:
            wanted[node.key] = node.class_


def _refuse_disagreeing_copies(edits: Edits, changes: Changes) -> None:
    """Refuse two copies of one row that were changed differently: nobody can say which one is meant."""
    said: dict[tuple[IdentityKey, str], Any] = {}
    for token, columns in changes.columns.items():
        node = edits.node(token)
        assert node.key is not None  # only existing rows have a base
        for name, (_, mine) in columns.values.items():
            before = said.setdefault((node.key, name), mine)
            if not comparison(shape_of(node.class_).columns[name].type)(before, mine):
                raise ValueError(
                    f"two copies of {name_of(node.key)} were given, and `{name}` differs between them: "
                    f"attach one, then the other"
                )
    seen: dict[tuple[IdentityKey, str], int] = {}
    for token, name in [*changes.references, *changes.elements]:
        key = edits.node(token).key
        if key is not None and seen.setdefault((key, name), token) != token:
            raise ValueError(
                f"two copies of {name_of(key)} were given, and `{name}` was changed in both: "
                f"attach one, then the other"
            )


def _read_pairs(
    session: Session, edits: Edits, changes: Changes, rows: Mapping[IdentityKey, Row], *, lock: bool
) -> dict[tuple[int, str], Pairs]:
    """Return which of the touched pairs stand in the association tables, one SELECT per table and 1,000 owners."""
    places: dict[tuple[Shape, str], list[int]] = defaultdict(list)
    for (token, name), elements in changes.elements.items():
        if elements.relation.direction == "MANYTOMANY" and edits.node(token).key in rows:
            places[shape_of(edits.node(token).class_), name].append(token)
    pairs: dict[tuple[int, str], Pairs] = {}
    with session.no_autoflush:
        for (shape, name), owners in places.items():
            for chunk in chunks(owners, ROWS_PER_STATEMENT):
                found = _pairs(session, edits, changes, shape, name, chunk, lock)
                pairs |= {(token, name): found for token in chunk}
    return pairs


def _pairs(
    session: Session, edits: Edits, changes: Changes, shape: Shape, name: str, owners: list[int], lock: bool
) -> Pairs:
    prop: RelationshipProperty[Any] = shape.mapper.relationships[name]
    touched = {t for owner in owners for t in _touched(changes, owner, name)}
    left = {_referred(edits, token, prop.parent, prop.synchronize_pairs): token for token in owners}
    right = {
        _referred(edits, token, prop.mapper, prop.secondary_synchronize_pairs or ()): token
        for token in touched
    }
    statement = _select_pairs(prop, list(left), lock)
    found = session.execute(statement, bind_arguments={"mapper": shape.mapper})
    width = len(prop.synchronize_pairs)
    keys = [(left.get(tuple(row[:width])), right.get(tuple(row[width:]))) for row in found]
    return frozenset(
        (edits.node(owner).key, edits.node(target).key)  # type: ignore[misc]  # rows have keys
        for owner, target in keys
        if owner is not None and target is not None
    )


def _touched(changes: Changes, owner: int, name: str) -> Iterator[int]:
    elements = changes.elements[owner, name]
    yield from elements.added
    yield from elements.removed


def _referred(edits: Edits, token: int, mapper: Any, pairs: Any) -> tuple[Any, ...]:
    """Return the values of a row that its rows in the association table refer to."""
    values = values_of(edits.node(token), edits)
    return tuple(values.get(mapper.get_property_by_column(column).key) for column, _ in pairs)


def _select_pairs(prop: RelationshipProperty[Any], owners: list[tuple[Any, ...]], lock: bool) -> Select[Any]:
    left = [column for _, column in prop.synchronize_pairs]
    right = [column for _, column in prop.secondary_synchronize_pairs or ()]
    statement = select(*left, *right)
    if len(left) == 1:
        statement = statement.where(left[0].in_([values[0] for values in owners]))
    else:
        statement = statement.where(tuple_(*left).in_(owners))
    return statement.with_for_update() if lock else statement
