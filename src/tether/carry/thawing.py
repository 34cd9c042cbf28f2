"""``thaw()``: a snapshot or draft as detached instances of the mapped classes."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy.orm.attributes import set_committed_value

from tether.carry.changes import same_value
from tether.carry.documents import reached
from tether.carry.drafts import DraftView
from tether.carry.frozen import plain
from tether.carry.graph import Link, Node, Status
from tether.carry.shape import Shape, shape_of
from tether.carry.taking import is_twin
from tether.errors import SnapshotError
from tether.orm import private

T = TypeVar("T")


def thaw(snapshot: T) -> T:
    """Return detached instances with the identity, the values and the loaded relationships of a snapshot.

    Of a draft the base is what was loaded, and the changes are unflushed changes: their history is right, and
    validators and attribute events have run. Rows a draft made are transient. ``__init__`` is not called; load
    events are (with no context, as in ``Session.merge()``). What was not taken raises ``DetachedInstanceError``.
    A list gives a list; rows that are shared stay shared.

    Raises:
        SnapshotError: It is no snapshot or draft.
    """
    rows: list[Any] = list(snapshot) if isinstance(snapshot, list) else [snapshot]
    if not all(map(is_twin, rows)):
        raise SnapshotError(f"thaw() takes a snapshot or a draft; got {snapshot!r}")
    made: dict[int, dict[int, Any]] = {}
    result: list[Any] = []
    for row in rows:
        view = row._tether_view
        if id(view) not in made:
            tokens = [other._tether_token for other in rows if other._tether_view is view]
            made[id(view)] = thawed(view, tokens)
        result.append(made[id(view)][row._tether_token])
    thawed_rows: Any = result if isinstance(snapshot, list) else result[0]
    kept: T = thawed_rows
    return kept


def thawed(view: Any, tokens: list[int]) -> dict[int, Any]:
    """Return the instances of all rows that lead from *tokens*, by token."""
    if isinstance(view, DraftView):
        view.settle()
    found = reached(view.graph, view.base, tokens)
    instances = {token: private.manager_of(view.graph.nodes[token].class_).new_instance() for token in found}
    base = [view.base.nodes[token] for token in found if token in view.base.nodes]
    for node in base:
        restore_columns(instances[node.token], node)
    for node in base:
        restore_links(instances, node)
    for node in base:
        finish(instances[node.token], node)
    if isinstance(view, DraftView):
        change(view, instances)
    return instances


def restore_columns(instance: Any, node: Node) -> None:
    """Give an instance its identity and what was loaded of its columns."""
    state = private.state_of_anything(instance)
    assert state is not None
    assert node.key is not None
    state.key = node.key
    state.identity_token = node.key[2]
    for name, value in node.values.items():
        set_committed_value(instance, name, plain(value))


def restore_links(instances: dict[int, Any], node: Node) -> None:
    """Give an instance what was loaded of its relationships."""
    for name, link in node.links.items():
        rows = [instances[token] for token in link.tokens]
        value = (rows[0] if rows else None) if link.kind == "one" else rows
        set_committed_value(instances[node.token], name, value)


def finish(instance: Any, node: Node) -> None:
    """Tell listeners, and mark what is missing so that reading it raises instead of giving None."""
    state = private.state_of_anything(instance)
    assert state is not None
    shape = shape_of(node.class_)
    state.manager.dispatch.load(state, None)
    missing = [name for name, why in node.status.items() if is_expired(shape, name, why)]
    if missing:
        private.expire_quietly(state, missing)


def is_expired(shape: Shape, name: str, why: Status) -> bool:
    """Return whether an attribute is to be expired.

    SQLAlchemy (2.0, 2.1) reads a column that is neither loaded nor expired nor deferred as None.
    """
    if why is Status.EXPIRED:
        return True
    return name in shape.columns and not shape.columns[name].deferred and why is not Status.UNSET


def change(view: DraftView, instances: dict[int, Any]) -> None:
    """Make the changes of a draft, as a program would: scalars first, then collections in their order."""
    for collections in (False, True):
        for token, instance in instances.items():
            node, before = view.graph.nodes[token], view.base.nodes.get(token)
            if node is before:
                continue
            if not collections:
                change_columns(instance, node, before)
            change_links(instances, node, before, collections=collections)


def change_columns(instance: Any, node: Node, before: Node | None) -> None:
    """Set the columns that differ."""
    shape = shape_of(node.class_)
    for name, value in node.values.items():
        known = before is not None and name in before.values
        if not (known and before is not None and same_value(shape, name, before.values[name], value)):
            setattr(instance, name, plain(value))


def change_links(instances: dict[int, Any], node: Node, before: Node | None, *, collections: bool) -> None:
    """Set the relationships that differ: the scalar ones, or the collections."""
    for name, link in node.links.items():
        old = before.links.get(name) if before is not None else None
        if (link.kind != "one") is not collections or (old is not None and old.same(link)):
            continue
        if old is None and not link.tokens and before is None:
            continue  # a new row's collection that nothing was put in
        setattr(instances[node.token], name, value_of(instances, link))


def value_of(instances: dict[int, Any], link: Link) -> Any:
    """Return what a relationship is set to."""
    rows = [instances[token] for token in link.tokens]
    match link.kind:
        case "one":
            return rows[0] if rows else None
        case "set":
            return set(rows)
        case "dict":
            return dict(zip(link.keys, rows, strict=True))
        case _:
            return rows
