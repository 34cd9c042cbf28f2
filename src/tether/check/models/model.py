"""What a mapped class is: its attributes, as far as its source tells."""

from __future__ import annotations

from typing import NamedTuple

from tether.check.project.resolving import Target
from tether.check.project.written import Written


class Column(NamedTuple):
    """A mapped column.

    Attributes:
        name: In the table, where that is written; else "".
        nullable: None where it is not known.
        deferred: True if it is loaded only when it is read.
        onupdate: True if an UPDATE changes it: with a value of the program, or with SQL.
        onupdate_in_sql: True if the new value is not known before the row is read again.
        server_default: True if the database gives it a value: a default, an identity, a computed column.
        server_onupdate: True if the database changes it when the row is changed.
        foreign_keys: What its ForeignKeys refer to, as written: ``user.id`` or ``User.id``.
        type_text: The name of its type, as written, or "".
        init: False for ``init=False`` of a dataclass.
    """

    name: str = ""
    primary_key: bool = False
    nullable: bool | None = None
    deferred: bool = False
    onupdate: bool = False
    onupdate_in_sql: bool = False
    server_default: bool = False
    server_onupdate: bool = False
    unique: bool = False
    foreign_keys: tuple[str, ...] = ()
    type_text: str = ""
    init: bool = True


class Relationship(NamedTuple):
    """A relationship.

    Attributes:
        target: The other class, or an unknown Target.
        target_text: What is written for it.
        uselist: True for a collection, None where it is not known.
        direction: ``MANYTOONE``, ``ONETOMANY``, ``MANYTOMANY``, or "" where it is not known.
        lazy: As in SQLAlchemy: ``select``, ``selectin``, ``joined``...; "" where it is not known.
        back_populates: The attribute of the other class that mirrors it, also one that ``backref`` makes.
        from_backref: True if a ``backref`` of the other class makes this attribute.
        primaryjoin: It says by itself which rows it leads to, which may be fewer than those with the key.
    """

    target: Target
    target_text: str = ""
    uselist: bool | None = None
    direction: str = ""
    lazy: str = "select"
    secondary: str = ""
    back_populates: str = ""
    from_backref: bool = False
    cascade: str = ""
    viewonly: bool = False
    collection_class: str = ""
    remote_side: str = ""
    foreign_keys: str = ""
    passive_deletes: bool = False
    primaryjoin: bool = False


class Attribute(NamedTuple):
    """One attribute of a mapped class.

    Attributes:
        kind: ``column``, ``relationship``, ``composite``, ``synonym``, ``column property``, ``hybrid``, ``property``,
            ``association proxy``, ``plain`` (nothing of SQLAlchemy's: a constant, a method), or ``unknown``.
        owner: What the module and the class are called that define it.
        line: Where it is defined, in the module of its owner.
        reads: Attributes of the same instance that reading it reads: of a property, hybrid, synonym, composite; of an
            association proxy the relationship.
        path: Of an association proxy: the relationship, and the attribute of its target.
    """

    name: str
    kind: str
    owner: tuple[str, str]
    line: int = 0
    annotation: str = ""
    column: Column | None = None
    relationship: Relationship | None = None
    reads: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


class Model(NamedTuple):
    """A mapped class, or an abstract base of some.

    Attributes:
        module: What its module is called in the project.
        name: Its qualified name in it.
        abstract: True if it has no table: a base or mixin.
        attributes: Its own and those it inherits.
        bases: Its bases of the project in the order of the MRO, (module, name).
        complete: False if it has bases that are not known: it may have more attributes.
        unique: Names of columns that are unique together, for each such group.
        foreign_keys: What the ForeignKeyConstraints of its table refer to.
        mapper_args: ``__mapper_args__`` as written.
        eager_defaults: True if the mapper is told so: a flush reads what the database computes.
        table: The name of its table, "" where it is not written as text.
    """

    module: str
    name: str
    abstract: bool
    attributes: dict[str, Attribute]
    bases: tuple[tuple[str, str], ...] = ()
    complete: bool = True
    unique: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[str, ...] = ()
    mapper_args: Written | None = None
    eager_defaults: bool = False
    table: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Module and name."""
        return self.module, self.name

    def get(self, name: str) -> Attribute | None:
        """Return an attribute; one of the kind ``unknown`` if it may be there; None if it is not."""
        found = self.attributes.get(name)
        if found is None and not self.complete and not name.startswith("__"):
            return Attribute(name, "unknown", self.key)
        return found
