"""Cases about attributes that hold values: columns, composites, synonyms, values that are changed in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import types
from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import Mapper

from tether.carry.shape import Shape, shape_of
from tether.testing.axes import Edit
from tether.testing.rows import Maker, Scene, attribute_of, foreign_keys, own_columns, table_column
from tether.testing.sides import Side
from tether.testing.subjects import Step, Subject, Variation, row_variations
from tether.testing.values import CannotMakeError

LeftOut = Callable[[str, str], None]


def column_subjects(maker: Maker, mapper: Mapper[Any], left_out: LeftOut) -> Iterator[Subject]:
    """Yield the attributes of a class that hold values.

    An attribute that a class inherits is its parent's; the first one is tried on the subclass too.
    """
    shape = shape_of(mapper.class_)
    inherited = 0
    for name in shape.columns:
        reason = never_changed(shape, name)
        is_own = mapper.attrs[name].parent is mapper
        inherited += not is_own and not reason
        if not is_own and inherited != 1:
            continue
        if reason:
            left_out(name, reason)
            continue
        yield from attempt(left_out, name, lambda n: column_subject(maker, shape, n), name)
        if is_mutable(shape, name):
            yield from attempt(left_out, name, lambda n: in_place_subject(maker, shape, n), name)
    for name, target in shape.synonyms.items():
        if target in shape.columns and not never_changed(shape, target):
            yield from attempt(left_out, name, lambda n: synonym_subject(maker, shape, n), name)
    for name in shape.composites:
        yield from attempt(left_out, name, lambda n: composite_subject(maker, shape, n), name)


def attempt(left_out: LeftOut, name: str, make: Callable[[str], Subject], argument: str) -> Iterator[Subject]:
    """Yield what *make* makes, or note why it cannot."""
    try:
        yield make(argument)
    except CannotMakeError as error:
        left_out(name, str(error))


def never_changed(shape: Shape, name: str) -> str:
    """Return why nobody changes an attribute; "" if people do."""
    if name not in own_columns(shape):
        return "the database computes it"
    column, positions = table_column(shape, name), positions_of(shape, name)
    reasons = {
        "the primary key of a row stays": name in shape.primary_key,
        "SQLAlchemy counts the versions": name == shape.version,
        "it says which class the row has": name == shape.polymorphic,
        f"{positions} writes it": bool(positions),
        "every UPDATE writes it": column.onupdate is not None or column.server_onupdate is not None,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def positions_of(shape: Shape, name: str) -> str:
    """Return the relationship with an ``ordering_list`` that writes an attribute; "" for none."""
    for other in shape.mapper.registry.mappers:
        for prop in other.relationships:
            if prop.mapper in shape.mapper.iterate_to_root() and prop.uselist and prop.collection_class:
                make: Any = prop.collection_class
                if getattr(make(), "ordering_attr", None) == name:
                    return f"the ordering_list {other.class_.__name__}.{prop.key}"
    return ""


def is_mutable(shape: Shape, name: str) -> bool:
    """Return True for a dictionary of ``Mutable``."""
    sample = shape.columns[name].type
    listens = any(issubclass(m, dict) for m in mutables() if has_listener(shape, name, m))
    return listens and isinstance(sample, types.JSON)


def mutables() -> list[type]:
    """Return the classes of ``Mutable`` that are known."""
    found: list[type] = []
    waiting: list[type] = [Mutable]
    while waiting:
        class_ = waiting.pop()
        found.append(class_)
        waiting += class_.__subclasses__()
    return found


def has_listener(shape: Shape, name: str, mutable: type) -> bool:
    """Return True if setting a dictionary makes it an instance of *mutable*."""
    instance = shape.mapper.class_manager.new_instance()
    setattr(instance, name, {})
    return isinstance(getattr(instance, name), mutable)


def setting(name: str, attribute: str, value: Any) -> Step:
    """Return the step that sets an attribute."""

    def do(side: Side) -> None:
        setattr(side.root, attribute, value)

    return Step(name, do)


def kind_of(shape: Shape, name: str) -> str:
    """Return what sort of column it is, and of what sort of class."""
    column = shape.columns[name]
    type_ = type(column.type).__name__
    words = ["deferred" if column.deferred else "column", type_]
    return " ".join([*words, *about(shape)])


def about(shape: Shape) -> list[str]:
    """Return what makes a class different: its inheritance, its primary key, its version."""
    mapper = shape.mapper
    words = []
    if mapper.inherits is not None:
        words.append("of single inheritance" if mapper.single else "of joined inheritance")
    if len(shape.primary_key) > 1:
        words.append("with a composite primary key")
    if shape.version is not None:
        words.append("with a version")
    return words


def values_for(maker: Maker, scene: Scene, shape: Shape, name: str) -> list[Any]:
    """Return what base, mine and theirs are: for a foreign key, three rows that are there."""
    mapper = shape.mapper
    for constraint in foreign_keys(mapper):
        for element in constraint.elements:
            if attribute_of(mapper, element.parent) == name:
                if len(constraint.elements) > 1:
                    raise CannotMakeError(
                        "a foreign key of several columns is changed through its relationship"
                    )
                class_ = maker.class_of(constraint.referred_table)
                parents = [scene.add(class_, number) for number in (1, 2, 3)]
                referred = attribute_of(parents[0].shape.mapper, element.column)
                return [parent.values[referred or ""] for parent in parents]
    return maker.three(shape.class_, name, 1)


def column_subject(maker: Maker, shape: Shape, name: str) -> Subject:
    """Return a column that is set."""
    scene = Scene(maker)
    values = values_for(maker, scene, shape, name)
    root = scene.add(shape.class_, 1, {name: values[0]})
    subject = Subject(shape.class_, name, kind_of(shape, name), scene, {"root": root}, columns=(name,))
    type_ = shape.columns[name].type
    if isinstance(type_, types.PickleType) or not isinstance(type_, types.TypeDecorator | types.TypeEngine):
        subject.no_document = "a pickled value has no form in a document"
    subject.variations = value_variations(subject, name, values)
    if shape.columns[name].nullable and None not in values:
        subject.variations.append(Variation(Edit.MINE, setting("to None", name, None), name="to None"))
    return subject


def value_variations(subject: Subject, name: str, values: list[Any]) -> list[Variation]:
    """Return what may happen to an attribute that holds a value."""
    mine = setting("mine", name, values[1])
    found = [
        Variation(Edit.UNCHANGED),
        Variation(Edit.MINE, mine),
        Variation(Edit.THEIRS, None, setting("mine", name, values[1])),
        Variation(Edit.SAME, mine, setting("mine", name, values[1])),
        *row_variations(mine),
    ]
    if len(values) > 2:
        found.append(Variation(Edit.DIFFERENT, mine, setting("theirs", name, values[2])))
    else:
        subject.left_out.append((Edit.DIFFERENT.value, "its type has two values only"))
    other = another(subject)
    if other is not None:
        found.append(Variation(Edit.DIFFERENT, mine, other, name="of another attribute"))
    return found


def another(subject: Subject) -> Step | None:
    """Return a change of another attribute of the same row; None if there is none that can be changed."""
    shape = subject.root.shape
    for name in own_columns(shape):
        refers = any(
            attribute_of(shape.mapper, column) == name
            for fk in foreign_keys(shape.mapper)
            for column in fk.columns
        )
        if name in subject.columns or never_changed(shape, name) or refers:
            continue
        try:
            value = subject.scene.maker.three(subject.class_, name, 1)[1]
        except CannotMakeError:
            continue
        return setting("another", name, value)
    return None


def in_place_subject(maker: Maker, shape: Shape, name: str) -> Subject:
    """Return a JSON object of ``Mutable`` that is changed in place."""
    scene = Scene(maker)
    root = scene.add(shape.class_, 1)
    if not isinstance(root.values[name], dict):
        raise CannotMakeError("it holds no JSON object that could be changed in place")

    def adding(key: str) -> Step:
        def do(side: Side) -> None:
            getattr(side.root, name)[key] = 1

        return Step(key, do)

    subject = Subject(
        shape.class_,
        name,
        "Mutable " + kind_of(shape, name),
        scene,
        {"root": root},
        columns=(name,),
        in_place=True,
    )
    mine = adding("mine")
    subject.variations = [
        Variation(Edit.UNCHANGED),
        Variation(Edit.MINE, mine),
        Variation(Edit.THEIRS, None, adding("theirs")),
        Variation(Edit.SAME, mine, mine),
        Variation(Edit.DIFFERENT, mine, adding("theirs")),
        *row_variations(mine),
    ]
    return subject


def synonym_subject(maker: Maker, shape: Shape, name: str) -> Subject:
    """Return a column that is set by its other name."""
    target = shape.synonyms[name]
    scene = Scene(maker)
    values = values_for(maker, scene, shape, target)
    root = scene.add(shape.class_, 1, {target: values[0]})
    subject = Subject(
        shape.class_, name, " ".join(["synonym", *about(shape)]), scene, {"root": root}, columns=(target,)
    )
    subject.variations = value_variations(subject, name, values)
    return subject


def composite_subject(maker: Maker, shape: Shape, name: str) -> Subject:
    """Return a composite that is set."""
    composite = shape.composites[name]
    if not composite.columns:
        raise CannotMakeError("it has no columns of its own")
    three = [maker.three(shape.class_, column, 1) for column in composite.columns]
    scene = Scene(maker)
    root = scene.add(shape.class_, 1)
    objects = [composite.class_(*parts) for parts in zip(*three, strict=False)]
    subject = Subject(
        shape.class_,
        name,
        " ".join(["composite", *about(shape)]),
        scene,
        {"root": root},
        columns=composite.columns,
    )
    subject.variations = value_variations(subject, name, objects)
    return subject
