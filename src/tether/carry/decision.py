"""What is to be written, and the words in which the rooms of a decision speak of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import inspect

from tether.carry.conflicts import Conflict, ConflictError, Policies
from tether.carry.edits import Edits
from tether.carry.graph import IdentityKey, Node
from tether.carry.merge import MISSING
from tether.carry.reading import Row
from tether.carry.shape import Shape, shape_of

Place = tuple[int, str]  # token of a row, and one of its attributes
_NUMBERS = (int, float, Decimal)  # a column of any of them takes an int


@dataclass(slots=True)
class Decision:
    """What is to be written.

    Attributes:
        columns: (token, attribute) -> (value in the database, value to write).
        references: (token, many-to-one relationship) -> token of the row it should hold, or None.
        added: (owner's token, relationship) -> tokens to add.
        removed: (owner's token, relationship) -> tokens to remove.
        ordered: (owner's token, ``ordering_list``) -> all elements in the order they should have, by name: see
            ``contents.name_of()``.
        new: Tokens of rows to insert.
        deleted: Tokens of rows that the mapping deletes, because they lose their parent -> where they lose it.
        unflushed: (identity key, attribute) -> what the Session's own unflushed change becomes, where the row
            has changed below it.
        conflicts: Those that no policy decided.
    """

    columns: dict[Place, tuple[Any, Any]] = field(default_factory=dict)
    references: dict[Place, int | None] = field(default_factory=dict)
    added: dict[Place, list[int]] = field(default_factory=dict)
    removed: dict[Place, list[int]] = field(default_factory=dict)
    ordered: dict[Place, list[Any]] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)
    deleted: dict[int, Place] = field(default_factory=dict)
    unflushed: dict[tuple[IdentityKey, str], Any] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def collections(self) -> list[Place]:
        """Where elements are added, removed or put in order."""
        return list(dict.fromkeys([*self.removed, *self.added, *self.ordered]))

    def resolve(self, policies: Policies, conflict: Conflict) -> Any:
        """Return the value to write; MISSING if nobody decided, and then the conflict is kept."""
        resolver = policies.resolver(conflict)
        if resolver is None:
            self.conflicts.append(conflict)
            return MISSING
        return resolver(conflict)

    def is_mine(self, policies: Policies, conflict: Conflict) -> bool:
        """Return True if the policy takes my side; a conflict without policy is kept."""
        kept = len(self.conflicts)
        answer = self.resolve(policies, conflict)
        check_side(conflict, answer)
        return answer is conflict.mine and len(self.conflicts) == kept


def raise_if_conflicts(decision: Decision) -> None:
    """Raise what no policy decided."""
    if decision.conflicts:
        raise ConflictError(decision.conflicts)


def key_of(node: Node) -> IdentityKey:
    """Return a row's identity key with the class of the row in place of the root of its hierarchy."""
    return (node.class_, *node.key[1:]) if node.key is not None else (node.class_, (), None)


def row_of(edits: Edits, rows: Any, token: int) -> Row | None:
    """Return theirs; None for a new row and for one that is gone."""
    key = edits.node(token).key
    return None if key is None else rows.get(key)


def values_of(node: Node, edits: Edits) -> dict[str, Any]:
    """Return the column values of a row, with its primary key even where no column is loaded."""
    if node.token in edits.here:
        return dict(inspect(edits.here[node.token]).dict)
    known = dict(node.values)
    if node.key is not None:
        known |= dict(zip(shape_of(node.class_).primary_key, node.key[1], strict=True))
    return known


def is_recreated(shape: Shape, node: Node, row: Row) -> bool:
    """Return True if the row was deleted and inserted again: its version counts from the beginning."""
    now = row.values.get(shape.version) if shape.version is not None and shape.version_counts else None
    return isinstance(now, int) and isinstance(node.version, int) and now < node.version


def check_type(shape: Shape, name: str, value: Any) -> None:
    """Refuse what a conflict function returned if the column cannot hold it.

    Raises:
        TypeError: It is of another Python type than the column's, or None and the column takes no NULL.
    """
    if value is None:
        if not shape.mapper.columns[name].nullable:
            raise TypeError(
                f"on_conflict returned None for {shape.class_.__name__}.{name}, which is NOT NULL"
            )
        return
    try:
        expected = shape.columns[name].type.python_type
    except NotImplementedError:  # a type of the user's own that does not say
        return
    if isinstance(value, expected) or (isinstance(value, int) and issubclass(expected, _NUMBERS)):
        return
    raise TypeError(
        f"on_conflict returned a {type(value).__name__} for {shape.class_.__name__}.{name}, "
        f"which holds {expected.__name__}"
    )


def check_side(conflict: Conflict, answer: Any) -> None:
    """Refuse what a conflict function returned where only one side or the other can be taken.

    Raises:
        TypeError: It is neither ``conflict.mine`` nor ``conflict.theirs``.
    """
    if answer is conflict.mine or answer is conflict.theirs or answer is MISSING:
        return
    about = f"`{conflict.attribute}` of " if conflict.attribute else ""
    raise TypeError(
        f"on_conflict returned {answer!r} for {about}{conflict.identity_key[0].__name__} "
        f"({conflict.kind.value}): return conflict.mine or conflict.theirs"
    )
