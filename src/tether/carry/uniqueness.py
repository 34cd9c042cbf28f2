"""Values of mine that must be unique, and that another row holds by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, UniqueConstraint, select, tuple_
from sqlalchemy.orm import Session

from tether.carry.conflicts import Conflict, Kind, Policies
from tether.carry.deciding import Decision
from tether.carry.edits import Edits
from tether.carry.graph import IdentityKey
from tether.carry.merge import MISSING
from tether.carry.reading import ROWS_PER_STATEMENT, Row, chunks
from tether.carry.shape import Shape, shape_of


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of mine that is to hold unique values."""

    token: int
    names: tuple[str, ...]
    values: tuple[Any, ...]


def refuse_taken_values(
    session: Session, edits: Edits, rows: dict[IdentityKey, Row], decision: Decision, policies: Policies
) -> None:
    """Add a conflict for each unique value of mine that another row holds.

    One SELECT per unique constraint that my changes touch, and 1,000 values. A value that somebody takes
    between this and the flush is refused by the database's own constraint, as ever.
    """
    claims: dict[tuple[Shape, tuple[str, ...]], list[Claim]] = defaultdict(list)
    for claim in _claims(edits, rows, decision):
        claims[shape_of(edits.node(claim.token).class_), claim.names].append(claim)
    with session.no_autoflush:
        for (shape, names), claimed in claims.items():
            for chunk in chunks(claimed, ROWS_PER_STATEMENT):
                holders = _holders(session, shape, names, [claim.values for claim in chunk])
                for claim in chunk:
                    _check(edits, decision, policies, claim, holders.get(claim.values))


def _claims(edits: Edits, rows: dict[IdentityKey, Row], decision: Decision) -> Iterator[Claim]:
    written: dict[int, dict[str, Any]] = defaultdict(dict)
    for (token, name), (_, value) in decision.columns.items():
        written[token][name] = value
    for token in decision.new:
        written[token] = edits.mine.nodes[token].values
    for token, values in written.items():
        node = edits.node(token)
        row = None if node.key is None else rows.get(node.key)
        known = {**(row.values if row else {}), **values}
        for names in unique_names(shape_of(node.class_)):
            claimed = tuple(known.get(name) for name in names)
            if None not in claimed and not values.keys().isdisjoint(names):
                yield Claim(token, names, claimed)


def unique_names(shape: Shape) -> list[tuple[str, ...]]:
    """Return the column attributes of each unique constraint, unique index and primary key of a class's tables."""
    found = [shape.primary_key]
    for table in shape.mapper.tables:
        if isinstance(table, Table):
            groups: list[Any] = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
            groups += [index for index in table.indexes if is_plainly_unique(index)]
            found += [_attributes(shape, group.columns) for group in groups]
    return [names for names in found if names]


def is_plainly_unique(index: Any) -> bool:
    """Return True for a unique index on whole tables; one with a WHERE holds for some rows only."""
    partial = any(options.get("where") is not None for options in index.dialect_options.values())
    return bool(index.unique) and not partial and len(index.columns) == len(index.expressions)


def _attributes(shape: Shape, columns: Any) -> tuple[str, ...]:
    """Return the attributes of columns; empty if one of them is not mapped."""
    mapped = shape.mapper.columns.values()
    if not all(column in mapped for column in columns):
        return ()
    return tuple(shape.mapper.get_property_by_column(column).key for column in columns)


def _holders(
    session: Session, shape: Shape, names: tuple[str, ...], values: list[tuple[Any, ...]]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return which row holds which values: values -> primary key."""
    asked = [getattr(shape.class_, name) for name in names]
    keys = [getattr(shape.class_, name) for name in shape.primary_key]
    wanted = asked[0].in_([value[0] for value in values]) if len(asked) == 1 else tuple_(*asked).in_(values)
    found = session.execute(select(*asked, *keys).where(wanted))
    return {tuple(row[: len(names)]): tuple(row[len(names) :]) for row in found}


def _check(
    edits: Edits, decision: Decision, policies: Policies, claim: Claim, holder: tuple[Any, ...] | None
) -> None:
    node = edits.node(claim.token)
    if holder is None or (node.key is not None and node.key[1] == holder):
        return
    if _is_given_up(edits, decision, claim, holder):
        return
    own = (node.class_, *node.key[1:]) if node.key else (node.class_, (), None)
    base = edits.base.nodes.get(claim.token)
    name = claim.names[0] if len(claim.names) == 1 else ", ".join(claim.names)
    before = MISSING if base is None else base.values.get(claim.names[0], MISSING)
    mine = claim.values[0] if len(claim.names) == 1 else claim.values
    conflict = Conflict(own, name, before, mine, (node.class_, holder, None), Kind.UNIQUE)
    resolver = policies.resolver(conflict)
    answer = conflict.mine if resolver is None else resolver(conflict)
    changed = [(claim.token, n) for n in claim.names if (claim.token, n) in decision.columns]
    if answer is conflict.mine or not changed or (len(claim.names) > 1 and answer is not conflict.theirs):
        decision.conflicts.append(conflict)  # two rows cannot hold it, whoever is preferred
    elif answer is conflict.theirs:
        for place in changed:
            del decision.columns[place]
    else:
        decision.columns[changed[0]] = (decision.columns[changed[0]][0], answer)


def _is_given_up(edits: Edits, decision: Decision, claim: Claim, holder: tuple[Any, ...]) -> bool:
    """Return True if I change or delete the row that holds the value, so that it becomes free."""
    class_ = edits.node(claim.token).class_
    touched = {*decision.deleted, *(token for token, name in decision.columns if name in claim.names)}
    for token in touched:
        node = edits.node(token)
        if node.key is not None and node.key[1] == holder and issubclass(node.class_, class_):
            return True
    return False
