"""Cases about relationships: whom a row refers to, and what a collection holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, UniqueConstraint
from sqlalchemy.ext.orderinglist import OrderingList
from sqlalchemy.orm import Mapper, RelationshipProperty

from tether.carry.shape import Relation, shape_of
from tether.testing.axes import Edit
from tether.testing.columns import LeftOut, about, attempt, setting
from tether.testing.rows import Maker, Scene, Thing, attribute_of
from tether.testing.sides import Side
from tether.testing.subjects import Step, Subject, Variation, row_variations
from tether.testing.values import CannotMakeError

MEMBERS = ("first", "second", "third")  # rows that the collection holds at the beginning; "spare" is outside


def relation_subjects(maker: Maker, mapper: Mapper[Any], left_out: LeftOut) -> Iterator[Subject]:
    """Yield the relationships of a class; those it inherits are its parent's."""
    shape = shape_of(mapper.class_)
    for name, relation in shape.relations.items():
        prop = mapper.relationships[name]
        if prop.parent is not mapper:
            continue
        if relation.query:
            left_out(name, f"it is a query (lazy={prop.lazy!r}): its rows do not travel")
        elif prop.direction.name == "MANYTOONE":
            yield from attempt(left_out, name, lambda _, p=prop: reference_subject(maker, p), name)  # type: ignore[misc]
        else:
            yield from attempt(left_out, name, lambda _, p=prop: collection_subject(maker, p), name)  # type: ignore[misc]


def keys_at(prop: RelationshipProperty[Any], holder: Mapper[Any], referred: Thing) -> dict[str, Any]:
    """Return the foreign key with which a row of *holder* refers to *referred*, by attribute.

    Raises:
        CannotMakeError: The relationship compares more than a foreign key.
    """
    found = {}
    for local, remote in prop.local_remote_pairs or ():
        own, other = (local, remote) if prop.direction.name == "MANYTOONE" else (remote, local)
        name, source = attribute_of(holder, own), attribute_of(referred.shape.mapper, other)
        if name is None or source is None:
            raise CannotMakeError("its join is more than a foreign key to mapped columns")
        found[name] = referred.values[source]
    return found


def can_be_cleared(prop: RelationshipProperty[Any]) -> bool:
    """Return True if the foreign key may be NULL."""
    pairs = prop.local_remote_pairs or ()
    many_to_one = prop.direction.name == "MANYTOONE"
    return all((local if many_to_one else remote).nullable for local, remote in pairs)


def reference_subject(maker: Maker, prop: RelationshipProperty[Any]) -> Subject:
    """Return a many-to-one relationship: a row that refers to the first of three rows."""
    class_, target = prop.parent.class_, prop.mapper.class_
    scene = Scene(maker)
    offset = 1 if prop.mapper.base_mapper is prop.parent.base_mapper else 0
    first, second, third = (scene.add(target, number + offset) for number in (1, 2, 3))
    held = {attribute_of(prop.parent, column) for column in prop.local_columns}
    if not held.isdisjoint(shape_of(class_).primary_key):
        raise CannotMakeError("it is part of the primary key, which stays")
    keys = keys_at(prop, prop.parent, first)
    root = scene.add(class_, 1, keys)
    subject = Subject(
        class_,
        prop.key,
        kind_of(prop),
        scene,
        {"root": root, "first": first, "second": second, "third": third},
        prop=prop,
    )

    def referring(name: str) -> Step:
        return Step(name, lambda side: setattr(side.root, prop.key, side.other(name)))

    mine, theirs = referring("second"), referring("third")
    if prop.viewonly:
        subject.variations = viewed(
            subject, replace(theirs, do=lambda side: write_keys(side.root, prop, third))
        )
        return subject
    subject.variations = [
        Variation(Edit.UNCHANGED),
        Variation(Edit.MINE, mine),
        Variation(Edit.THEIRS, None, theirs),
        Variation(Edit.SAME, mine, mine),
        Variation(Edit.DIFFERENT, mine, theirs),
        Variation(Edit.DIFFERENT, mine, None, name="the target deleted", deleted="second"),
        *row_variations(mine),
    ]
    if can_be_cleared(prop):
        none = setting("none", prop.key, None)
        subject.variations.append(Variation(Edit.MINE, none, name="to None"))
        subject.variations.append(Variation(Edit.DIFFERENT, none, theirs, name="None and a row"))
    return subject


def write_keys(holder: Any, prop: RelationshipProperty[Any], referred: Thing) -> None:
    """Set a foreign key by hand."""
    for name, value in keys_at(prop, prop.parent, referred).items():
        setattr(holder, name, value)


def viewed(subject: Subject, theirs: Step | None) -> list[Variation]:
    """Return what may happen to a relationship that is viewonly: it is taken along, and never written."""
    why = "it is viewonly"
    subject.left_out += [(edit.value, why) for edit in (Edit.MINE, Edit.SAME, Edit.DIFFERENT)]
    found = [Variation(Edit.UNCHANGED), Variation(Edit.DELETED, deleted="root", name="not changed")]
    return found + ([Variation(Edit.THEIRS, None, theirs)] if theirs else [])


def kind_of(prop: RelationshipProperty[Any]) -> str:
    """Return what sort of relationship it is, and of what sort of class."""
    shape = shape_of(prop.parent.class_)
    relation = shape.relations[prop.key]
    words = [
        {"MANYTOONE": "many-to-one", "ONETOMANY": "one-to-many", "MANYTOMANY": "many-to-many"}[
            relation.direction
        ]
    ]
    if relation.direction == "ONETOMANY" and relation.kind == "one":
        words = ["one-to-one"]
    if relation.kind in {"set", "dict"}:
        words.append(relation.kind)
    if is_ordered(prop):
        words.append("ordered list")
    if "delete-orphan" in relation.cascades:
        words.append("with delete-orphan")
    if prop.mapper.base_mapper is prop.parent.base_mapper:
        words.append("to itself")
    if len(shape_of(prop.mapper.class_).primary_key) > 1:
        words.append("of association objects")
    if prop.viewonly:
        words.append("viewonly")
    return " ".join([*words, *about(shape)])


def sample_of(prop: RelationshipProperty[Any]) -> Any:
    """Return an empty collection of the relationship."""
    make: Any = prop.collection_class or list
    return make()


def is_ordered(prop: RelationshipProperty[Any]) -> bool:
    """Return True for an ``ordering_list``."""
    return bool(prop.uselist) and isinstance(sample_of(prop), OrderingList)


def position_name(prop: RelationshipProperty[Any]) -> str:
    """Return the attribute that an ``ordering_list`` writes; "" for any other relationship."""
    return str(sample_of(prop).ordering_attr) if is_ordered(prop) else ""


class Gathering:
    """Builds the scene of a collection: an owner, its members, one spare row and rows to insert."""

    def __init__(self, maker: Maker, prop: RelationshipProperty[Any]) -> None:
        self.prop, self.scene = prop, Scene(maker)
        self.target = prop.mapper.class_
        self.relation: Relation = shape_of(prop.parent.class_).relations[prop.key]
        self.shift = 10 if prop.mapper.base_mapper is prop.parent.base_mapper else 0
        self.root = self.scene.add(prop.parent.class_, 1)
        self.things = {"root": self.root}
        self.positions = position_name(prop)

    def members(self, count: int) -> None:
        """Put members into the collection."""
        for place, name in enumerate(MEMBERS[:count]):
            number = place + 1 + self.shift
            if self.prop.secondary is not None:
                self.things[name] = self.scene.add(self.target, number)
                if not self.prop.viewonly:
                    self.scene.join(self.prop, self.root, self.things[name])
            else:
                self.things[name] = self.scene.add(
                    self.target, number, {**self.keys(), **self.position(place)}
                )

    def spare(self) -> None:
        """Add a row that is not in the collection, if it may be outside."""
        number = 4 + self.shift
        if self.prop.secondary is not None:
            self.things["spare"] = self.scene.add(self.target, number)
        elif can_be_cleared(self.prop) and not self.positions:
            nothing = dict.fromkeys(self.keys())
            self.things["spare"] = self.scene.add(self.target, number, nothing)

    def fresh(self) -> dict[str, Thing]:
        """Return rows that may be inserted: one for each side, and one of theirs with the key of mine."""
        keys = {} if self.prop.secondary is not None else self.keys()
        more = self.position(0)
        found = {}
        for place, name in enumerate(("mine", "theirs")):
            thing = self.scene.plan(self.target, 5 + place + self.shift, {**keys, **more})
            found[name] = replace(thing, implied=frozenset({*keys, *more}))
        values = {**found["mine"].values, **key_values(found["theirs"])}
        found["clash"] = replace(found["theirs"], values=values)
        return found

    def keys(self) -> dict[str, Any]:
        """Return the foreign key of a member."""
        return keys_at(self.prop, self.prop.mapper, self.root)

    def position(self, place: int) -> dict[str, Any]:
        """Return what an ``ordering_list`` would write."""
        return {self.positions: place} if self.positions else {}


def key_values(thing: Thing) -> dict[str, Any]:
    """Return the primary key of a row, by attribute."""
    return dict(zip(thing.shape.primary_key, thing.primary_key, strict=True))


def collection_subject(maker: Maker, prop: RelationshipProperty[Any]) -> Subject:
    """Return a collection, or a one-to-one relationship seen from the side without foreign key."""
    gathering = Gathering(maker, prop)
    is_single = gathering.relation.kind == "one"
    gathering.members(0 if is_single else 3)
    gathering.spare()
    fresh = {} if prop.viewonly else gathering.fresh()
    subject = Subject(
        prop.parent.class_, prop.key, kind_of(prop), gathering.scene, gathering.things, fresh, prop=prop
    )
    if prop.viewonly:
        subject.variations = viewed(subject, None)
    elif is_single:
        subject.variations = single_variations(subject)
    else:
        subject.variations = collection_variations(subject)
        subject.variations += special_variations(subject)
    return subject


def single_variations(subject: Subject) -> list[Variation]:
    """Return what may happen to a one-to-one relationship that holds nothing yet."""
    name = subject.attribute

    def filling(row: str) -> Step:
        return Step(row, lambda side: setattr(side.root, name, side.new(row)))

    mine = filling("mine")
    found = [
        Variation(Edit.UNCHANGED),
        Variation(Edit.MINE, mine),
        Variation(Edit.THEIRS, None, filling("theirs")),
        Variation(Edit.DIFFERENT, mine, filling("theirs"), clash="one"),
        *row_variations(mine),
    ]
    if "spare" in subject.things:
        spare = Step("spare", lambda side: setattr(side.root, name, side.other("spare")))
        found += [
            Variation(Edit.MINE, spare, name="a row that was there"),
            Variation(Edit.SAME, spare, spare),
        ]
    else:
        subject.left_out.append((Edit.SAME.value, "no row may be outside of the relationship"))
    return found


def adding(subject: Subject, row: str) -> Step:
    """Return the step that puts a row into the collection: a new one, or the spare one."""
    name = subject.attribute

    def do(side: Side) -> None:
        element = side.new(row) if row in side.fresh else side.other(row)
        put(getattr(side.root, name), element, subject)

    return Step(f"adds {row}", do)


def put(collection: Any, element: Any, subject: Subject) -> None:
    """Put a row into a collection of any kind."""
    if hasattr(collection, "keys"):
        collection[key_in_dictionary(subject, element)] = element
    elif hasattr(collection, "append"):
        collection.append(element)
    else:
        collection.add(element)


def key_in_dictionary(subject: Subject, element: Any) -> Any:
    """Return the key of a row; asked of the mapped class's own collection, which knows its function."""
    assert subject.prop is not None
    return sample_of(subject.prop).keyfunc(element)


def removing(subject: Subject, row: str) -> Step:
    """Return the step that takes a row out of the collection."""
    name = subject.attribute

    def do(side: Side) -> None:
        collection, element = getattr(side.root, name), side.other(row)
        if hasattr(collection, "keys"):
            del collection[key_in_dictionary(subject, element)]
        else:
            collection.remove(element)

    return Step(f"removes {row}", do)


def collection_variations(subject: Subject) -> list[Variation]:
    """Return what may happen to a collection."""
    assert subject.prop is not None
    mine, theirs = adding(subject, "mine"), adding(subject, "theirs")
    found = [
        Variation(Edit.UNCHANGED),
        Variation(Edit.MINE, mine),
        Variation(Edit.THEIRS, None, theirs),
        Variation(Edit.DIFFERENT, mine, theirs),
        *row_variations(mine),
    ]
    if "spare" in subject.things:
        spare = adding(subject, "spare")
        found += [
            Variation(Edit.MINE, spare, name="a row that was there"),
            Variation(Edit.SAME, spare, spare),
        ]
    many_to_many = subject.prop.secondary is not None
    is_orphan = "delete-orphan" in subject.prop.cascade
    if not (many_to_many or is_orphan or can_be_cleared(subject.prop)):
        subject.left_out.append(("removes", "a row cannot be outside of the collection"))
        return found
    first, second = removing(subject, "first"), removing(subject, "second")
    found += [
        Variation(Edit.MINE, first, name="removes"),
        Variation(Edit.THEIRS, None, first, name="removes"),
        Variation(Edit.SAME, first, first, name="removes"),
        Variation(Edit.DIFFERENT, first, second, name="removes, removes"),
        Variation(Edit.DIFFERENT, first, theirs, name="removes, adds"),
        Variation(Edit.DIFFERENT, mine, first, name="adds, removes"),
    ]
    changing = change_of_element(subject)
    if changing is not None:
        found.append(Variation(Edit.DIFFERENT, first, changing, name="removes, changes"))
    return found


def change_of_element(subject: Subject) -> Step | None:
    """Return a change of a column of the first element; None if there is none that may be changed."""
    from tether.testing.columns import another

    element = subject.things["first"]
    found = another(Subject(element.class_, "", "", subject.scene, {"root": element}))
    if found is None:
        return None
    return Step("changes", lambda side: found.do(replace(side, objects={"root": side.other("first")})))


def special_variations(subject: Subject) -> list[Variation]:
    """Return what may happen to ordered lists and dictionaries only."""
    assert subject.prop is not None
    name = subject.attribute
    if is_ordered(subject.prop):

        def moving(place: int) -> Step:
            return Step(
                f"moves {place}",
                lambda side: getattr(side.root, name).insert(0, getattr(side.root, name).pop(place)),
            )

        return [
            Variation(Edit.MINE, moving(-1), name="moves"),
            Variation(Edit.THEIRS, None, moving(-1), name="moves"),
            Variation(Edit.SAME, moving(-1), moving(-1), name="moves"),
            Variation(Edit.DIFFERENT, moving(-1), adding(subject, "theirs"), name="moves, adds"),
            Variation(Edit.DIFFERENT, moving(-1), moving(1), name="moves, moves", clash="order"),
        ]
    if hasattr(sample_of(subject.prop), "keys"):
        if any(isinstance(c, UniqueConstraint) for table in tables_of(subject) for c in table.constraints):
            subject.left_out.append(("the same key", "two rows with the same values are not unique"))
            return []
        return [
            Variation(
                Edit.DIFFERENT,
                adding(subject, "mine"),
                adding(subject, "clash"),
                name="the same key",
                clash="dict",
            )
        ]
    return []


def tables_of(subject: Subject) -> list[Table]:
    """Return the tables of the elements."""
    assert subject.prop is not None
    return [table for table in subject.prop.mapper.tables if isinstance(table, Table)]
