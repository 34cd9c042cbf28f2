"""Values of columns as JSON or MessagePack can hold them, and back, exactly.

None, bool, int, float and str stand for themselves. Everything else is a list of two: a tag, and what the tag
needs. Decoding makes built-in types only; what a column's own type makes of a value is the program's code, and is
asked only for that column.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.types import PickleType, TypeDecorator, TypeEngine

from tether.errors import SnapshotError

DEPTH: Final = 64  # how far a value may be nested
SMALLEST, LARGEST = -(2**63), 2**64 - 1  # what MessagePack's integers can hold
DIALECT: Final = DefaultDialect()

ADDRESSES: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (
        ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network,
        ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network,
    )
}  # fmt: skip


def encode(value: Any, type_: TypeEngine[Any], depth: int = 0) -> Any:
    """Return *value* as plain data.

    Raises:
        SnapshotError: There is no safe form of it, or it is nested too far.
    """
    encoder = ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value, type_, depth)
    return other(value, type_, depth)


def scalar(value: Any, type_: TypeEngine[Any], depth: int) -> Any:  # noqa: ARG001
    """Return what stands for itself."""
    return value


def string(value: str, type_: TypeEngine[Any], depth: int) -> Any:  # noqa: ARG001
    """Return text; half a surrogate pair has no UTF-8, so it travels as bytes."""
    return value if is_utf8(value) else ["s", value.encode("utf-8", "surrogatepass")]


def is_utf8(value: str) -> bool:
    """Return whether text can be encoded."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def integer(value: int, type_: TypeEngine[Any], depth: int) -> Any:  # noqa: ARG001
    """Return an integer; a large one as hexadecimal text, which has no limit on its digits."""
    return value if SMALLEST <= value <= LARGEST else ["i", hex(value)]


def real(value: float, type_: TypeEngine[Any], depth: int) -> Any:  # noqa: ARG001
    """Return a number; JSON has no infinity and no NaN."""
    return value if math.isfinite(value) else ["f", repr(value)]


def items(tag: str) -> Callable[..., Any]:
    """Return an encoder for a collection of values."""

    def encoder(value: Any, type_: TypeEngine[Any], depth: int) -> Any:
        deeper(depth)
        return [tag, [encode(held, item_type(type_), depth + 1) for held in value]]

    return encoder


def listed(value: list[Any], type_: TypeEngine[Any], depth: int) -> Any:
    """Return a list: as it is, if it holds what JSON holds."""
    return ["j", value] if is_json(value, depth) else LISTED(value, type_, depth)


def mapped(value: dict[Any, Any], type_: TypeEngine[Any], depth: int) -> Any:
    """Return a dict: as it is, if it holds what JSON holds; else as pairs."""
    if is_json(value, depth):
        return ["j", value]
    deeper(depth)
    inner = item_type(type_)
    return ["m", [[encode(k, inner, depth + 1), encode(v, inner, depth + 1)] for k, v in value.items()]]


def is_json(value: Any, depth: int = 0) -> bool:
    """Return whether JSON and MessagePack give *value* back as it is.

    Raises:
        SnapshotError: It is nested too far.
    """
    kind = type(value)
    if kind is str:
        return is_utf8(value)
    if kind is int:
        return bool(SMALLEST <= value <= LARGEST)
    if kind is float:
        return math.isfinite(value)
    if kind is dict:
        deeper(depth)
        return all(
            type(key) is str and is_utf8(key) and is_json(held, depth + 1) for key, held in value.items()
        )
    if kind is list:
        deeper(depth)
        return all(is_json(held, depth + 1) for held in value)
    return value is None or kind is bool


def deeper(depth: int) -> None:
    """Refuse a value that is nested too far."""
    if depth >= DEPTH:
        raise SnapshotError(f"a value is nested more than {DEPTH} deep")


def text(tag: str) -> Callable[..., Any]:
    """Return an encoder that writes what str() writes."""
    return lambda value, type_, depth: [tag, str(value)]  # noqa: ARG005


def iso(tag: str) -> Callable[..., Any]:
    """Return an encoder that writes ISO 8601, which has no word for the second 02:30 of a night; the tag has.

    Of a named time zone the offset is kept, which is the same instant.
    """
    return lambda value, type_, depth: [  # noqa: ARG005
        tag + "+" if getattr(value, "fold", 0) else tag,
        value.isoformat(),
    ]


def span(value: timedelta, type_: TypeEngine[Any], depth: int) -> Any:  # noqa: ARG001
    """Return a duration."""
    return ["td", [value.days, value.seconds, value.microseconds]]


def raw(value: bytes, type_: TypeEngine[Any], depth: int) -> Any:  # noqa: ARG001
    """Return bytes; in JSON they become base64."""
    return ["b", value]


def other(value: Any, type_: TypeEngine[Any], depth: int) -> Any:
    """Return what is of no built-in type: a member of the column's enum, or what the column's type makes of it."""
    if isinstance(value, Enum) and type(value) is enum_of(type_):
        return ["e", value.name]
    if isinstance(value, UUID):  # asyncpg gives a subclass of its own
        return encode(UUID(int=value.int), type_, depth)
    if type(value).__name__ in ADDRESSES and type(value) is ADDRESSES[type(value).__name__]:
        return ["ip", [type(value).__name__, str(value)]]
    if is_range(value):
        ends = [encode(value.lower, type_, depth + 1), encode(value.upper, type_, depth + 1)]
        return ["r", [*ends, value.bounds, value.empty]]
    decorator = decorator_of(type_)
    if decorator is not None:
        bound = asked(decorator, "process_bind_param", value)
        if type(bound) in ENCODERS:
            return ["x", encode(bound, type_, depth + 1)]
    elif isinstance(value, str | int | float) and type(value) is not bool:
        base = next(kind for kind in (str, int, float) if isinstance(value, kind))
        return encode(base(value.value if isinstance(value, Enum) else value), type_, depth)
    raise SnapshotError(
        f"holds a {type(value).__module__}.{type(value).__qualname__}, which has no safe form"
    )


def is_range(value: object) -> bool:
    """Return whether *value* is a PostgreSQL range as SQLAlchemy gives it."""
    return (
        type(value).__name__ == "Range" and type(value).__module__ == "sqlalchemy.dialects.postgresql.ranges"
    )


def enum_of(type_: Any) -> type[Enum] | None:
    """Return the Python enum of a column type, or of what its arrays hold."""
    for held in (type_, getattr(type_, "item_type", None), getattr(type_, "impl", None)):
        found: type[Enum] | None = getattr(held, "enum_class", None)
        if found is not None:
            return found
    return None


def item_type(type_: Any) -> Any:
    """Return the type of what an array holds."""
    return getattr(type_, "item_type", type_)


def decorator_of(type_: TypeEngine[Any]) -> Any:
    """Return the type if it is the program's own; unpickling is never asked for."""
    return type_ if isinstance(type_, TypeDecorator) and not isinstance(type_, PickleType) else None


def asked(decorator: Any, method: str, value: Any) -> Any:
    """Return what the program's own type makes of a value.

    Raises:
        SnapshotError: Its method raised.
    """
    try:
        return getattr(decorator, method)(value, DIALECT)
    except Exception as error:
        name = type(decorator).__name__
        raise SnapshotError(f"{name}.{method}() raised {type(error).__name__} for a value") from error


LISTED: Final = items("l")
ENCODERS: Final[Mapping[type, Callable[..., Any]]] = {
    type(None): scalar, bool: scalar, str: string, int: integer, float: real, bytes: raw,
    Decimal: text("D"), UUID: text("U"), complex: text("c"),
    date: iso("d"), datetime: iso("dt"), time: iso("t"), timedelta: span,
    list: listed, dict: mapped, tuple: items("tu"), set: items("S"), frozenset: items("F"),
}  # fmt: skip


def decode(value: Any, type_: TypeEngine[Any], depth: int = 0) -> Any:
    """Return the value that ``encode`` was given.

    Raises:
        SnapshotError: It is not what ``encode`` writes.
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    deeper(depth)
    match value:
        case [str(tag), held] if tag in DECODERS:
            try:
                return DECODERS[tag](held, type_, depth + 1)
            except (
                ValueError,
                TypeError,
                ArithmeticError,
                KeyError,
                InvalidOperation,
                binascii.Error,
            ) as error:
                if isinstance(error, SnapshotError):
                    raise
                raise SnapshotError(f"holds a value marked {tag!r} that cannot be read") from error
    raise SnapshotError(f"holds {type(value).__name__} data that is no value of a snapshot")


def octets(held: Any, type_: Any, depth: int) -> bytes:  # noqa: ARG001
    """Return bytes: MessagePack has them, JSON has base64."""
    return held if type(held) is bytes else base64.b64decode(expect(held, str), validate=True)


def expect(held: Any, kind: type) -> Any:
    """Return *held* if it is of exactly that type."""
    if type(held) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return held


def from_text(make: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a decoder that reads text."""
    return lambda held, type_, depth: make(expect(held, str))  # noqa: ARG005


def from_items(make: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a decoder of a collection."""
    return lambda held, type_, depth: make(
        [decode(element, item_type(type_), depth) for element in expect(held, list)]
    )


def duration(held: Any, type_: Any, depth: int) -> timedelta:  # noqa: ARG001
    """Return a timedelta."""
    days, seconds, microseconds = expect(held, list)
    return timedelta(expect(days, int), expect(seconds, int), expect(microseconds, int))


def pairs(held: Any, type_: Any, depth: int) -> dict[Any, Any]:
    """Return a dict."""
    inner = item_type(type_)
    return {decode(key, inner, depth): decode(value, inner, depth) for key, value in expect(held, list)}


def member(held: Any, type_: Any, depth: int) -> Enum:  # noqa: ARG001
    """Return a member of the column's enum."""
    kind = enum_of(type_)
    if kind is None:
        raise SnapshotError("holds a member of an enum, and the column has none")
    if held not in kind.__members__:
        raise SnapshotError(f"holds {held!r}, which is no member of {kind.__name__}")
    return kind[held]


def custom(held: Any, type_: Any, depth: int) -> Any:
    """Return what the program's own column type makes of the stored value."""
    decorator = decorator_of(type_)
    if decorator is None:
        raise SnapshotError("holds a value of a type of the program's own, and the column has none")
    return asked(decorator, "process_result_value", decode(held, type_, depth))


def address(held: Any, type_: Any, depth: int) -> Any:  # noqa: ARG001
    """Return an IP address or network."""
    name, written = expect(held, list)
    return ADDRESSES[expect(name, str)](expect(written, str))


def ranged(held: Any, type_: Any, depth: int) -> Any:
    """Return a PostgreSQL range."""
    from sqlalchemy.dialects.postgresql import Range

    lower, upper, bounds, empty = expect(held, list)
    if bounds not in {"[)", "(]", "[]", "()"}:
        raise TypeError("bounds")
    return Range(
        decode(lower, type_, depth), decode(upper, type_, depth), bounds=bounds, empty=expect(empty, bool)
    )


def verbatim(held: Any, type_: Any, depth: int) -> Any:  # noqa: ARG001
    """Return JSON as it is; MessagePack can hold more, which is refused."""
    if not is_json(held, depth):
        raise TypeError("not JSON")
    return held


DECODERS: Final[Mapping[str, Callable[..., Any]]] = {
    "b": octets, "s": lambda held, type_, depth: octets(held, type_, depth).decode("utf-8", "surrogatepass"),
    "i": from_text(lambda held: int(held, 16)), "f": from_text(float), "c": from_text(complex),
    "D": from_text(Decimal), "U": from_text(UUID),
    "d": from_text(date.fromisoformat), "dt": from_text(datetime.fromisoformat), "t": from_text(time.fromisoformat),
    "dt+": from_text(lambda held: datetime.fromisoformat(held).replace(fold=1)),
    "t+": from_text(lambda held: time.fromisoformat(held).replace(fold=1)),
    "td": duration, "j": verbatim, "m": pairs, "e": member, "x": custom, "ip": address, "r": ranged,
    "l": from_items(list), "tu": from_items(tuple), "S": from_items(set), "F": from_items(frozenset),
}  # fmt: skip
