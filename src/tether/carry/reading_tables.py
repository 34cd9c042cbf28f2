"""Tables of a document: read column by column, checked, and taken over to the classes as they are now."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any

from tether.carry.coding import decode
from tether.carry.columns import BadValueError, Format, read
from tether.carry.documents import KNOWN, LinkPart, TablePart
from tether.carry.graph import Kind, Status
from tether.carry.keys import decode_key
from tether.carry.merge import equal
from tether.carry.migrating import Migration
from tether.carry.shape import Relation, Shape
from tether.carry.tables import Links, Table
from tether.errors import SnapshotError


def read_table(part: TablePart, found: Migration, form: Format) -> Table:
    """Return the rows of a table.

    Raises:
        SnapshotError: A value, key or relationship is none; the message names the attribute.
    """
    shape = found.shape
    table = Table(shape.class_, part.rows, [], read_columns(part, found, form), {}, {})
    table.keys = read_keys(part, table, shape)
    for old, links in part.links.items():
        name = found.relation(old, changed=False)
        if name is not None:
            table.links[name] = read_links(links, found, shape.relations[name], len(part.rows))
    for name in (*shape.columns, *shape.relations):
        if name not in table.columns and name not in table.links:
            table.status[name] = read_status(part.missing, found, name)
    return table


def read_columns(part: TablePart, found: Migration, form: Format) -> dict[str, list[Any]]:
    """Return the columns."""
    shape = found.shape
    columns: dict[str, list[Any]] = {}
    for old, data in part.columns.items():
        name = found.column(old, changed=False)
        if name is None:
            continue
        refuse_secret(shape, name)
        try:
            values = read(part.holds.get(old, ""), data, shape.columns[name], form)
        except BadValueError as error:
            raise SnapshotError(
                f"`{shape.class_.__name__}.{name}` of {row_of(part, found, form, error.row)} {error.problem}"
            ) from error
        if len(values) != len(part.rows):
            raise SnapshotError(
                f"`{shape.class_.__name__}.{name}` has {len(values)} values for {len(part.rows)} rows"
            )
        columns[name] = values
    return columns


def row_of(part: TablePart, found: Migration, form: Format, row: int) -> str:
    """Return how an error names a row: by its primary key, or else by its place in the document."""
    name = found.shape.class_.__name__
    try:
        keys = [
            read(part.holds[old], part.columns[old], found.shape.columns[new], form)[row]
            for old in found.part.key
            for new in [found.names[old] or ""]
        ]
    except (BadValueError, KeyError, IndexError):
        return f"{name} number {row + 1}"
    return f"{name}({', '.join(map(repr, keys))})"


def refuse_secret(shape: Shape, name: str) -> None:
    """Refuse a value that can only be forged."""
    if name in shape.secrets:
        raise SnapshotError(
            f"`{shape.class_.__name__}.{name}` is secret, and the document has a value for it"
        )


def read_keys(part: TablePart, table: Table, shape: Shape) -> list[Any]:
    """Return the identity keys: of the columns, or as the document says them."""
    name = shape.class_.__name__
    types = [shape.columns[column].type for column in shape.primary_key]
    named = [table.columns[column] for column in shape.primary_key if column in table.columns]
    values: Iterable[tuple[Any, ...]] = zip(*named, strict=True)
    if part.keys is not None:
        wrong = [len(key) for key in part.keys if len(key) != len(types)]
        if wrong:
            raise SnapshotError(f"the document has a {name} with {wrong[0]} primary key values")
        values = [tuple(map(decode, key, types)) for key in part.keys]
        if len(values) != len(part.rows):
            raise wrong_count(part, name)
        told = [value for key in zip(*named, strict=True) for value in key]
        if len(named) == len(types) and not all(map(equal, chain.from_iterable(values), told)):
            raise SnapshotError(f"the document has a {name} with two primary keys")
    elif len(named) < len(types):
        raise SnapshotError(f"the document has a {name} without a primary key")
    tokens = repeat(None) if part.tokens is None else [decode(token, types[0]) for token in part.tokens]
    root = shape.mapper.identity_key_from_primary_key((None,) * len(types))[0]
    keys = list(zip(repeat(root), values, tokens, strict=False))
    try:
        set(keys)
    except TypeError as error:
        raise SnapshotError(f"the document has a {name} whose primary key cannot be one") from error
    if len(keys) != len(part.rows) or (part.tokens is not None and len(part.tokens) != len(part.rows)):
        raise wrong_count(part, name)
    return keys


def wrong_count(part: TablePart, name: str) -> SnapshotError:
    """Return the error for rows whose identity is not told, or told twice."""
    return SnapshotError(f"the document has {len(part.rows)} rows of {name}, and not as many primary keys")


def read_links(part: LinkPart, found: Migration, relation: Relation, rows: int) -> Links:
    """Return what a relationship of all rows holds."""
    links = Links(relation.kind, part.rows, part.counts, read_link_keys(part, found, relation))
    held = len(part.rows)
    if relation.kind == "one":
        right = held == rows and not part.counts and not part.keys
    else:
        right = len(part.counts) == rows and sum(part.counts) == held and min(part.counts, default=0) >= 0
        right = right and None not in part.rows and len(part.keys) == (held if relation.kind == "dict" else 0)
    if not right or not is_unique(links, relation.kind, rows):
        raise none_at_all(found.shape.class_, relation.key)
    return links


def read_link_keys(part: LinkPart, found: Migration, relation: Relation) -> list[Any]:
    """Return the keys of a dictionary."""
    if not part.keys:
        return []
    columns = found.columns_of(relation.target)
    try:
        return [decode_key(key, columns) for key in part.keys]
    except SnapshotError as error:
        raise SnapshotError(f"a key of `{found.shape.class_.__name__}.{relation.key}` {error}") from error


def is_unique(links: Links, kind: Kind, rows: int) -> bool:
    """Return whether no set holds a row twice, and no dictionary a key."""
    if kind not in {"set", "dict"}:
        return True
    try:
        return all(
            len(set(held)) == len(held)
            for link in map(links.link, range(rows))
            for held in [link.tokens if kind == "set" else link.keys]
        )
    except TypeError:
        return False


def read_status(missing: dict[str, str], found: Migration, name: str) -> Status:
    """Return why an attribute has no value."""
    said = missing.get(found.old_name(name), "unloaded")
    if name in found.shape.secrets and said != "unset":
        return Status.EXCLUDED
    if said not in KNOWN:
        raise SnapshotError(f"the document says {said!r} of `{found.shape.class_.__name__}.{name}`")
    return Status(said)


def none_at_all(class_: type, name: str) -> SnapshotError:
    """Return the error for a relationship that holds what it cannot hold."""
    return SnapshotError(f"the document has a `{class_.__name__}.{name}` that is none")
