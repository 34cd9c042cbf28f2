"""``patch()``: data from outside into a draft, only where the program allows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar

import msgspec
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.types import JSON, TypeDecorator, TypeEngine

from tether.carry.coding import enum_of
from tether.carry.drafts import draft_view
from tether.carry.frozen import plain
from tether.carry.naming import owner_and_name, resolved
from tether.carry.near import near_names
from tether.carry.shape import Column, Shape, shape_of
from tether.errors import SnapshotError

T = TypeVar("T")


def patch(draft: T, data: Mapping[str, Any], *, allow: Iterable[object], strict: bool = True) -> T:
    """Return the draft, with the values of *data* set: all of them, or none if one is refused.

    What is not in *data* stays as it is; None is a value, and is refused where the column takes no NULL. Values
    are converted to the column's Python type as from JSON: ``"2026-01-02"`` becomes a date, ``"9.99"`` a Decimal,
    an enum's value or name its member. A column of the program's own type takes its value as it is.

    Args:
        draft: From ``edit()``.
        data: Names of column attributes and values, such as a parsed JSON body.
        allow: The attributes that may be set: ``[Order.status, "note"]``. Required: there is no "all of them".
        strict: False converts text to numbers and booleans too, as a form sends them.

    Raises:
        SnapshotError: A name that is not allowed, or a value that the column cannot hold; the message names it.
    """
    view = draft_view(draft, "patch()")
    twin: Any = draft
    shape = shape_of(view.node(twin._tether_token).class_)
    allowed = allowed_names(shape, allow)
    if not isinstance(data, Mapping):
        raise SnapshotError(f"patch() takes a mapping of names to values; got {type(data).__name__}")
    values = {}
    for given, value in data.items():
        name = shape.synonyms.get(given, given)
        if name not in allowed:
            raise SnapshotError(
                f"`{given}` is not in allow= of this patch of `{shape.class_.__name__}`"
                f"{near_names(str(given), allowed)}"
            )
        values[name] = converted(shape, shape.columns[name], value, strict=strict)
    for name, value in values.items():
        setattr(draft, name, value)
    return draft


def allowed_names(shape: Shape, allow: Iterable[object]) -> set[str]:
    """Return the columns that may be set."""
    if isinstance(allow, str | QueryableAttribute) or not isinstance(allow, Iterable):
        raise SnapshotError("allow= takes a list, such as allow=[Order.status]")
    names: set[str] = set()
    for attribute in allow:
        name = attribute if isinstance(attribute, str) else owner_and_name(attribute, "allow")[1]
        for column in resolved(shape, name, "allow"):
            if column not in shape.columns:
                raise SnapshotError(
                    f"allow: `{shape.class_.__name__}.{name}` is a relationship; patch() sets columns: "
                    "patch the rows it holds, and link new ones by draft.new(...)"
                )
            if shape.columns[column].computed:
                raise SnapshotError(f"allow: `{shape.class_.__name__}.{name}` is computed by the database")
            names.add(column)
    return names


def converted(shape: Shape, column: Column, value: Any, *, strict: bool) -> Any:
    """Return a value as the column's Python type."""
    label = f"{shape.class_.__name__}.{column.key}"
    if value is None:
        if not column.nullable:
            raise SnapshotError(f"`{label}` takes no NULL")
        return None
    kind = python_type(column.type)
    if kind is None:
        return plain(value)
    try:
        return msgspec.convert(value, kind, strict=strict)
    except (msgspec.ValidationError, OverflowError, TypeError) as error:
        if issubclass(kind, Enum) and isinstance(value, str) and value in kind.__members__:
            return kind[value]
        raise SnapshotError(f"`{label}`: {error}") from error


def python_type(type_: TypeEngine[Any]) -> type | None:
    """Return the Python type of a column's values; None where anything may be one."""
    if isinstance(type_, JSON):
        return None
    enum = enum_of(type_)
    if enum is not None and not hasattr(type_, "item_type"):
        return enum
    if isinstance(type_, TypeDecorator):
        return None
    try:
        return type_.python_type
    except NotImplementedError:
        return None
