"""Values of mine that must be unique, and that another row holds by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Table, UniqueConstraint, select, tuple_
from sqlalchemy.orm import Session

from tether.carry.conflicts import Conflict, Kind, Policies
from tether.carry.decision import Decision, key_of
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
    """Add a conflict for each unique value of mine that another row holds, or another one of mine is to hold.

    One SELECT per unique constraint that my changes touch, and 1,000 values; one more per value where the
    database finds two values equal that Python does not (a collation that ignores accents, or a rule of its own;
    upper and lower case are seen without). Tables are asked, so no filter on classes hides a row. A value
    that somebody takes between this and the flush is refused by the database's own constraint, as ever.
    """
    claims: dict[tuple[Shape, tuple[str, ...]], list[Claim]] = defaultdict(list)
    for claim in _claims(edits, rows, decision):
        claims[shape_of(edits.node(claim.token).class_), claim.names].append(claim)
    with session.no_autoflush:
        for (shape, names), claimed in claims.items():
            for chunk in chunks(claimed, ROWS_PER_STATEMENT):
                holders = _holders(session, shape, names, chunk)
                for claim in chunk:
                    _check(edits, decision, policies, claim, holders.get(claim))
    _refuse_own_twins(edits, decision, policies, claims)


def _refuse_own_twins(
    edits: Edits,
    decision: Decision,
    policies: Policies,
    claims: Mapping[tuple[Shape, tuple[str, ...]], list[Claim]],
) -> None:
    """Add a conflict for each row of mine that is to hold what an earlier one of mine is to hold.

    Values that are equal to Python: of two that only the database finds equal, its own constraint refuses one.
    """
    first: dict[Any, Claim] = {}
    for (shape, names), claimed in claims.items():
        columns = tuple(_columns_of_one_table(shape, names)[: len(names)])
        for claim in sorted(claimed, key=attrgetter("token")):  # in the order in which they were given
            if not _is_still_claimed(decision, claim):
                continue
            other = first.setdefault((columns, claim.values), claim)
            if other is not claim and not _is_same_row(edits, other, claim):
                _ask(edits, decision, policies, claim, key_of(edits.node(other.token)))


def _is_still_claimed(decision: Decision, claim: Claim) -> bool:
    """Return whether no policy has given the row another value."""
    if claim.token in decision.new:
        return True
    places = [(claim.token, name) for name in claim.names]
    held = dict(zip(places, claim.values, strict=True))
    written = {place: decision.columns[place][1] for place in places if place in decision.columns}
    return bool(written) and all(held[place] == value for place, value in written.items())


def _is_same_row(edits: Edits, one: Claim, other: Claim) -> bool:
    """Return whether two copies of one row claim."""
    key = edits.node(one.token).key
    return key is not None and key == edits.node(other.token).key


def _claims(edits: Edits, rows: dict[IdentityKey, Row], decision: Decision) -> Iterator[Claim]:
    written: dict[int, dict[str, Any]] = defaultdict(dict)
    for (token, name), (_, value) in decision.columns.items():
        written[token][name] = value
    for token in decision.new:
        written[token] = edits.mine.nodes[token].values
    for token, values in written.items():
        node = edits.node(token)
        row = None if node.key is None else rows.get(node.key)
        for names in unique_names(shape_of(node.class_)):
            if values.keys().isdisjoint(names):
                continue
            known = {**(row.values if row else {}), **values}
            claimed = tuple(known.get(name) for name in names)
            if node.key is not None and row is None and claimed == node.key[1]:
                continue  # it comes back under its own key, and that was looked for
            if None not in claimed:
                yield Claim(token, names, claimed)


def unique_names(shape: Shape) -> list[tuple[str, ...]]:
    """Return the column attributes of each unique constraint, unique index and primary key of a class's tables."""
    known: list[tuple[str, ...]] | None = shape.mapper.class_manager.info.get("tether_unique")
    if known is not None:
        return known
    found = [shape.primary_key]
    for table in shape.mapper.tables:
        if isinstance(table, Table):
            groups: list[Any] = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
            groups += [index for index in table.indexes if is_plainly_unique(index)]
            found += [_attributes(shape, group.columns) for group in groups]
    found = [names for names in found if names]
    shape.mapper.class_manager.info["tether_unique"] = found
    return found


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
    session: Session, shape: Shape, names: tuple[str, ...], claims: list[Claim]
) -> dict[Claim, tuple[Any, ...]]:
    """Return the primary key of the row that holds each claim's values, by the database's own comparison."""
    columns = _columns_of_one_table(shape, names)
    width = len(names)
    connection = session.connection(bind_arguments={"mapper": shape.mapper})

    def ask(values: list[tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        asked = columns[:width]
        wanted = asked[0].in_([v[0] for v in values]) if width == 1 else tuple_(*asked).in_(values)
        found = connection.execute(select(*columns).where(wanted))
        return [(tuple(row[:width]), tuple(row[width:])) for row in found]

    claimed = {claim.values for claim in claims}
    rows = ask(list(claimed))
    exact = dict(rows)
    folded = {_folded(values): key for values, key in rows if values not in claimed}
    holders = {}
    for claim in claims:
        holder = exact.get(claim.values) or folded.get(_folded(claim.values))
        if holder is not None:
            holders[claim] = holder
    if set(holders.values()) != {key for _, key in rows}:  # the database finds more values equal
        for claim in claims:
            if claim not in holders:
                holders.update((claim, key) for _, key in ask([claim.values]))
    return holders


def _folded(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.casefold() if isinstance(value, str) else value for value in values)


def _columns_of_one_table(shape: Shape, names: tuple[str, ...]) -> list[Any]:
    """Return the columns of attributes and of the primary key, of one table that has them all."""
    wanted = [*names, *shape.primary_key]
    properties = [shape.mapper.get_property(name) for name in wanted]
    for table in reversed(shape.mapper.tables):
        found = [next((c for c in prop.columns if c.table is table), None) for prop in properties]
        if all(column is not None for column in found):
            return found
    return [getattr(shape.class_, name) for name in wanted]


def _check(
    edits: Edits, decision: Decision, policies: Policies, claim: Claim, holder: tuple[Any, ...] | None
) -> None:
    node = edits.node(claim.token)
    if holder is None or (node.key is not None and node.key[1] == holder):
        return
    if _is_given_up(edits, decision, claim, holder):
        return
    _ask(edits, decision, policies, claim, (node.class_, holder, None))


def _ask(edits: Edits, decision: Decision, policies: Policies, claim: Claim, holder: IdentityKey) -> None:
    """Add the conflict of a claim with the row that has the values, or do what the policy says."""
    node = edits.node(claim.token)
    own = key_of(node)
    base = edits.base.nodes.get(claim.token)
    name = claim.names[0] if len(claim.names) == 1 else ", ".join(claim.names)
    before = MISSING if base is None else base.values.get(claim.names[0], MISSING)
    mine = claim.values[0] if len(claim.names) == 1 else claim.values
    conflict = Conflict(own, name, before, mine, holder, Kind.UNIQUE)
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
