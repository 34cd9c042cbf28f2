"""``snapshot()``: rows as values that do not change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, overload

from tether.carry.drafts import SnapshotView
from tether.carry.graph import IdentityKey
from tether.carry.loading import load
from tether.carry.naming import Excluded
from tether.carry.pausing import collector_paused
from tether.carry.taking import Taker, are_twins, is_twin
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
    written or flushed: an unflushed edit shows in the snapshot as it shows in the instance. The cyclic garbage
    collector rests meanwhile.

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
    with collector_paused():
        return SnapshotView(graph_of(obj, include, exclude)).result()


@dataclass(frozen=True, slots=True)
class About:
    """What travels with a row of a snapshot or draft, apart from its values.

    Attributes:
        class_: The mapped class.
        identity_key: ``(root class, primary key values, identity token)``; None for a row that a draft made.
        version: Value of ``version_id_col`` when it was taken; None without one.
        taken: When, in UTC.
        fingerprint: Of the class's mapped attributes.
    """

    class_: type
    identity_key: IdentityKey | None
    version: Any
    taken: datetime
    fingerprint: str


def about(row: Any) -> About:
    """Return the identity, version, time and fingerprint of a row of a snapshot or draft.

    Raises:
        SnapshotError: It is none.
    """
    if not is_twin(row):
        raise SnapshotError(f"about() takes a row of a snapshot or draft; got {row!r}")
    graph, token = row._tether_view.graph, row._tether_token
    node = row._tether_view.base.nodes.get(token, graph.nodes[token])
    return About(node.class_, node.key, node.version, graph.taken, graph.fingerprints[node.class_])


def graph_of(obj: Any, include: Iterable[object] | None, exclude: Iterable[object] = ()) -> Any:
    """Return the graph of a row or a list of rows."""
    many = isinstance(obj, list | tuple)
    roots = list(obj) if many else [obj]
    if any(are_twins(roots)):
        raise SnapshotError(
            "snapshot() takes instances of mapped classes; this is a snapshot or draft already"
        )
    if include is not None:
        load(roots, include, "snapshot")
    return Taker(Excluded(exclude)).take(roots, many=many)
