"""``snapshot()``: rows as values that do not change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, overload

from tether.carry.drafts import SnapshotView
from tether.carry.loading import load
from tether.carry.naming import Excluded
from tether.carry.taking import Taker, is_twin
from tether.errors import SnapshotError

T = TypeVar("T")


@overload
def snapshot(
    obj: list[T] | tuple[T, ...], include: Iterable[object] | None = None, *, exclude: Iterable[object] = ()
) -> list[T]: ...
@overload
def snapshot(obj: T, include: Iterable[object] | None = None, *, exclude: Iterable[object] = ()) -> T: ...
def snapshot(obj: Any, include: Iterable[object] | None = None, *, exclude: Iterable[object] = ()) -> Any:
    """Return an immutable twin of a row, or a list of twins, with everything loaded that is reached from it.

    A twin reads like the row: columns, loaded relationships, composites, hybrids, association proxies, synonyms,
    and the class's own properties and methods that only read. Rows that are shared stay shared. Nothing is
    written or flushed: an unflushed edit shows in the snapshot as it shows in the instance.

    Args:
        obj: A persistent or detached instance, or a list of them.
        include: Attributes to load first: ``Order.items``, ``"items.product"``, ``(Order.items, Item.product)``.
            Emits one SELECT by primary key, and one query for each relationship, whatever the number of rows.
            What is expired is loaded too. None: take what is loaded, emit nothing.
        exclude: Attributes to leave out. Columns with ``info={"tether": "secret"}`` are always left out.

    Raises:
        NotTakenError: Later, when an attribute is read that is not in the snapshot.
        SnapshotError: No row (transient, pending, deleted); an unknown name; a detached instance and an include.
    """
    return SnapshotView(graph_of(obj, include, exclude)).result()


def graph_of(obj: Any, include: Iterable[object] | None, exclude: Iterable[object] = ()) -> Any:
    """Return the graph of a row or a list of rows."""
    many = isinstance(obj, list | tuple)
    roots = list(obj) if many else [obj]
    if any(map(is_twin, roots)):
        raise SnapshotError(
            "snapshot() takes instances of mapped classes; this is a snapshot or draft already"
        )
    if include is not None:
        load(roots, include, "snapshot")
    return Taker(Excluded(exclude)).take(roots, many=many)
