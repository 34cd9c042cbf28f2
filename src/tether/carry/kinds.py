"""Which Python values a column's type can have."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum as PythonEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.types import (
    Boolean,
    Date,
    DateTime,
    Enum,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Time,
    TypeDecorator,
    TypeEngine,
    Uuid,
)

# A driver may give a sum of integers as a Decimal, and a program may set a price to 5.
NUMBERS: Final = (int, float, Decimal)
# The first that fits counts: Enum is a String to SQLAlchemy.
VALUES: Final[tuple[tuple[type[TypeEngine[Any]], tuple[type, ...]], ...]] = (
    (Enum, (str, PythonEnum)),
    (String, (str,)),
    (Boolean, NUMBERS),
    (Integer, NUMBERS),
    (Numeric, NUMBERS),
    (DateTime, (datetime,)),
    (Date, (date,)),
    (Time, (time, timedelta)),  # a TIME of MariaDB may be longer than a day
    (Interval, (timedelta,)),
    (LargeBinary, (bytes,)),
    (Uuid, (UUID, str)),
)


def values_of(type_: TypeEngine[Any]) -> tuple[type, ...] | None:
    """Return the Python types that values of a column have.

    None where tether does not know: JSON, arrays, types of a dialect, and types of the program's own.
    """
    if isinstance(type_, TypeDecorator) or type_.__visit_name__ == "SET":  # a SET of MariaDB gives sets
        return None
    return next((values for known, values in VALUES if isinstance(type_, known)), None)
