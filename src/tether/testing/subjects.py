"""What a case is about: one attribute of one mapped class, the rows around it, and what both sides may do to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import RelationshipProperty

from tether.testing.axes import Edit, Form, Loaded
from tether.testing.rows import Scene, Thing
from tether.testing.sides import Side


@dataclass(frozen=True, eq=False)
class Step:
    """What one side does, with a name."""

    name: str
    do: Callable[[Side], None]


@dataclass(frozen=True, eq=False)
class Variation:
    """What happens in a case.

    Attributes:
        edit: Which place on the axis of edits.
        mine: What I do; None for nothing.
        theirs: What they do; None for nothing.
        name: Tells variations of one edit apart; "" for the first.
        deleted: Name of the row in the scene that they delete; "" for none.
        again: They insert it again afterwards.
        clash: Both fill a place that holds one row: a dictionary's key, a one-to-one relationship, an order.
    """

    edit: Edit
    mine: Step | None = None
    theirs: Step | None = None
    name: str = ""
    deleted: str = ""
    again: bool = False
    clash: str = ""

    def __str__(self) -> str:
        return f"{self.edit.value}: {self.name}" if self.name else self.edit.value


@dataclass
class Subject:
    """One attribute.

    Attributes:
        class_: Its mapped class.
        attribute: Its name.
        kind: What sort: "column Integer", "composite", "many-to-one" and so on, with words about the class.
        scene: Rows that are there.
        things: Those of them that have a part: "root" is the row of the attribute.
        fresh: Rows that somebody may insert.
        columns: Column attributes it is made of; for a relationship none.
        prop: The relationship.
        variations: What may happen.
        left_out: Edits that cannot be, with the reason.
        in_place: The value is changed in place.
        no_document: Why the value has no form in a document; "" if it has.
    """

    class_: type
    attribute: str
    kind: str
    scene: Scene
    things: dict[str, Thing]
    fresh: dict[str, Thing] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    prop: RelationshipProperty[Any] | None = None
    variations: list[Variation] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    in_place: bool = False
    no_document: str = ""

    @property
    def root(self) -> Thing:
        """The row the cases are about."""
        return self.things["root"]

    @property
    def family(self) -> str:
        """What sort of attribute, whatever the type of its column."""
        words = self.kind.split()
        return (
            self.kind if self.prop is not None or len(self.columns) != 1 else " ".join([words[0], *words[2:]])
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Attributes to defer, load or expire together."""
        return self.columns or (self.attribute,)

    @property
    def label(self) -> str:
        """``Order.status``, with what is done to it where there are several ways."""
        return f"{self.class_.__name__}.{self.attribute}" + (" in place" if self.in_place else "")

    def reason_against(self, variation: Variation, loaded: Loaded, form: Form) -> str:
        """Return why a case cannot be; "" if it can."""
        if form is Form.DOCUMENT and self.no_document:
            return self.no_document
        if variation.mine is None or loaded is Loaded.LOADED:
            return ""
        if self.in_place:
            return "what was not taken cannot be changed in place"
        if self.prop is not None and self.prop.direction.name != "MANYTOONE":
            return "a collection, or a one-to-one relationship, that was not taken cannot be edited"
        return ""

    def is_refused(self, variation: Variation, loaded: Loaded, form: Form) -> bool:
        """Return True if ``attach()`` must say that nobody kept what the attribute was before."""
        if variation.mine is None or self.prop is not None or variation.name == "of another attribute":
            return False
        return loaded is not Loaded.LOADED or (self.in_place and form is Form.DETACHED)


def row_variations(mine: Step) -> list[Variation]:
    """Return what may happen to the whole row while I change something of it, or nothing."""
    return [
        Variation(Edit.DELETED, mine, deleted="root"),
        Variation(Edit.RECREATED, mine, deleted="root", again=True),
        Variation(Edit.DELETED, deleted="root", name="not changed"),
        Variation(Edit.RECREATED, deleted="root", again=True, name="not changed"),
    ]
