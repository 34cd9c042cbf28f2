"""What a unit of work gives back: every mapped instance in it as a snapshot, of one graph."""

from __future__ import annotations

import copy
import dataclasses
from collections import namedtuple
from collections.abc import Generator, Iterable, Iterator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from sqlalchemy import Result, Row, ScalarResult
from sqlalchemy.engine import MappingResult
from sqlalchemy.orm import Query, Session

from tether.carry.snapshots import snapshot
from tether.errors import SnapshotError
from tether.orm import private

UNREAD = (Result, ScalarResult, MappingResult, Query, GeneratorType, AsyncGeneratorType, CoroutineType)


def leave(session: Session, value: Any, include: Iterable[object] | None = None) -> Any:
    """Return *value* with a snapshot in the place of each mapped instance; flushes first.

    Looks into lists, tuples, sets, dicts, rows of a result, dataclasses, attrs classes and pydantic models. What
    holds no instance is returned as it is; what does is copied, not changed.

    Raises:
        SnapshotError: A result or generator that would be read after the Session is closed; an instance without a
            row.
    """
    session.flush()
    found: dict[int, Any] = {}
    for instance in instances_in(value, set()):
        found[id(instance)] = instance
    if not found:
        return value
    # An include of nothing still loads what the flush expired (server defaults).
    twins = snapshot(list(found.values()), include=include or ())
    return replaced(value, dict(zip(found, twins, strict=True)), {})


def parts(value: Any) -> Iterator[Any]:
    """Yield what a container holds; nothing for anything else."""
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset | Row):
        yield from value
    elif names := fields_of(value):
        yield from (getattr(value, name) for name in names if hasattr(value, name))


def fields_of(value: Any) -> list[str]:
    """Return the fields of a dataclass, attrs class or pydantic model; none for anything else."""
    if isinstance(value, type):
        return []
    kind = type(value)
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    if hasattr(kind, "model_fields") and hasattr(kind, "model_copy"):
        return list(vars(value))
    return [field.name for field in getattr(kind, "__attrs_attrs__", ())]


def instances_in(value: Any, seen: set[int]) -> Generator[Any]:
    """Yield each mapped instance, in order."""
    if isinstance(value, UNREAD):
        raise SnapshotError(
            f"a unit of work returned a {type(value).__name__}, which would be read after its Session is closed: "
            "return the rows, .all() or list(...)"
        )
    if private.state_of_anything(value) is not None:
        yield value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    for part in parts(value):
        yield from instances_in(part, seen)


def replaced(value: Any, twins: dict[int, Any], done: dict[int, Any]) -> Any:
    """Return *value* with twins in the places of instances; the same object if it holds none."""
    if id(value) in twins:
        return twins[id(value)]
    if id(value) in done:
        return done[id(value)]
    done[id(value)] = value  # a container that holds itself
    before = list(parts(value))
    if not before:
        return value
    after = [replaced(part, twins, done) for part in before]
    if all(one is other for one, other in zip(before, after, strict=True)):
        return value
    done[id(value)] = rebuilt(value, after)
    return done[id(value)]


def rebuilt(value: Any, held: list[Any]) -> Any:
    """Return a container like *value* that holds something else."""
    if isinstance(value, dict):
        half = len(held) // 2
        return dict(zip(held[:half], held[half:], strict=True))
    if isinstance(value, Row):
        return namedtuple("Row", value._fields, rename=True)(*held)
    if isinstance(value, tuple):
        return type(value)(*held) if hasattr(type(value), "_fields") else tuple(held)
    for kind in (list, set, frozenset):
        if isinstance(value, kind):
            return kind(held)
    names = [name for name in fields_of(value) if hasattr(value, name)]
    changed = dict(zip(names, held, strict=True))
    if hasattr(type(value), "model_copy"):
        return value.model_copy(update=changed)
    copied = copy.copy(value)
    for name, part in changed.items():
        object.__setattr__(copied, name, part)  # frozen dataclasses too
    return copied
