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
from tether.carry.near import named
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


class HeldNode(Node):
    """The node of an instance: its values are copied when somebody asks, since most rows are unchanged."""

    __slots__ = ("held", "names", "other", "touched")

    def __init__(
        self, state: InstanceState[Any], token: int, names: Iterable[str], links: dict[str, Link]
    ) -> None:
        self.token, self.class_, self.key, self.links = token, state.class_, state.key, links
        self.status, self.version = {}, None
        self.held, self.names = state.dict, names
        self.other: dict[str, Any] = {}  # values that are not those of the instance
        self.touched: dict[str, tuple[Any, Any]] = {}  # columns that were set: name -> (before, now)

    def __getattr__(self, name: str) -> Any:
        if name != "values":
            raise AttributeError(name)
        held = self.held
        self.values = {name: plain(held[name]) for name in self.names if name in held}
        self.values |= self.other
        return self.values

    def changed_from(self, _base: Node) -> dict[str, tuple[Any, Any]]:
        """Return the columns that SQLAlchemy says were set."""
        return self.touched


class _Walk:
    """Follows loaded relationships from the given instances, and gives each one a token."""

    def __init__(self, session: Session) -> None:
        now = datetime.now(UTC)
        self.session = session
        self.number = session.hash_key
        self.base, self.mine = Graph(now), Graph(now)
        self.here: dict[int, Any] = {}
        self.relations: dict[type, list[Relation]] = {}  # of each class, those that may be written
        self.tokens: dict[InstanceState[Any], int] = {}
        self.waiting: list[InstanceState[Any]] = []

    def root(self, instance: object) -> int:
        state = private.state_of_anything(instance)
        if state is None:
            raise TypeError(f"{named(instance)} is not an instance of a mapped class")
        if state.key is None:
            what = "pending" if state.pending else "transient"
            raise ValueError(
                f"this {type(instance).__name__} is {what}: it has no row yet. Use session.add() for a new row"
            )
        if state.was_deleted or state.deleted:
            raise ValueError(f"the row of this {type(instance).__name__} was deleted through SQLAlchemy")
        return self.token(instance, state)

    def token(self, instance: Any, state: InstanceState[Any] | None = None) -> int:
        state = state or private.state_of_anything(instance)
        assert state is not None, instance  # what a relationship holds is mapped
        token = self.tokens.get(state)
        if token is None:
            token = self.tokens[state] = len(self.tokens) + 1
            if state.session_id == self.number and state.session is self.session:
                self.here[token] = instance
            self.waiting.append(state)
        return token

    def visit(self, state: InstanceState[Any]) -> None:
        token, class_ = self.tokens[state], state.class_
        if token in self.here:
            node = Node(token, class_, state.key)
            self.base.nodes[token] = self.mine.nodes[token] = node
            return
        shape, dict_ = shape_of(class_), state.dict
        mine = HeldNode(state, token, shape.columns, self.links(shape, dict_))
        if shape.version is not None:
            mine.version = dict_.get(shape.version)
        self.mine.nodes[token] = mine
        if state.key is None:
            return
        self.base.nodes[token] = self.before(shape, state, mine) if state.modified else mine

    def links(self, shape: Shape, dict_: dict[str, Any]) -> dict[str, Link]:
        relations = self.relations.get(shape.class_)
        if relations is None:
            writable = [r for r in shape.relations.values() if not r.query and not r.viewonly]
            relations = self.relations[shape.class_] = writable
        return {r.key: self.link(r, dict_[r.key]) for r in relations if r.key in dict_}

    def link(self, relation: Relation, value: Any) -> Link:
        if relation.kind == "one":
            return Link("one", () if value is None else (self.token(value),))
        if relation.kind == "dict":
            return Link("dict", tuple(map(self.token, private.elements(value))), tuple(value))
        return Link(relation.kind, tuple(map(self.token, private.elements(value))))

    def before(self, shape: Shape, state: InstanceState[Any], mine: HeldNode) -> Node:
        """Return the row as it was loaded."""
        base = HeldNode(state, mine.token, shape.columns, dict(mine.links))
        base.version = mine.version
        for name, old in state.committed_state.items():
            if name in shape.columns:
                before = self.column_before(shape, state, name, old)
                if name not in state.dict:
                    mine.other[name] = None  # `del instance.name` is written as NULL
                base.other[name] = before
                mine.touched[name] = before, plain(state.dict.get(name))
            elif name in shape.relations and name in mine.links:
                self.relation_before(shape, state, name, old, base)
        return base

    def column_before(self, shape: Shape, state: InstanceState[Any], name: str, old: Any) -> Any:
        """Return what a column held."""
        if isinstance(old, LoaderCallableStatus):
            if name not in shape.primary_key:
                raise no_base(state, name)
            assert state.key is not None  # new rows have no base
            old = state.key[1][shape.primary_key.index(name)]
        return plain(old)

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
            if not self.is_told_elsewhere(state, name, relation):
                raise no_base(state, name)
            for node in (self.mine.nodes[base.token], base):
                node.links.pop(name, None)

    def is_told_elsewhere(self, state: InstanceState[Any], name: str, relation: Relation) -> bool:
        """Return True if a one-to-one relationship only follows a many-to-one one, whose foreign key is the change."""
        instance, others = state.obj(), list(self.tokens)
        now = private.state_of_anything(state.dict[name])
        others += [] if now is None else [now]
        return relation.kind == "one" and any(
            held is instance
            for other in others
            for back in relation.back
            if back in other.committed_state
            for held in (other.dict.get(back), other.committed_state[back])
        )

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
