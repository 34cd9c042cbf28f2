"""A row of one snapshot joins the draft of another: with all it reaches, and without a second copy of any row."""

from __future__ import annotations

from dataclasses import replace

from tether.carry.graph import Graph, Link, Node


def adopt(base: Graph, mine: Graph, other: Graph, token: int) -> int:
    """Add the rows that are reached from *token* of *other* to both graphs; return the token of that row there."""
    known = {node.key: node.token for node in mine if node.key is not None}
    nodes = reached(other, token)
    free = max(mine.nodes, default=-1) + 1
    tokens: dict[int, int] = {}
    for node in nodes:
        tokens[node.token] = free if node.key is None else known.get(node.key, free)
        free += tokens[node.token] == free
    for node in nodes:
        if tokens[node.token] not in mine.nodes:
            copied = node.copy()
            copied.token = tokens[node.token]
            copied.links = {name: moved(link, tokens) for name, link in node.links.items()}
            base.nodes[copied.token] = mine.nodes[copied.token] = copied
            mine.fingerprints[node.class_] = base.fingerprints[node.class_] = other.fingerprints[node.class_]
    return tokens[token]


def moved(link: Link, tokens: dict[int, int]) -> Link:
    """Return a link to the same rows by other tokens."""
    return replace(link, tokens=tuple(tokens[token] for token in link.tokens))


def reached(graph: Graph, token: int) -> list[Node]:
    """Return the node and all it leads to."""
    seen: dict[int, Node] = {}
    waiting = [token]
    while waiting:
        node = graph.nodes[waiting.pop()]
        if node.token not in seen:
            seen[node.token] = node
            waiting += [other for link in node.links.values() for other in link.tokens]
    return list(seen.values())
