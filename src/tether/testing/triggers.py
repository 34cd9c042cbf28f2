"""Triggers that note each row that is written, for the databases whose words for it are known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Column, Dialect, Integer, MetaData, String, Table

LOG: Final = Table(
    "tether_writes",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("verb", String(10), nullable=False),
    Column("row_key", String(500)),
)
VERBS: Final = ("INSERT", "UPDATE", "DELETE")
KNOWN: Final = ("sqlite", "postgresql", "mysql", "mariadb")


def triggers(dialect: Dialect, tables: list[Table]) -> Iterator[str]:
    """Yield the statements that make every write of *tables* leave a row in ``tether_writes``.

    Raises:
        NotImplementedError: A database whose triggers are not known.
    """
    if dialect.name not in KNOWN:
        raise NotImplementedError(
            f"conformance() counts writes with triggers, which it knows for {', '.join(KNOWN)}; "
            f"not for {dialect.name}"
        )
    quote = dialect.identifier_preparer
    for table in tables:
        name = quote.format_table(table)
        for verb in VERBS:
            side = "OLD" if verb == "DELETE" else "NEW"
            trigger = quote.quote_identifier(f"tether_{table.name}_{verb.lower()}"[:60])
            key = row_key(dialect, side, list(table.primary_key) or list(table.c))
            note = f"INSERT INTO tether_writes (name, verb, row_key) VALUES ('{table.fullname}', '{verb}', {key})"
            yield from one_trigger(dialect.name, trigger, f"AFTER {verb} ON {name}", name, note)


def one_trigger(dialect: str, trigger: str, when: str, table: str, note: str) -> Iterator[str]:
    """Yield the statements for one trigger."""
    if dialect == "postgresql":
        body = f"AS $$ BEGIN {note}; RETURN NULL; END $$ LANGUAGE plpgsql"
        yield f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger {body}"
        yield f"DROP TRIGGER IF EXISTS {trigger} ON {table}"
        yield f"CREATE TRIGGER {trigger} {when} FOR EACH ROW EXECUTE FUNCTION {trigger}()"
        return
    yield f"DROP TRIGGER IF EXISTS {trigger}"
    body = f"BEGIN {note}; END" if dialect == "sqlite" else note
    yield f"CREATE TRIGGER {trigger} {when} FOR EACH ROW {body}"


def row_key(dialect: Dialect, side: str, columns: list[Column[object]]) -> str:
    """Return the SQL expression of a row's primary key as text, its columns between slashes."""
    quote = dialect.identifier_preparer
    kind = "CHAR" if dialect.name in {"mysql", "mariadb"} else "TEXT"
    parts = [f"CAST({side}.{quote.format_column(column)} AS {kind})" for column in columns]
    if dialect.name in {"mysql", "mariadb"}:
        return f"CONCAT_WS('/', {', '.join(parts)})"
    return " || '/' || ".join(parts)


def plain_key(values: tuple[object, ...] | str) -> str:
    """Return a primary key as text that does not depend on how a database writes it."""
    parts = values.split("/") if isinstance(values, str) else map(str, values)
    return "/".join("".join(c for c in part if c.isalnum()).casefold() for part in parts)
