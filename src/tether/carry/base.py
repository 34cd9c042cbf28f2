"""Base and mine of detached instances, from the history SQLAlchemy keeps of them.

``InstanceState.committed_state`` has the old value of every loaded attribute that was
changed, also after a pickle (SQLAlchemy 2.0.20 to 2.1). It has none for an attribute that
was set while it was not loaded, and none for a value that was changed in place through
``Mutable``; a change in place without ``Mutable`` is not seen at all. No attribute of the
instances is read, so nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import InstanceState, LoaderCallableStatus, Session

from tether.carry.edits import Edits
from tether.carry.frozen import plain
from tether.carry.graph import Graph, Link, Node, Status
from tether.carry.shape import Relation, Shape, shape_of
from tether.errors import NoBaseError
from tether.orm import private
from tether.orm.inspect import dotted


def edits_of_instances(instances: Iterable[object], session: Session) -> Edits:
    """Return the graph of detached instances, as it was loaded and as it is now.

    Args:
        instances: Detached instances, or instances that are in *session*.
        session: Where they are to be brought back.

    Raises:
        NoBaseError: SQLAlchemy kept no base for a changed attribute.
        ValueError: An instance is pending, transient or deleted.
        TypeError: An object is not an instance of a mapped class.
    """
    walk = _Walk(session)
    roots = [walk.root(instance) for instance in instances]
    while walk.waiting:
        walk.visit(walk.waiting.pop())
    return Edits(walk.base, walk.mine, roots, walk.here)


class _Walk:
    """Follows loaded relationships from the given instances, and gives each one a token."""

    def __init__(self, session: Session) -> None:
        now = datetime.now(UTC)
        self.session = session
        self.base, self.mine = Graph(now), Graph(now)
        self.here: dict[int, Any] = {}
        self.tokens: dict[InstanceState[Any], int] = {}
        self.waiting: list[InstanceState[Any]] = []

    def root(self, instance: object) -> int:
        state = private.state_of_anything(instance)
        if state is None:
            raise TypeError(f"{type(instance).__name__} is not an instance of a mapped class")
        if state.key is None:
            what = "pending" if state.pending else "transient"
            raise ValueError(
                f"this {type(instance).__name__} is {what}: it has no row yet. Use session.add() for a new row"
            )
        if state.was_deleted or state.deleted:
            raise ValueError(f"the row of this {type(instance).__name__} was deleted through SQLAlchemy")
        return self.token(instance)

    def token(self, instance: Any) -> int:
        state = private.state_of_anything(instance)
        assert state is not None, instance  # what a relationship holds is mapped
        token = self.tokens.get(state)
        if token is None:
            token = self.tokens[state] = len(self.tokens) + 1
            if state.session is self.session and state.session is not None:
                self.here[token] = instance
            self.waiting.append(state)
        return token

    def visit(self, state: InstanceState[Any]) -> None:
        token, shape = self.tokens[state], shape_of(state.class_)
        dict_ = state.dict
        if token in self.here:
            node = Node(token, state.class_, state.key)
            self.base.nodes[token] = self.mine.nodes[token] = node
            return
        values = {name: plain(dict_[name]) for name in shape.columns if name in dict_}
        mine = Node(token, state.class_, state.key, values, self.links(shape, dict_))
        if shape.version is not None:
            mine.version = values.get(shape.version)
        self.mine.nodes[token] = mine
        if state.key is None:
            return
        self.base.nodes[token] = self.before(shape, state, mine) if state.modified else mine

    def links(self, shape: Shape, dict_: dict[str, Any]) -> dict[str, Link]:
        return {
            name: self.link(relation, dict_[name])
            for name, relation in shape.relations.items()
            if name in dict_ and not relation.query and not relation.viewonly
        }

    def link(self, relation: Relation, value: Any) -> Link:
        if relation.kind == "one":
            return Link("one", () if value is None else (self.token(value),))
        if relation.kind == "dict":
            return Link("dict", tuple(map(self.token, private.elements(value))), tuple(value))
        return Link(relation.kind, tuple(map(self.token, private.elements(value))))

    def before(self, shape: Shape, state: InstanceState[Any], mine: Node) -> Node:
        """Return the row as it was loaded."""
        base = mine.copy()
        for name, old in state.committed_state.items():
            if name in shape.columns:
                self.column_before(shape, state, name, old, base)
                mine.values.setdefault(name, None)  # `del instance.name` is written as NULL
            elif name in shape.relations and name in mine.links:
                self.relation_before(shape, state, name, old, base)
        return base

    def column_before(self, shape: Shape, state: InstanceState[Any], name: str, old: Any, base: Node) -> None:
        if isinstance(old, LoaderCallableStatus):
            if name not in shape.primary_key:
                raise no_base(state, name)
            assert state.key is not None  # new rows have no base
            old = state.key[1][shape.primary_key.index(name)]
        base.values[name] = plain(old)

    def relation_before(
        self, shape: Shape, state: InstanceState[Any], name: str, old: Any, base: Node
    ) -> None:
        relation = shape.relations[name]
        if not isinstance(old, LoaderCallableStatus):
            base.links[name] = self.link_before(relation, state.dict[name], old)
        elif relation.direction == "MANYTOONE":
            del base.links[name]  # its foreign key is the base
            base.status[name] = Status.UNLOADED
        else:
            raise no_base(state, name)

    def link_before(self, relation: Relation, now: Any, old: Any) -> Link:
        """Return what a relationship held; SQLAlchemy remembers a dictionary as the list of its values."""
        if relation.kind != "dict":
            return self.link(relation, old)
        keys = {id(element): key for key, element in now.items()}
        elements = private.elements(old)
        found = tuple(keys[id(e)] if id(e) in keys else now.keyfunc(e) for e in elements)
        return Link("dict", tuple(map(self.token, elements)), found)


def no_base(state: InstanceState[Any], name: str) -> NoBaseError:
    """Return the refusal of an attribute whose old value nobody knows."""
    if isinstance(state.dict.get(name), Mutable):
        why = "it was changed in place, and SQLAlchemy keeps no copy of what it was"
    else:
        why = (
            "it was set while it was not loaded (deferred, expired or never read), so what it was is unknown"
        )
    return NoBaseError(dotted(state.class_), name, why)
