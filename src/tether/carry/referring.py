"""Foreign keys of mine that were set as plain values, and refer to rows that are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Table, select, tuple_
from sqlalchemy.orm import Session

from tether.carry.conflicts import Conflict, Kind, Policies
from tether.carry.deciding_rows import decided_elsewhere
from tether.carry.decision import Decision, check_side, key_of, row_of
from tether.carry.edits import Changes, Edits, foreign_key
from tether.carry.graph import IdentityKey
from tether.carry.merge import MISSING
from tether.carry.reading import ROWS_PER_STATEMENT, Row, chunks
from tether.carry.shape import Shape, attribute_of, shape_of


@dataclass(frozen=True, slots=True)
class Key:
    """A foreign key: the attributes that hold it, and the columns it refers to."""

    names: tuple[str, ...]
    columns: tuple[Any, ...]


def refuse_dangling_keys(
    session: Session,
    edits: Edits,
    changes: Changes,
    rows: Mapping[IdentityKey, Row],
    decision: Decision,
    policies: Policies,
) -> None:
    """Add a conflict for each foreign key value of mine, set by hand, that no row has.

    One SELECT per foreign key that was set by hand, and 1,000 values. What a relationship writes was looked at
    already.
    """
    used: dict[tuple[Shape, Key], dict[tuple[Any, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
    for token, key, values in _set_by_hand(edits, changes, rows, decision):
        used[shape_of(edits.node(token).class_), key][values].append(token)
    inserted = _inserted(edits, decision) if used else set()
    for (shape, key), tokens in used.items():
        wanted = [values for values in tokens if (key.columns, values) not in inserted]
        for chunk in chunks(wanted, ROWS_PER_STATEMENT):
            missing = _missing(session, shape, key, chunk)
            for token in (token for values in missing for token in tokens[values]):
                _refuse(edits, decision, policies, token, key)


def foreign_keys(shape: Shape) -> list[Key]:
    """Return the foreign keys of a class's tables as attributes; one that is not mapped is left out."""
    known: list[Key] | None = shape.mapper.class_manager.info.get("tether_foreign_keys")
    if known is not None:
        return known
    found = []
    for table in shape.mapper.tables:
        constraints = table.constraints if isinstance(table, Table) else ()
        for constraint in constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                names = [attribute_of(shape.mapper, column) for column in constraint.columns]
                key = Key(tuple(filter(None, names)), tuple(e.column for e in constraint.elements))
                if len(key.names) == len(key.columns) and not _joins_own_tables(shape, constraint):
                    found.append(key)
    found.sort(key=lambda key: key.names)
    shape.mapper.class_manager.info["tether_foreign_keys"] = found
    return found


def _joins_own_tables(shape: Shape, constraint: ForeignKeyConstraint) -> bool:
    """Return True for the foreign key of joined inheritance: both tables are the row."""
    return (
        constraint.referred_table in shape.mapper.tables
        and any(column.primary_key for column in constraint.columns)
        and constraint.referred_table is not constraint.table
    )


def _set_by_hand(
    edits: Edits, changes: Changes, rows: Mapping[IdentityKey, Row], decision: Decision
) -> Iterator[tuple[int, Key, tuple[Any, ...]]]:
    """Yield each foreign key of a row that I wrote as plain values: token, key, values."""
    written: dict[int, dict[str, Any]] = defaultdict(dict)
    for (token, name), (_, value) in decision.columns.items():
        written[token][name] = value
    for token in decision.new:
        written[token] = dict(edits.node(token).values)
    if not any(foreign_keys(shape_of(edits.node(token).class_)) for token in written):
        return
    elsewhere = decided_elsewhere(edits, changes) | _linked(edits, decision)
    for token, values in written.items():
        for key in foreign_keys(shape_of(edits.node(token).class_)):
            if values.keys().isdisjoint(key.names) or any((token, name) in elsewhere for name in key.names):
                continue
            row = row_of(edits, rows, token)
            known = {**(row.values if row else {}), **values}
            held = tuple(known.get(name) for name in key.names)
            if None not in held:  # one NULL, and the database checks nothing
                yield token, key, held


def _linked(edits: Edits, decision: Decision) -> set[tuple[int, str]]:
    """Return the foreign keys of new rows that their place in a collection decides."""
    found: set[tuple[int, str]] = set()
    for (owner, name), tokens in decision.added.items():
        shape = shape_of(edits.node(owner).class_)
        if shape.relations[name].direction == "ONETOMANY":
            found.update((token, column) for token in tokens for column in foreign_key(shape, name))
    return found


def _inserted(edits: Edits, decision: Decision) -> set[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return what rows that I insert, or give another key, can be referred to by: columns and values."""
    found = set()
    for token in {*decision.new, *(token for token, _ in decision.columns)}:
        node = edits.node(token)
        mapper = shape_of(node.class_).mapper
        for table in mapper.tables:
            columns = tuple(table.primary_key)
            names = [attribute_of(mapper, column) for column in columns]
            found.add((columns, tuple(node.values.get(name) for name in names if name)))
    return found


def _missing(
    session: Session, shape: Shape, key: Key, wanted: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return the values that no row has. A table is asked, not a class: a filter on classes hides no row."""
    statement = select(*key.columns)
    if len(key.columns) == 1:
        statement = statement.where(key.columns[0].in_([values[0] for values in wanted]))
    else:
        statement = statement.where(tuple_(*key.columns).in_(wanted))
    connection = session.connection(bind_arguments={"mapper": shape.mapper})
    found = {tuple(row) for row in connection.execute(statement)}
    # Equal to one of them by the database's own comparison, which may ignore upper and lower case.
    folded = {tuple(map(_folded, values)) for values in found.difference(wanted)}
    return [v for v in wanted if v not in found and tuple(map(_folded, v)) not in folded]


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _refuse(edits: Edits, decision: Decision, policies: Policies, token: int, key: Key) -> None:
    node, name = edits.node(token), ", ".join(key.names)
    base = edits.base.nodes.get(token)
    before = tuple(MISSING if base is None else base.values.get(n, MISSING) for n in key.names)
    mine = tuple(
        decision.columns[token, n][1] if (token, n) in decision.columns else node.values.get(n)
        for n in key.names
    )
    one = len(key.names) == 1
    conflict = Conflict(
        key_of(node), name, before[0] if one else before, mine[0] if one else mine, MISSING, Kind.REFERENCE
    )
    resolver = policies.resolver(conflict)
    answer = conflict.mine if resolver is None else resolver(conflict)
    changed = [(token, n) for n in key.names if (token, n) in decision.columns]
    if answer is conflict.mine or not changed:
        decision.conflicts.append(conflict)  # nobody can refer to a row that is not there
    elif answer is conflict.theirs:
        for place in changed:
            del decision.columns[place]
    elif one:
        decision.columns[changed[0]] = (decision.columns[changed[0]][0], answer)
    else:
        check_side(conflict, answer)
