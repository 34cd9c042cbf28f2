"""Three-way merge of plain values: base, mine, theirs in; what to keep out. Knows no Session and no database.

*base* is what both sides started from, *mine* what I made of it, *theirs* what
somebody else made of it meanwhile. Only a difference from *base* counts as a
change: what is absent on both sides of it was not deleted by anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

E = TypeVar("E", bound=Hashable)
Same = Callable[[Any, Any], bool]


class Missing:
    """What stands where there is no value: no row, no key. Equal only to itself, also after pickling."""

    _only: Missing | None = None

    def __new__(cls) -> Missing:
        """Return the only one."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> tuple[type[Missing], tuple[()]]:
        return Missing, ()


MISSING: Final = Missing()


def equal(one: Any, other: Any) -> bool:
    """Return True if two values are the same; a value that cannot be compared equals only itself."""
    if one is other:
        return True
    try:
        return bool(one == other)
    except (TypeError, ValueError, ArithmeticError):  # an array's truth, a signalling NaN, and the like
        return False


@dataclass(frozen=True, slots=True)
class Merged(Generic[E]):
    """What three versions of a collection come to.

    Attributes:
        elements: The merged collection, in order. Where *disordered*, in their order.
        added: Elements that I added and they lack, in my order.
        removed: Elements that I removed and they still have, in their order.
        disordered: Both sides put the elements they share in an order of their own.
    """

    elements: tuple[E, ...]
    added: tuple[E, ...]
    removed: tuple[E, ...]
    disordered: bool = False


def is_conflict(base: Any, mine: Any, theirs: Any, same: Same = equal) -> bool:
    """Return True if both sides changed the value, and not to the same."""
    return not (same(base, mine) or same(base, theirs) or same(mine, theirs))


def merge_value(base: Any, mine: Any, theirs: Any, same: Same = equal) -> Any:
    """Return the value that keeps whatever change was made; ask ``is_conflict()`` first."""
    return theirs if same(base, mine) else mine


def merge_elements(base: Sequence[E], mine: Sequence[E], theirs: Sequence[E]) -> Merged[E]:
    """Return a collection without order of its own: theirs, without what I removed, with what I added.

    Elements are compared by ``==`` and counted once.
    """
    added, removed = _difference(base, mine, theirs)
    gone = set(removed)
    kept = tuple(element for element in dict.fromkeys(theirs) if element not in gone)
    return Merged(kept + added, added, removed)


def merge_ordered(base: Sequence[E], mine: Sequence[E], theirs: Sequence[E]) -> Merged[E]:
    """Return a collection whose order counts.

    The order is that of the side that changed it; what the other side added
    stands behind the element it followed there. If both sides changed the order
    of what all three hold, and differently, the result is *disordered*.
    """
    merged = merge_elements(base, mine, theirs)
    common = set(base) & set(mine) & set(theirs)
    before, now, there = (_only(side, common) for side in (base, mine, theirs))
    disordered = is_conflict(before, now, there)
    if not disordered and before != now:
        elements = _weave(mine, theirs, set(merged.elements))
    else:
        elements = _weave(theirs, mine, set(merged.elements))
    return Merged(elements, merged.added, merged.removed, disordered)


def merge_keyed(
    base: Mapping[Any, E], mine: Mapping[Any, E], theirs: Mapping[Any, E]
) -> tuple[dict[Any, E], list[Any]]:
    """Return a merged dictionary, and the keys that both sides filled differently; those hold theirs."""
    merged: dict[Any, E] = {}
    clashes = []
    for key in dict.fromkeys([*theirs, *mine]):
        before, now, there = (side.get(key, MISSING) for side in (base, mine, theirs))
        clash = is_conflict(before, now, there)
        value: Any = there if clash else merge_value(before, now, there)
        if clash:
            clashes.append(key)
        if value is not MISSING:
            merged[key] = value
    return merged, clashes


def _difference(
    base: Sequence[E], mine: Sequence[E], theirs: Sequence[E]
) -> tuple[tuple[E, ...], tuple[E, ...]]:
    """Return what I added that they lack, and what I removed that they have."""
    before, now, there = set(base), set(mine), set(theirs)
    added = tuple(e for e in dict.fromkeys(mine) if e not in before and e not in there)
    removed = tuple(e for e in dict.fromkeys(theirs) if e in before and e not in now)
    return added, removed


def _only(side: Sequence[E], wanted: set[E]) -> list[E]:
    return [element for element in dict.fromkeys(side) if element in wanted]


def _weave(leading: Sequence[E], other: Sequence[E], wanted: set[E]) -> tuple[E, ...]:
    """Return *leading*'s order of what is wanted, with what only *other* has behind what it follows there."""
    woven = _only(leading, wanted)
    present = set(woven)
    previous: E | None = None
    for element in _only(other, wanted):
        if element not in present:
            position = 0 if previous is None else woven.index(previous) + 1
            woven.insert(position, element)
            present.add(element)
        previous = element
    return tuple(woven)
