"""Values as bounded text: nothing long, nothing secret, no ``__repr__`` of an instance, which may load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import InstanceState, Mapper
from sqlalchemy.orm.attributes import instance_state

from tether.orm.inspect import is_secret

MASK = "***"
LONGEST = 60  # characters of one value
MOST = 5  # elements of one container
DEEPEST = 3  # containers inside each other


def shown(value: object, depth: int = 0) -> str:
    """Return *value* as one line of text.

    Text and bytes are cut before they are turned into a literal, containers
    after a few elements, anything else after its own ``repr()``. A ``repr()``
    that raises is named, not hidden.
    """
    state = mapped_state(value)
    if state is not None:
        return label(state)
    if isinstance(value, (str, bytes, bytearray)):
        return _cut_text(value)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return _container(value, depth)
    return _own_repr(value)


def mapped_state(value: object) -> InstanceState[Any] | None:
    """Return the ``InstanceState`` of a mapped instance, None for everything else."""
    try:
        state: object = instance_state(value)
    except AttributeError:
        return None
    # An object that answers to every name (a mock, a proxy) is not mapped.
    return state if isinstance(state, InstanceState) else None


def label(state: InstanceState[Any], *, hide: bool = False) -> str:
    """Return the class and primary key of an instance, such as ``User(id=1)``; secret parts are masked.

    Without an identity key it is ``User()``. With *hide* every part is masked.
    """
    name = state.class_.__name__
    if state.key is None:
        return f"{name}()"
    parts = zip(primary_key_names(state.mapper), masked_identity(state, hide=hide), strict=True)
    return f"{name}({', '.join(f'{key}={value}' for key, value in parts)})"


def primary_key_names(mapper: Mapper[Any]) -> list[str]:
    """Return the attribute names of the primary key, in its order."""
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def masked_identity(state: InstanceState[Any], *, hide: bool = False) -> list[str]:
    """Return the primary key as text, part by part, secret parts masked; empty without an identity key."""
    names = primary_key_names(state.mapper)
    pairs = zip(names, state.identity or (), strict=False)
    return [MASK if hide or is_secret(state.mapper, name) else shown(value) for name, value in pairs]


def _cut_text(value: str | bytes | bytearray) -> str:
    if len(value) <= LONGEST:
        return repr(value)
    unit = "characters" if isinstance(value, str) else "bytes"
    return f"{value[:LONGEST]!r}... ({len(value)} {unit})"


def _container(
    value: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any] | dict[Any, Any], depth: int
) -> str:
    opening, closing = _brackets(value)
    if depth >= DEEPEST:
        return f"{opening}...{closing}"
    if isinstance(value, dict):
        parts: Iterable[str] = (f"{shown(k, depth + 1)}: {shown(v, depth + 1)}" for k, v in value.items())
    else:
        parts = (shown(element, depth + 1) for element in value)
    first = [part for part, _ in zip(parts, range(MOST), strict=False)]
    rest = len(value) - len(first)
    if isinstance(value, (set, frozenset)) and not rest:
        first.sort()  # the order of a set differs from run to run
    more = f", ... ({len(value)} elements)" if rest else "," if opening == "(" and len(first) == 1 else ""
    return f"{opening}{', '.join(first)}{more}{closing}"


def _brackets(value: object) -> tuple[str, str]:
    if isinstance(value, list):
        return "[", "]"
    return ("(", ")") if isinstance(value, tuple) else ("{", "}")


def _own_repr(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  the value's own code; what it raised is what there is to show
        return f"<{type(value).__name__}, whose repr() raises {type(error).__name__}>"
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
