"""Keys of a relationship that is a dictionary, as a document holds them.

A key is a value of an attribute of the rows, or a tuple of such values, or whatever the program's function makes of
a row: SQLAlchemy keeps that function and not the attribute. So a key that plain data do not give back (a member of an
enum, a value of the program's own type) is written with the name of a column of the rows whose type does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tether.carry.coding import ENCODERS, decode, deeper, encode
from tether.carry.merge import equal
from tether.carry.shape import Column
from tether.errors import SnapshotError

OF_COLUMN: Final = "k"  # then [name of a column, the value as that column's type writes it]
TUPLE: Final = "tu"
PLAIN: Final = frozenset(ENCODERS) - {tuple, set, frozenset, list, dict}

Columns = Mapping[str, Column]


def encode_key(key: Any, columns: Columns, depth: int = 0) -> Any:
    """Return a key as plain data; *columns* are those of the rows in the dictionary.

    Raises:
        SnapshotError: There is no safe form of it.
    """
    if type(key) in PLAIN:
        return encode(key, first_type(columns), depth)
    deeper(depth)
    if type(key) is tuple:
        return [TUPLE, [encode_key(part, columns, depth + 1) for part in key]]
    problem: SnapshotError | None = None
    for name, column in columns.items():
        try:
            written = encode(key, column.type, depth + 1)
            if is_same(decode(written, column.type, depth + 1), key):
                return [OF_COLUMN, [name, written]]
        except SnapshotError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return encode(
        key, first_type(columns), depth
    )  # text or a number of a class of its own: as plain text or number


def first_type(columns: Columns) -> Any:
    """Return the type that is asked for what says by itself what it is: any will do."""
    return next(iter(columns.values())).type


def is_same(one: Any, other: Any) -> bool:
    """Return whether a value came back; text that equals a member of an enum is not the member."""
    return type(one) is type(other) and equal(one, other)


def decode_key(key: Any, columns: Columns, depth: int = 0) -> Any:
    """Return the key that ``encode_key`` was given; *columns* by the names that the document has for them.

    Raises:
        SnapshotError: It is not what ``encode_key`` writes.
    """
    match key:
        case [str(tag), list(parts)] if tag == TUPLE:
            deeper(depth)
            return tuple([decode_key(part, columns, depth + 1) for part in parts])
        case [str(tag), [str(name), written]] if tag == OF_COLUMN:
            if name not in columns:
                raise SnapshotError(f"is of a column `{name}`, which its rows do not have")
            return decode(written, columns[name].type, depth + 1)
    return decode(key, first_type(columns), depth)
