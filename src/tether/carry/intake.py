"""What may be brought back, turned into base and mine."""

from __future__ import annotations

from collections import defaultdict
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
    joined = Edits(Graph(twins[0]._tether_view.graph.taken), Graph(twins[0]._tether_view.graph.taken), [])
    given: dict[int, list[int]] = defaultdict(list)
    for twin in twins:
        given[id(twin._tether_view)].append(twin._tether_token)
    views = {id(twin._tether_view): twin._tether_view for twin in twins}
    tokens: dict[int, dict[int, int]] = {}
    free = 1
    for number, view in views.items():
        tokens[number] = _add_view(joined, view, given[number], free)
        free += len(tokens[number])
    rest = edits_of_instances([thing for thing in things if not is_twin(thing)], session)
    _add_instances(joined, rest, free)
    roots = iter(rest.roots)
    joined.roots = [
        tokens[id(thing._tether_view)][thing._tether_token] if is_twin(thing) else free + next(roots)
        for thing in things
    ]
    return joined, is_list


def _add_view(joined: Edits, view: Any, given: list[int], free: int) -> dict[int, int]:
    """Add what some rows of a snapshot or draft reach; return its tokens there -> tokens here, from *free* on.

    A new row that nothing links to is not brought back.
    """
    if isinstance(view, DraftView):
        view.settle()
        base, mine = view.base.nodes, view.graph.nodes
    else:
        base = mine = view.graph.nodes
    tokens: dict[int, int] = {}
    waiting, reached = list(given), []
    while waiting:
        token = waiting.pop()
        if token not in tokens:
            tokens[token] = free + len(tokens)
            sides = base.get(token), mine.get(token)
            reached.append((tokens[token], *sides))
            for node in sides if sides[0] is not sides[1] else sides[:1]:
                if node is not None and node.links:
                    waiting += [other for link in node.links.values() for other in link.tokens]
    for token, before, now in reached:
        moved = None if before is None else _moved(before, token, tokens)
        if moved is not None:
            joined.base.nodes[token] = moved
        if now is not None:  # a node that is in both graphs is unchanged, and must stay one
            joined.mine.nodes[token] = moved if moved and now is before else _moved(now, token, tokens)
    return tokens


def _moved(node: Node, token: int, tokens: dict[int, int]) -> Node:
    links = {
        name: Link(link.kind, tuple([tokens[other] for other in link.tokens]), link.keys)
        for name, link in node.links.items()
    }
    return Node(token, node.class_, node.key, node.values, links, node.status, node.version)


def _add_instances(joined: Edits, part: Edits, offset: int) -> None:
    """Add instances under tokens that are *offset* higher than their own."""
    tokens = {token: token + offset for token in part.mine.nodes.keys() | part.base.nodes.keys()}
    moved: dict[int, Node] = {}
    for source, target in ((part.base, joined.base), (part.mine, joined.mine)):
        for token, node in source.nodes.items():
            if id(node) not in moved:
                moved[id(node)] = _moved(node, tokens[token], tokens)
            target.nodes[tokens[token]] = moved[id(node)]
    joined.here |= {tokens[token]: instance for token, instance in part.here.items()}
