"""What may be brought back, turned into base and mine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from tether.carry.base import edits_of_instances
from tether.carry.drafts import DraftView
from tether.carry.edits import Edits
from tether.carry.graph import Graph, Link, Node
from tether.carry.taking import is_twin


def edits_of(session: Session, changed: Any) -> tuple[Edits, bool]:
    """Return base and mine of what was given, and whether that is a list.

    Raises:
        NoBaseError: SQLAlchemy did not keep what a changed attribute was before.
        ValueError: An instance has no row yet.
        TypeError: Something is neither a snapshot, nor a draft, nor an instance of a mapped class.
    """
    is_list = isinstance(changed, list | tuple)
    things: list[Any] = list(changed) if is_list else [changed]
    twins = [thing for thing in things if is_twin(thing)]
    if not twins:
        return edits_of_instances(things, session), is_list
    views = {id(twin._tether_view): twin._tether_view for twin in twins}
    parts = {number: _edits_of_view(view, twins) for number, view in views.items()}
    instances = [thing for thing in things if not is_twin(thing)]
    joined = Edits(Graph(twins[0]._tether_view.graph.taken), Graph(twins[0]._tether_view.graph.taken), [])
    offsets = {number: _join(joined, part) for number, part in parts.items()}
    rest = edits_of_instances(instances, session)
    offset = _join(joined, rest)
    roots = iter(rest.roots)
    joined.roots = [
        offsets[id(thing._tether_view)] + thing._tether_token if is_twin(thing) else offset + next(roots)
        for thing in things
    ]
    return joined, is_list


def _edits_of_view(view: Any, twins: list[Any]) -> Edits:
    """Return base and mine of one snapshot or draft, as far as the given rows reach."""
    if isinstance(view, DraftView):
        view.settle()
        base, mine = view.base, view.graph
    else:
        base = mine = view.graph
    wanted = _reached([twin._tether_token for twin in twins if twin._tether_view is view], base, mine)
    return Edits(_part(base, wanted), _part(mine, wanted), [])


def _reached(tokens: Iterable[int], *graphs: Graph) -> set[int]:
    """Return what can be reached from some rows: a new row that nothing links to is not brought back."""
    reached: set[int] = set()
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        if token not in reached:
            reached.add(token)
            nodes = [graph.nodes[token] for graph in graphs if token in graph.nodes]
            waiting += [other for node in nodes for link in node.links.values() for other in link.tokens]
    return reached


def _part(graph: Graph, wanted: set[int]) -> Graph:
    return replace(graph, nodes={token: node for token, node in graph.nodes.items() if token in wanted})


def _join(joined: Edits, part: Edits) -> int:
    """Add a part under tokens of its own, and return how far they are from the part's."""
    offset = 1 + max([-1, *joined.base.nodes, *joined.mine.nodes])
    moved: dict[int, Node] = {}
    for source, target in ((part.base, joined.base), (part.mine, joined.mine)):
        for token, node in source.nodes.items():
            if id(node) not in moved:  # a node that is in both graphs is unchanged, and must stay one
                moved[id(node)] = _moved(node, offset) if offset else node
            target.nodes[token + offset] = moved[id(node)]
    joined.here |= {token + offset: instance for token, instance in part.here.items()}
    return offset


def _moved(node: Node, offset: int) -> Node:
    links: Mapping[str, Link] = {
        name: replace(link, tokens=tuple(token + offset for token in link.tokens))
        for name, link in node.links.items()
    }
    return replace(node, token=node.token + offset, links=dict(links))
