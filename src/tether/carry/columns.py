"""The values of one column of many rows, as a document holds them: all of one kind, told once.

A column whose values are all of one plain type (or None) is a list that msgspec writes and reads by itself. The
rest is a list of values that ``coding`` writes one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, Flag
from functools import cache
from math import isfinite
from operator import attrgetter, methodcaller
from types import GenericAlias
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy.types import JSON, TypeEngine

from tether.carry.coding import DEPTH, decode, encode, enum_of, is_json
from tether.carry.frozen import ATOMS, plain
from tether.carry.kinds import values_of
from tether.carry.shape import Column as ColumnFacts
from tether.errors import SnapshotError

Format = Literal["json", "msgpack"]
NOTHING: Final = type(None)
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError)
ENCODERS: Final[Mapping[str, Any]] = {"json": msgspec.json.Encoder(), "msgpack": msgspec.msgpack.Encoder()}
# What a column holds beside None -> the word for it in a document.
CODES: Final[Mapping[type, str]] = {
    str: "s", int: "i", float: "f", bool: "b", bytes: "y",
    Decimal: "D", UUID: "U", date: "d", datetime: "dt", time: "t",
}  # fmt: skip
KINDS: Final[Mapping[str, Any]] = {code: kind for kind, code in CODES.items()}
CONTAINERS: Final = frozenset({dict, list})
ENUM, AS_JSON, ONE_BY_ONE = "e", "j", "x"
NAME: Final = attrgetter("_name_")  # of a member; `name` is five times as slow


class JsonValues(list[Any]):
    """Values of a JSON column that JSON gives back as they are."""

    __slots__ = ()


def copied(values: list[Any], kinds: set[type], type_: TypeEngine[Any]) -> list[Any]:
    """Return values that share nothing changeable with those of the instances; *kinds* are their types."""
    if kinds <= ATOMS or all(kind in ATOMS or issubclass(kind, Enum) for kind in kinds):
        return values
    if isinstance(type_, JSON):
        found = through_json(values)
        if found is not None:
            return found
    return [value if type(value) in ATOMS else plain(value) for value in values]


def through_json(values: list[Any]) -> JsonValues | None:
    """Return what JSON gives back of values; None unless that is the same values."""
    try:
        found: list[Any] = msgspec.json.decode(ENCODERS["json"].encode(values))
    except (TypeError, *UNREADABLE):
        return None
    return JsonValues(found) if found == values and not is_nested_too_far(found) else None


def is_nested_too_far(values: Iterable[Any]) -> bool:
    """Return whether a value is nested more than ``DEPTH`` deep."""
    level = list(values)
    for _ in range(DEPTH + 1):
        level = [
            held
            for container in level
            if type(container) in CONTAINERS
            for held in (container.values() if type(container) is dict else container)
            if type(held) in CONTAINERS
        ]
        if not level:
            return False
    return True


class Column:
    """Writes a column: the word for what it holds, and the bytes."""

    def __init__(
        self, values: list[Any], column: ColumnFacts, form: Format, kinds: set[type] | None = None
    ) -> None:
        self.values = values
        self.type = column.type
        self.form = form
        self.kinds = set(map(type, values)) if kinds is None else kinds
        self.allowed = None if column.computed else values_of(column.type)

    def written(self) -> tuple[str, msgspec.Raw]:
        """Return word and bytes.

        Raises:
            BadValueError: There is no safe form of a value.
        """
        self.check_kinds()
        code, values = self.coded()
        if code != ONE_BY_ONE:
            try:
                return code, msgspec.Raw(ENCODERS[self.form].encode(values))
            except (
                UnicodeEncodeError,
                OverflowError,
            ):  # half a surrogate pair; an integer of more than 64 bits
                code = ONE_BY_ONE
        return code, msgspec.Raw(ENCODERS[self.form].encode(self.one_by_one()))

    def check_kinds(self) -> None:
        """Refuse values that the column cannot hold: ``loads`` would."""
        if self.allowed is None or all(issubclass(kind, (NOTHING, *self.allowed)) for kind in self.kinds):
            return
        for row, value in enumerate(self.values):
            check_kind(row, value, self.allowed)

    def coded(self) -> tuple[str, list[Any]]:
        """Return the word, and the values as msgspec can write them."""
        kinds = self.kinds - {NOTHING}
        kind = next(iter(kinds)) if len(kinds) == 1 else NOTHING
        if isinstance(self.type, JSON):
            return (AS_JSON, self.values) if self.is_json() else (ONE_BY_ONE, [])
        if kind in CODES:
            check = CHECKS.get(kind)
            return (CODES[kind], self.values) if check is None or check(self.present()) else self.other(kind)
        if issubclass(kind, Enum) and not issubclass(kind, Flag) and kind is enum_of(self.type):
            return ENUM, self.each(NAME)
        return ONE_BY_ONE, []

    def other(self, kind: type) -> tuple[str, list[Any]]:
        """Return datetimes of a time zone as ISO 8601, since MessagePack keeps no offset; the rest one by one."""
        if kind is datetime and all(map(has_plain_offset, self.present())):
            return CODES[datetime], self.each(methodcaller("isoformat"))
        return ONE_BY_ONE, []

    def present(self) -> list[Any]:
        """Return the values that are not None."""
        if NOTHING not in self.kinds:
            return self.values
        return [value for value in self.values if value is not None]

    def each(self, function: Callable[[Any], Any]) -> list[Any]:
        """Return what a function makes of each value; of None nothing."""
        if NOTHING not in self.kinds:
            return list(map(function, self.values))
        return [None if value is None else function(value) for value in self.values]

    def is_json(self) -> bool:
        """Return whether JSON gives the values of a JSON column back as they are."""
        if type(self.values) is JsonValues or self.kinds <= {str, bool, NOTHING}:
            return True
        if self.form == "json":
            return through_json(self.values) is not None
        return all(map(is_json, self.values))

    def one_by_one(self) -> list[Any]:
        """Return each value as plain data that says what it is."""
        self.check_kinds()
        found = []
        for row, value in enumerate(self.values):
            try:
                found.append(encode(value, self.type))
            except SnapshotError as error:
                raise BadValueError(row, str(error)) from error
        return found


class BadValueError(Exception):
    """A value of a column cannot be written or read.

    Attributes:
        row: Which row has it.
        problem: What is wrong, to be read after the name of attribute and row.
    """

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(row, problem)
        self.row = row
        self.problem = problem


def check_kind(row: int, value: Any, allowed: tuple[type, ...] | None) -> None:
    """Refuse a value that is of none of the types that its column has.

    Raises:
        BadValueError: It is not.
    """
    if value is not None and allowed is not None and not isinstance(value, allowed):
        wanted = " or ".join(kind.__name__ for kind in allowed)
        raise BadValueError(row, f"holds a {type(value).__name__}, and the column {wanted}")


def are_finite(values: list[float]) -> bool:
    """Return whether JSON can hold these numbers."""
    return all(map(isfinite, values))


def have_no_zone(values: list[Any]) -> bool:
    """Return whether these datetimes or times are plain: no time zone, and no second 02:30 of a night."""
    return not any(map(attrgetter("tzinfo"), values)) and not any(map(attrgetter("fold"), values))


def has_plain_offset(value: datetime) -> bool:
    """Return whether a datetime has an offset of whole minutes, and is not the second 02:30 of a night."""
    offset = value.utcoffset()
    return offset is not None and not (value.fold or offset.seconds % 60 or offset.microseconds)


CHECKS: Final[Mapping[type, Callable[[list[Any]], bool]]] = {
    float: are_finite, datetime: have_no_zone, time: have_no_zone,
}  # fmt: skip


@cache
def decoder(code: str, form: Format) -> Any:
    """Return msgspec's decoder of a column."""
    kinds: Mapping[str, Any] = {**KINDS, ENUM: str, AS_JSON: Any, ONE_BY_ONE: Any}
    coder: Any = msgspec.json if form == "json" else msgspec.msgpack
    return coder.Decoder(GenericAlias(list, (kinds[code] | None,)))


def read(code: str, data: msgspec.Raw, column: ColumnFacts, form: Format) -> list[Any]:
    """Return the values of a column.

    Raises:
        BadValueError: A value is not what the word says, or not what the column holds.
    """
    values, type_ = decoded(code, data, column.type, form), column.type
    allowed = None if column.computed else values_of(type_)
    if allowed is not None and not (code in KINDS and issubclass(KINDS[code], allowed)):
        for row, value in enumerate(values):
            check_kind(row, value, allowed)
    return values


def decoded(code: str, data: msgspec.Raw, type_: TypeEngine[Any], form: Format) -> list[Any]:
    """Return the values of a column, of whatever kind."""
    if code not in KINDS and code not in {ENUM, AS_JSON, ONE_BY_ONE}:
        raise BadValueError(0, f"is marked {code!r}, which this tether does not know")
    if code == AS_JSON and not isinstance(type_, JSON):
        raise BadValueError(0, "holds JSON, and the column does not")
    try:
        values: list[Any] = decoder(code, form).decode(data)
    except UNREADABLE as error:
        raise BadValueError(*unreadable(code, data, form, error)) from error
    if code == ENUM:
        return members(values, type_)
    if code == ONE_BY_ONE:
        return [one_decoded(row, value, type_) for row, value in enumerate(values)]
    if code == AS_JSON:
        if is_nested_too_far(values):
            raise BadValueError(0, f"holds a value nested more than {DEPTH} deep")
        if form == "msgpack" and not all(map(is_json, values)):
            raise BadValueError(0, "holds a value that is no JSON")
    return values


def unreadable(code: str, data: msgspec.Raw, form: Format, error: Exception) -> tuple[int, str]:
    """Return the row of the value that cannot be read, and what is wrong with it."""
    try:
        values = decoder(ONE_BY_ONE, form).decode(data)
    except UNREADABLE:
        return 0, f"cannot be read: {error}"
    for row, value in enumerate(values):
        try:
            msgspec.convert(value, KINDS.get(code, str) | None)
        except UNREADABLE as why:
            return row, f"holds a value that cannot be read: {why}"
    return 0, f"cannot be read: {error}"


def members(names: list[Any], type_: TypeEngine[Any]) -> list[Any]:
    """Return members of the column's enum."""
    kind = enum_of(type_)
    if kind is None:
        raise BadValueError(0, "holds a member of an enum, and the column has none")
    known: dict[Any, Any] = {None: None, **kind.__members__}
    try:
        return list(map(known.__getitem__, names))
    except KeyError as error:
        wrong = error.args[0]
        raise BadValueError(
            names.index(wrong), f"holds {wrong!r}, which is no member of {kind.__name__}"
        ) from None


def one_decoded(row: int, value: Any, type_: TypeEngine[Any]) -> Any:
    """Return a value that says by itself what it is."""
    try:
        return decode(value, type_)
    except SnapshotError as error:
        raise BadValueError(row, str(error)) from error
