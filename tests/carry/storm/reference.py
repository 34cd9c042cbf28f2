"""Three-way merge of single facts: a model of what attach() does, small enough to be seen to be right.

A fact is anything that one writer can change and another can see: a column of a row, an item with its count, a tag
that is there or not. ``ABSENT`` stands for what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSENT = "(absent)"
Fact = tuple[Any, ...]  # what, number of the order, which one
Facts = Mapping[Fact, Any]


def of(facts: Facts, fact: Fact) -> Any:
    """Return what a fact says."""
    return facts.get(fact, ABSENT)


def changed(base: Facts, side: Facts) -> set[Fact]:
    """Return the facts that a side changed."""
    return {fact for fact in base.keys() | side.keys() if of(base, fact) != of(side, fact)}


def conflicts(base: Facts, mine: Facts, theirs: Facts) -> set[Fact]:
    """Return the facts that both changed, and not to the same; and all of mine about an order that is gone.

    What both put in by themselves (a note under one title) is two rows, also if they look alike.
    """
    both = changed(base, mine) & changed(base, theirs)
    twice = {fact for fact in both if fact[0] == "topic" and of(base, fact) == ABSENT}
    differ = {fact for fact in both if of(mine, fact) != of(theirs, fact)}
    gone = {fact for fact in mine if order_of(fact) in gone_orders(base, theirs)}
    no_customer = {
        fact
        for fact in changed(base, mine)
        if fact[0] == "customer" and of(mine, fact) and ("row", "customer", of(mine, fact)) not in theirs
    }
    return twice | differ | gone | no_customer


def gone_orders(base: Facts, theirs: Facts) -> set[Any]:
    """Return the orders that somebody deleted."""
    return {order_of(fact) for fact in base.keys() - theirs.keys() if fact[0] == "status"}


def order_of(fact: Fact) -> Any:
    """Return which order a fact is about."""
    return fact[1]


def merged(base: Facts, mine: Facts, theirs: Facts, prefer: str) -> Facts:
    """Return each fact as the side left it that changed it; of two changes the preferred one.

    Args:
        base: What both began with.
        mine: What I made of it.
        theirs: What the database holds.
        prefer: "mine" or "theirs".
    """
    taken = changed(base, mine) - (conflicts(base, mine, theirs) if prefer == "theirs" else set())
    result = {**theirs, **{fact: of(mine, fact) for fact in taken}}
    return {fact: value for fact, value in result.items() if value != ABSENT}
