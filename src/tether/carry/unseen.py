"""Rows that a query does not find, and that are not deleted.

A filter on the Session (``with_loader_criteria`` in a ``do_orm_execute`` listener: soft deletes, tenants) hides
rows; a row whose class in the mapped hierarchy was changed is no row of the old class any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from tether.carry.conflicts import Kind
from tether.carry.graph import IdentityKey
from tether.carry.reading import ROWS_PER_STATEMENT, Row, Wanted, by_class, chunks
from tether.carry.shape import Shape, shape_of
from tether.orm import private_states


def find_unseen(session: Session, wanted: Wanted, rows: Mapping[IdentityKey, Row]) -> dict[IdentityKey, Kind]:
    """Return why rows were not found that are there, by identity key: ``ROW_HIDDEN`` or ``ROW_RECREATED``.

    One SELECT per class and 1,000 rows that were not found, of the table, where no filter holds; none if nothing
    is missing, or if the Session has no listener and the class no other in its table.
    """
    missing = {key: class_ for key, class_ in {**wanted.locked, **wanted.plain}.items() if key not in rows}
    unseen: dict[IdentityKey, Kind] = {}
    for class_, keys in by_class(missing):
        shape = shape_of(class_)
        if private_states.has_execute_listeners(session) or shape.mapper.inherits is not None:
            for chunk in chunks(keys, ROWS_PER_STATEMENT):
                unseen |= _look_in_table(session, shape, chunk)
    return unseen


def _look_in_table(session: Session, shape: Shape, keys: list[IdentityKey]) -> dict[IdentityKey, Kind]:
    mapper = shape.mapper.base_mapper
    columns: list[Any] = list(mapper.primary_key)
    discriminator: list[Any] = [] if mapper.polymorphic_on is None else [mapper.polymorphic_on]
    statement = select(*columns, *discriminator).select_from(mapper.local_table)
    if len(columns) == 1:
        statement = statement.where(columns[0].in_([key[1][0] for key in keys]))
    else:
        statement = statement.where(tuple_(*columns).in_([key[1] for key in keys]))
    found = {}
    for row in session.connection(bind_arguments={"mapper": mapper}).execute(statement):
        key = mapper.identity_key_from_primary_key(tuple(row[: len(columns)]))
        now = mapper.polymorphic_map.get(row[-1]) if discriminator else shape.mapper
        is_same = now is not None and now.isa(shape.mapper)
        found[key] = Kind.ROW_HIDDEN if is_same else Kind.ROW_RECREATED
    return found
