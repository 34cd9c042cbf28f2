"""What the fields and methods of a class are to SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tether.check.models.model import Attribute, Column, Relationship
from tether.check.project.annotation import Annotation, parse_annotation
from tether.check.project.facts import ClassFacts, Field, Method
from tether.check.project.resolving import UNKNOWN
from tether.check.project.written import Written

RELATIONSHIPS = {"relationship", "relation", "dynamic_loader", "Relationship"}
_MAPPED = {"Mapped", "WriteOnlyMapped", "DynamicMapped"}
_OF_OTHERS = {"synonym", "composite", "association_proxy", "hybrid_property"}
_LAZY = {True: "select", False: "joined", None: "noload"}
_NO_TYPE = {"ForeignKey", "Sequence", "Identity", "Computed", "CheckConstraint", "FetchedValue"}
_HYBRIDS = {"hybrid_property", "hybrid_method"}
_PROPERTIES = {"property", "cached_property", "memoized_property"}
_DECLARED = {"declared_attr", "directive", "cascading"}

# Gives back what a name in an annotation stands for, where that is an `Annotated` type; or None.
Named = Callable[[str], Annotation | None]


def attributes_of(
    facts: ClassFacts, owner: tuple[str, str], named: Named, *, every_field: bool, unmapped: bool = False
) -> Iterator[Attribute]:
    """Yield the attributes that a class defines itself.

    Args:
        facts: The class.
        owner: What its module and itself are called.
        named: Finds ``Annotated`` types by name.
        every_field: True for SQLModel: each annotated field is a column.
        unmapped: ``__allow_unmapped__``: annotations of relationships count without ``Mapped``, which nothing before
            SQLAlchemy 2.0 looked at, and 2.0 refuses.
    """
    for field in facts.fields:
        yield _field(field, owner, named, every_field=every_field, unmapped=unmapped)
        if field.value is not None and field.value.last == "composite":
            yield from _columns_of_composite(field.value, owner)
    for method in facts.methods:
        if (found := _method(method, owner, named, every_field=every_field)) is not None:
            yield found


def _field(
    field: Field, owner: tuple[str, str], named: Named, *, every_field: bool, unmapped: bool
) -> Attribute:
    annotation = parse_annotation(field.annotation) if field.annotation else Annotation()
    start = Attribute(field.name, "plain", owner, field.line, field.annotation)
    if field.name.startswith("__") or "ClassVar" in annotation.wrappers:
        return start
    mapped = not _MAPPED.isdisjoint(annotation.wrappers) or (every_field and bool(field.annotation))
    value = field.value
    if value is None:
        if not field.annotation:
            return start._replace(kind="unknown")
        return _by_annotation(start, annotation, named) if mapped else start
    if value.last in RELATIONSHIPS and not (mapped or unmapped):
        annotation = Annotation()
    return from_value(start, value, annotation, named, mapped=mapped)


def from_value(
    start: Attribute, value: Written, annotation: Annotation, named: Named, *, mapped: bool
) -> Attribute:
    """Return the attribute that an assigned value makes."""
    kind = value.last
    found = start._replace(kind="unknown")
    if kind in {"Column", "mapped_column"} or (kind == "Field" and mapped):
        found = start._replace(kind="column", column=column_of(value, annotation, named))
    elif kind in RELATIONSHIPS:
        found = start._replace(kind="relationship", relationship=relationship_of(value, annotation))
    elif kind in {"deferred", "column_property", "query_expression"}:
        found = _column_property(start, value, annotation, named)
    elif kind in _OF_OTHERS:
        found = _of_others(start, value)
    elif mapped and value.kind == "constant":  # SQLModel: a column with a default
        found = _by_annotation(start, annotation, named)
    elif value.kind in {"constant", "list", "dict", "lambda"}:
        found = start
    return found


def _of_others(start: Attribute, value: Written) -> Attribute:
    """Return an attribute that stands for other attributes of the instance."""
    texts = tuple([_column_name(one) for one in value.items])
    if value.last == "association_proxy":
        return start._replace(kind="association proxy", reads=texts[:1], path=texts[:2])
    if value.last == "hybrid_property":
        return start._replace(kind="hybrid")
    if value.last == "composite" and value.items and value.items[0].last not in {"Column", "mapped_column"}:
        texts = texts[1:]  # the first is the class, unless the annotation says it
    return start._replace(kind=value.last, reads=texts)


def _column_name(value: Written) -> str:
    """Return the name of a column: as text or a name, or as the first argument of a ``mapped_column``."""
    return value.items[0].text if value.kind == "call" and value.items else value.text


def _columns_of_composite(value: Written, owner: tuple[str, str]) -> Iterator[Attribute]:
    """Yield the columns that are written inside a ``composite``; each is an attribute too."""
    for item in value.items:
        if item.last in {"Column", "mapped_column"} and _column_name(item):
            column = column_of(item, Annotation(), lambda _: None)
            if item.last == "mapped_column" and item.argument("nullable") is None:
                column = column._replace(nullable=None)  # the class of the composite decides
            yield Attribute(_column_name(item), "column", owner, item.line, column=column)


def _by_annotation(start: Attribute, annotation: Annotation, named: Named) -> Attribute:
    """``name: Mapped[str]`` alone is a column."""
    return start._replace(kind="column", column=column_of(Written("call"), annotation, named))


def _column_property(start: Attribute, value: Written, annotation: Annotation, named: Named) -> Attribute:
    inside = value.items[0] if value.items else Written("other")
    deferred = value.last == "deferred" or value.constant("deferred") is True
    if inside.last in {"Column", "mapped_column"}:
        column = column_of(inside, annotation, named)._replace(deferred=deferred)
        return start._replace(kind="column", column=column)
    return start._replace(kind="column property", column=Column(deferred=deferred))


def column_of(value: Written, annotation: Annotation, named: Named) -> Column:
    """Return what a ``Column``, ``mapped_column`` or SQLModel ``Field`` says, together with its annotation."""
    inherited = [one for one in annotation.metadata if one.last == "mapped_column"]
    for name in annotation.names:
        alias = named(name)
        if alias is not None:
            annotation = annotation._replace(optional=annotation.optional or alias.optional)
            inherited += [one for one in alias.metadata if one.last == "mapped_column"]
    inside = value.argument("sa_column")
    parts = [value, *inherited, *([inside] if inside is not None else [])]
    more = value.argument("sa_column_kwargs")
    if more is not None:
        parts.append(Written("call", "", (), more.named))
    items = [item for part in parts for item in part.items]
    given = {name: found for part in reversed(parts) for name, found in part.named}
    primary_key = _true(given, "primary_key")
    generated = {item.last for item in items}
    onupdate = given.get("onupdate")
    foreign = [item.items[0].text for item in items if item.last == "ForeignKey" and item.items]
    foreign += [found.text for name, found in given.items() if name == "foreign_key"]
    return Column(
        name=str(items[0].value) if items and _is_text(items[0]) else _text(given, "name"),
        primary_key=primary_key,
        nullable=_nullable(given, annotation, primary_key=primary_key, annotated=value.last != "Column"),
        deferred=_true(given, "deferred"),
        onupdate=onupdate is not None,
        onupdate_in_sql=onupdate is not None and onupdate.kind == "call" and not _plain_call(onupdate),
        server_default="server_default" in given or not generated.isdisjoint({"Identity", "Computed"}),
        server_onupdate="server_onupdate" in given or "Computed" in generated,
        unique=_true(given, "unique"),
        foreign_keys=tuple(foreign),
        type_text=_type_text(items, given),
        init=not ("init" in given and given["init"].value is False),
    )


def _plain_call(value: Written) -> bool:
    """Return True for a value that a call makes before the UPDATE: ``onupdate=make_default()`` is not SQL for sure."""
    return not str(value.value).startswith(
        ("func.", "sa.func.", "sqlalchemy.func.", "db.func.", "text", "sa.text")
    )


def _true(given: dict[str, Written], name: str) -> bool:
    return name in given and given[name].kind == "constant" and given[name].value is True


def _text(given: dict[str, Written], name: str) -> str:
    return given[name].text if name in given else ""


def _is_text(value: Written) -> bool:
    return value.kind == "constant" and isinstance(value.value, str)


def _nullable(
    given: dict[str, Written], annotation: Annotation, *, primary_key: bool, annotated: bool
) -> bool | None:
    """Return whether a column may be NULL: as it is told, else by its annotation, else as SQLAlchemy decides."""
    if "nullable" in given:
        told = given["nullable"]
        return bool(told.value) if told.kind == "constant" else None
    if primary_key:
        return False
    if annotated and (annotation.names or annotation.optional):
        return annotation.optional
    return True


def _type_text(items: list[Written], given: dict[str, Written]) -> str:
    for item in [*items, *[given[name] for name in ("type_", "sa_type") if name in given]]:
        if item.kind == "name" or (item.kind == "call" and item.last not in _NO_TYPE):
            return str(item.value)
    return ""


def relationship_of(value: Written, annotation: Annotation) -> Relationship:
    """Return what a ``relationship(...)`` says, before its target is looked for."""
    given = dict(value.named)
    target = value.items[0] if value.items else given.get("argument")
    inner = given.get("sa_relationship_kwargs")
    if inner is not None:
        given = {**given, **dict(inner.named)}
    text = target_text(target) or (annotation.names[0] if annotation.names else "")
    uselist = None
    if annotation.container or annotation.names:
        uselist = annotation.container in {"list", "set", "dict", "dynamic", "write only"}
    if "uselist" in given:
        uselist = given["uselist"].value if given["uselist"].kind == "constant" else None
    return Relationship(
        target=UNKNOWN,
        target_text=text,
        uselist=uselist,
        direction="MANYTOMANY" if "secondary" in given else "",
        lazy=lazy_of(value, given, annotation),
        secondary=target_text(given.get("secondary")),
        back_populates=_text(given, "back_populates") or _backref_name(given.get("backref")),
        cascade=_text(given, "cascade") or _text(given, "cascade_delete"),
        viewonly=_true(given, "viewonly"),
        collection_class=_collection_class(given),
        remote_side=_shown(given.get("remote_side")),
        foreign_keys=_shown(given.get("foreign_keys")),
        passive_deletes="passive_deletes" in given,
        primaryjoin="primaryjoin" in given,
    )


def target_text(value: Written | None) -> str:
    """Return the name of a class: a name, a text, or what a lambda returns."""
    if value is None:
        return ""
    if value.kind == "lambda":
        return target_text(value.items[0])
    return value.text


def lazy_of(value: Written, given: dict[str, Written], annotation: Annotation) -> str:
    """Return when a relationship is loaded; "" where that is not known."""
    if "lazy" in given:
        told = given["lazy"]
        if told.kind != "constant":
            return ""
        return told.value if isinstance(told.value, str) else _LAZY.get(told.value, "")
    if "**" in given:
        return ""
    if value.last == "dynamic_loader" or annotation.container == "dynamic":
        return "dynamic"
    return "write_only" if annotation.container == "write only" else "select"


def _backref_name(value: Written | None) -> str:
    """Return the name of the attribute that ``backref`` makes: a text, or the first argument of a call."""
    if value is not None and value.kind == "call" and value.items:
        value = value.items[0]
    return value.text if value is not None else ""


def _collection_class(given: dict[str, Written]) -> str:
    found = given.get("collection_class")
    return "" if found is None else str(found.value or found.kind)


def _shown(value: Written | None) -> str:
    """Return columns as they are named, with commas between several."""
    if value is None:
        return ""
    if value.kind == "list":
        return ", ".join(_shown(one) for one in value.items)
    return target_text(value) or value.kind


def _method(method: Method, owner: tuple[str, str], named: Named, *, every_field: bool) -> Attribute | None:
    """Return the attribute that a function in a class body is; None for the setter of one."""
    start = Attribute(method.name, "plain", owner, method.line, method.returns)
    last = {decorator.rpartition(".")[2].removesuffix("()") for decorator in method.decorators}
    if not last.isdisjoint({"setter", "deleter", "expression", "comparator", "update_expression"}):
        return None
    if not last.isdisjoint(_HYBRIDS):
        return start._replace(kind="hybrid", reads=method.reads)
    if not last.isdisjoint(_PROPERTIES):
        return start._replace(kind="property", reads=method.reads)
    if not last.isdisjoint(_DECLARED) and not method.name.startswith("__"):
        return _declared(start, method, named, every_field=every_field)
    return start


def _declared(start: Attribute, method: Method, named: Named, *, every_field: bool) -> Attribute:
    """Return the attribute that a ``declared_attr`` makes: what its last statement returns."""
    if method.returned is None:
        return start._replace(kind="unknown")
    found = from_value(start, method.returned, parse_annotation(method.returns), named, mapped=every_field)
    return found if found.kind != "plain" else start._replace(kind="unknown")
