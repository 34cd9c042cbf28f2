"""The database of the matrix: fill it, read it, and see what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, inspect, select, update
from sqlalchemy.schema import sort_tables_and_constraints

from tether.testing.triggers import LOG, plain_key, triggers

Row = Mapping[str, Any]
State = dict[tuple[Table, tuple[Any, ...]], Row]  # (table, primary key) -> values by column key
Writes = Counter[tuple[str, str, str]]  # (table, verb, primary key as text) -> how often


class Store:
    """A database that belongs to the matrix.

    Args:
        engine: Connects to it. It is prepared when it is used for the first time.
        tables: The tables of the mapped classes, and the association tables.
    """

    def __init__(self, engine: Engine, tables: Iterable[Table]) -> None:
        self.engine = engine
        ordered = sort_tables_and_constraints(list(tables))  # type: ignore[no-untyped-call]
        self.tables = [table for table, _ in ordered if table is not None]
        self.filled = list(self.tables)
        self.is_prepared = False

    def prepare(self) -> None:
        """Create the tables that are missing, and the triggers.

        Raises:
            ValueError: The tables hold rows that are not the matrix's.
        """
        if self.is_prepared:
            return
        with self.engine.begin() as connection:
            ours = inspect(connection).has_table(LOG.name)
            for metadata in {table.metadata for table in self.tables}:
                metadata.create_all(connection, tables=[t for t in self.tables if t.metadata is metadata])
            if not ours:
                self.refuse_rows(connection)
                LOG.create(connection)
            for statement in triggers(connection.dialect, self.tables):
                connection.exec_driver_sql(statement)
        self.is_prepared = True

    def refuse_rows(self, connection: Connection) -> None:
        """Refuse a database that somebody else uses."""
        for table in self.tables:
            if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
                raise ValueError(
                    f"the table {table.fullname} holds rows: conformance() deletes all rows of the mapped "
                    f"tables, so give it the engine of an empty database"
                )

    def reset(self, rows: Iterable[tuple[Table, Row]]) -> None:
        """Delete everything, and insert *rows*, in their order."""
        self.prepare()
        with self.engine.begin() as connection:
            for table in self.filled:
                self.unlink(connection, table)
            for table in reversed(self.filled):
                connection.execute(delete(table))
            used = set()
            for table, values in rows:
                connection.execute(table.insert(), values)
                used.add(table)
            self.filled = [table for table in self.tables if table in used]
            connection.execute(delete(LOG))

    def unlink(self, connection: Connection, table: Table) -> None:
        """Clear the foreign keys of a table to itself or to one that is emptied later: they may form a circle."""
        place = self.tables.index(table)
        for constraint in table.foreign_key_constraints:
            referred = constraint.referred_table
            circular = referred in self.tables[place:] and all(c.nullable for c in constraint.columns)
            if circular:
                nothing = dict.fromkeys(column.key for column in constraint.columns)
                connection.execute(update(table).values(nothing))

    def touch(self, tables: Iterable[Table]) -> None:
        """Note that a case fills these tables too."""
        more = {*self.filled, *tables}
        self.filled = [table for table in self.tables if table in more]

    def read(self, connection: Connection, tables: Iterable[Table]) -> State:
        """Return the rows of some tables."""
        state: State = {}
        for table in tables:
            for row in connection.execute(select(table)).mappings():
                values = {column.key: row[column] for column in table.c}
                state[table, key_of(table, values)] = values
        return state

    def state(self, tables: Iterable[Table]) -> State:
        """Return the rows of some tables, as a connection of its own sees them."""
        with self.engine.connect() as connection:
            return self.read(connection, tables)

    def forget_writes(self) -> None:
        """Empty the triggers' log."""
        with self.engine.begin() as connection:
            connection.execute(delete(LOG))

    def writes(self) -> Writes:
        """Return what the triggers noted since then."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(LOG.c.name, LOG.c.verb, LOG.c.row_key))
            return Counter((name, verb, plain_key(key)) for name, verb, key in rows)


def key_of(table: Table, values: Row) -> tuple[Any, ...]:
    """Return the primary key of a row; all its values, where the table has none."""
    return tuple(values[column.key] for column in (list(table.primary_key) or list(table.c)))


def writes_between(before: State, after: State) -> Writes:
    """Return the writes that lead from one state to the other, one for each row that differs."""
    found: Writes = Counter()
    for place in before.keys() | after.keys():
        table, key = place
        was, now = before.get(place), after.get(place)
        if was != now:
            verb = "INSERT" if was is None else "DELETE" if now is None else "UPDATE"
            found[table.fullname, verb, plain_key(key)] += 1
    return found
