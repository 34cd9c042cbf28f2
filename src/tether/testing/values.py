"""Values of columns, made from their types: the same number gives the same value, another number another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import types
from sqlalchemy.types import TypeEngine

DAY: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
WITH_TIME_ZONES: Final = {"postgresql", "oracle", "mssql"}


class CannotMakeError(Exception):
    """No row, or no value, can be made without help; the text says of what and why."""


def value_of(type_: TypeEngine[Any], number: int, dialect: str) -> Any:
    """Return a value that a column of this type takes, and gives back as it is.

    Args:
        type_: SQLAlchemy's type object.
        number: Which one, 0 to a few thousand. Types with few values repeat them.
        dialect: SQLAlchemy's name of the database, for what some databases do not keep (time zones).

    Raises:
        CannotMakeError: A type of the program's own.
    """
    if isinstance(type_, types.TypeDecorator) and not isinstance(type_, types.Interval | types.PickleType):
        raise CannotMakeError(f"nothing is known of the values of {type(type_).__name__}")
    for kind, make in BY_TYPE.items():
        if isinstance(type_, kind):
            return make(type_, number, dialect)
    try:
        python_type = type_.python_type
    except NotImplementedError:
        python_type = object
    if python_type in BY_PYTHON_TYPE:
        return BY_PYTHON_TYPE[python_type](type_, number, dialect)
    raise CannotMakeError(f"nothing is known of the values of {type(type_).__name__}")


def member(type_: Any, number: int, _dialect: str) -> Any:
    """Return a member of an enumeration."""
    members = list(type_.enum_class) if type_.enum_class is not None else list(type_.enums)
    return members[number % len(members)]


def text(type_: Any, number: int, _dialect: str) -> str:
    """Return a text that ends with the number, and fits."""
    made = f"text {number}"
    return made[-type_.length :] if type_.length else made


def decimal(type_: Any, number: int, _dialect: str) -> Any:
    """Return a number with as many digits as fit."""
    if not type_.asdecimal:
        return number + 0.5
    scale = 0 if type_.scale is None else type_.scale
    whole = 10 ** (type_.precision - scale) if type_.precision else 10**6
    return Decimal(number % whole).quantize(Decimal(1).scaleb(-scale))


def moment(type_: Any, number: int, dialect: str) -> datetime:
    """Return a day at noon; with a time zone where the column and the database keep one."""
    made = DAY + timedelta(days=number)
    return made if type_.timezone and dialect in WITH_TIME_ZONES else made.replace(tzinfo=None)


def uuid(type_: Any, number: int, _dialect: str) -> Any:
    """Return a UUID, or its hexadecimal digits."""
    made = UUID(int=number + 1)
    return made if type_.as_uuid else str(made)


def array(type_: Any, number: int, dialect: str) -> list[Any]:
    """Return a list of one or two elements."""
    made: Any = [value_of(type_.item_type, number + more, dialect) for more in range(1 + number % 2)]
    for _ in range((type_.dimensions or 1) - 1):
        made = [made]
    return list(made)


Maker = Callable[[Any, int, str], Any]

BY_TYPE: Final[Mapping[type, Maker]] = {
    types.Enum: member,
    types.Boolean: lambda _, number, __: bool(number % 2),
    types.Numeric: decimal,
    types.Float: decimal,
    types.Interval: lambda _, number, __: timedelta(hours=number),
    types.DateTime: moment,
    types.Date: lambda _, number, __: (DAY + timedelta(days=number)).date(),
    types.Time: lambda _, number, __: time(number % 24, number // 24 % 60),
    types.JSON: lambda _, number, __: {"number": number, "list": [number, None]},
    types.PickleType: lambda _, number, __: ("pickled", number),
    types.ARRAY: array,
    types.Uuid: uuid,
    types.LargeBinary: lambda _, number, __: b"bytes \x00 %d" % number,
    types.String: text,
    types.Integer: lambda _, number, __: number,
}
BY_PYTHON_TYPE: Final[Mapping[type, Maker]] = {
    int: BY_TYPE[types.Integer],
    str: lambda _, number, __: f"text {number}",
    bool: BY_TYPE[types.Boolean],
    float: lambda _, number, __: number + 0.5,
    bytes: lambda _, number, __: b"%d" % number,
    date: BY_TYPE[types.Date],
}
