"""What both sides changed, and what to do about it: ``Conflict``, ``ConflictError``, policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.orm.exc import StaleDataError

from tether.carry.graph import IdentityKey
from tether.carry.merge import MISSING
from tether.carry.naming import attribute_names
from tether.carry.near import near_names
from tether.carry.shape import shape_of
from tether.errors import TetherError

POLICIES: Final = "__tether_on_conflict__"  # on a mapped class: attribute name -> policy


class Kind(StrEnum):
    """What sort of conflict."""

    CHANGED = "changed"
    ROW_DELETED = "row deleted"
    ROW_RECREATED = "row re-created"
    ROW_HIDDEN = "row hidden from this Session by a filter"
    REMOVED_BUT_CHANGED = "removed here, changed there"
    UNIQUE = "unique value taken"
    REFERENCE = "refers to a deleted row"
    ORDER = "order changed on both sides"
    MOVED_ON = "changed since the plan was made"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One attribute, or one row, that I and somebody else changed differently.

    Attributes:
        identity_key: ``(class, primary key, token)`` of the row; for a row that
            is not inserted yet the primary key is as far as it is known.
        attribute: Name of the mapped attribute; "" if the whole row is meant.
        base: The value both sides started from; ``MISSING`` if there was none.
        mine: My value; ``MISSING`` if I removed it.
        theirs: The value in the database now; ``MISSING`` if the row is gone.
            For relationships all three are identity keys, or tuples of them.
        kind: What sort of conflict it is.
    """

    identity_key: IdentityKey
    attribute: str
    base: Any
    mine: Any
    theirs: Any
    kind: Kind = Kind.CHANGED

    def __str__(self) -> str:
        name = name_of(self.identity_key)
        if self.kind is Kind.CHANGED:
            return f"{name}.{self.attribute}: base {self.base!r}, mine {self.mine!r}, theirs {self.theirs!r}"
        what = f"{name}.{self.attribute}" if self.attribute else name
        return f"{what}: {self.kind.value} (base {self.base!r}, mine {self.mine!r}, theirs {self.theirs!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a JSON encoder that knows dates and the like."""
        versions = {side: getattr(self, side) for side in ("base", "mine", "theirs")}
        shown = {side: None if value is MISSING else plain(value) for side, value in versions.items()}
        missing = [side for side, value in versions.items() if value is MISSING]
        return {
            "class": self.identity_key[0].__name__,
            "primary_key": list(self.identity_key[1]),
            "attribute": self.attribute,
            "kind": self.kind.value,
            **shown,
            "missing": missing,
        }


class ConflictError(TetherError, StaleDataError):
    """You and somebody else changed the same attributes, and no policy says whose change counts.

    Nothing was written, and the Session is as it was.

    Attributes:
        conflicts: All of them, never empty, in the order of rows and attributes.
    """

    def __init__(self, conflicts: Iterable[Conflict]) -> None:
        self.conflicts = list(conflicts)
        super().__init__(self.conflicts)

    def __str__(self) -> str:
        count = len(self.conflicts)
        shown = "\n".join(f"  {conflict}" for conflict in self.conflicts[:10])
        more = f"\n  and {count - 10} more" if count > 10 else ""
        return (
            f"{count} conflict{'s' if count > 1 else ''} with what the database holds now:\n{shown}{more}\n"
            'Pass on_conflict="mine", "theirs" or a function, or look at .conflicts'
        )


Resolver = Callable[[Conflict], Any]
Policy = str | Resolver
OnConflict = Policy | Mapping[Any, Policy]


def prefer_mine(conflict: Conflict) -> Any:
    """Keep what I made of it."""
    return conflict.mine


def prefer_theirs(conflict: Conflict) -> Any:
    """Keep what the database holds."""
    return conflict.theirs


_NAMED: Final[Mapping[str, Resolver | None]] = {
    "raise": None,
    "mine": prefer_mine,
    "theirs": prefer_theirs,
}


def resolver_of(policy: Policy) -> Resolver | None:
    """Return the function a policy stands for; None for "raise".

    Raises:
        TypeError: It is neither one of the three words nor a function.
    """
    if callable(policy):
        return policy
    if policy not in _NAMED:
        raise TypeError(f'on_conflict= takes "raise", "mine", "theirs" or a function, not {policy!r}')
    return _NAMED[policy]


class Policies:
    """Which policy holds for which attribute.

    What the mapped class says about an attribute (``__tether_on_conflict__``) goes
    before what the call says about everything; what the call says about one
    attribute (a mapping) goes before both.

    Args:
        on_conflict: "raise", "mine", "theirs", a function ``(conflict) -> value``, or a mapping of
            attributes (``Order.status`` or ``"status"``) to these.
    """

    def __init__(self, on_conflict: OnConflict) -> None:
        named: Mapping[Any, Policy] = on_conflict if isinstance(on_conflict, Mapping) else {}
        rest: Policy = "raise" if isinstance(on_conflict, Mapping) else on_conflict
        self._named = [_named(attribute, resolver_of(policy)) for attribute, policy in named.items()]
        self._rest = resolver_of(rest)

    def resolver(self, conflict: Conflict) -> Resolver | None:
        """Return what decides *conflict*; None if it must be raised."""
        class_ = conflict.identity_key[0]
        for owner, attribute, resolver in self._named:
            if (owner is None or issubclass(class_, owner)) and conflict.attribute in meant(
                class_, attribute
            ):
                return resolver
        declared = _declared(class_)
        if conflict.attribute in declared:
            return resolver_of(declared[conflict.attribute])
        return self._rest

    def check(self, classes: Iterable[type]) -> None:
        """Refuse a name that no mapped class has: it would never be asked for, and nobody would know.

        Args:
            classes: Those of the rows; others of their registries may come into a conflict too.

        Raises:
            TypeError: There is one in ``on_conflict=``, or in ``__tether_on_conflict__`` of one of the classes.
        """
        own = set(classes)
        for class_ in own:
            for name in vars(class_).get(POLICIES, {}):
                _refuse_unknown(f"{class_.__name__}.{POLICIES}", name, [class_])
        named = [attribute for owner, attribute, _ in self._named if owner is None]
        if named:
            registries = {shape_of(class_).mapper.registry for class_ in own}
            known = [mapper.class_ for registry in registries for mapper in registry.mappers]
            for name in named:
                _refuse_unknown("on_conflict", name, known)


def _named(attribute: Any, resolver: Resolver | None) -> tuple[type | None, str, Resolver | None]:
    if isinstance(attribute, str):
        return None, attribute, resolver
    if not isinstance(attribute, QueryableAttribute):
        raise TypeError(
            f"on_conflict: {attribute!r} is no attribute of a mapped class, such as Order.status or 'status'"
        )
    owner: Any = attribute.parent
    return owner.class_, attribute.key, resolver


def meant(class_: type, attribute: str) -> tuple[str, ...]:
    """Return the attributes of a class by which a conflict names what *attribute* is: those of a composite, say."""
    shape = shape_of(class_)
    name = shape.synonyms.get(attribute, attribute)
    return shape.composites[name].columns if name in shape.composites else (name,)


def _refuse_unknown(where: str, name: str, classes: list[type]) -> None:
    """Refuse a name that none of some classes has; several unique columns are named together."""
    known = {known for class_ in classes for known in attribute_names(shape_of(class_))}
    for part in name.split(", ") if name else ():  # "" is the whole row
        if classes and part not in known:
            who = f"`{classes[0].__name__}`" if len(classes) == 1 else "none of the mapped classes"
            has = "has no" if len(classes) == 1 else "has a"
            raise TypeError(f"{where}: {who} {has} mapped attribute `{part}`{near_names(part, known)}")


def _declared(class_: type) -> dict[str, Policy]:
    """Return what a class and those it inherits from say about their attributes."""
    declared: dict[str, Policy] = {}
    for owner in reversed(class_.__mro__):
        declared |= vars(owner).get(POLICIES, {})
    return declared


def name_of(key: IdentityKey) -> str:
    """Return a row as a person writes it: ``Order 7``, ``Line (7, 2)``."""
    primary_key = tuple(key[1])
    shown = ", ".join(map(repr, primary_key))
    if not primary_key:
        return key[0].__name__
    return f"{key[0].__name__} {shown if len(primary_key) == 1 else f'({shown})'}"


def plain(value: Any) -> Any:
    """Return identity keys as what a person writes, and everything else as it is."""
    if isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], type):
        return name_of(value)
    if isinstance(value, tuple | list):
        return [plain(element) for element in value]
    return value
