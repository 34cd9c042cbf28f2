"""Mapped classes, found from source."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tether.check.models.mapped_classes import Models
from tether.check.models.model import Attribute, Model
from tether.check.project.modules import Project
from tether.check.project.resolving import Target


def models_of(root: Path, **files: str) -> Models:
    """Write modules below *root* (a name with ``__`` is in a package) and return the models of the project."""
    paths = []
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        paths.append(path)
    return Models(Project(paths, root))


def found(models: Models, module: str, name: str) -> Model:
    model = models.of(models.project.resolve(module, name))
    assert model is not None
    return model


def attribute(root: Path, source: str, name: str = "x", **files: str) -> Attribute:
    """Return an attribute of the class ``A`` in *source*."""
    got = found(models_of(root, app=source, **files), "app", "A").get(name)
    assert got is not None
    return got


BASES = {
    "DeclarativeBase": "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\n",
    "declarative_base()": "from sqlalchemy.orm import declarative_base\nBase = declarative_base()\n",
    "of old": "from sqlalchemy.ext.declarative import declarative_base as make\nBase = sa.ext.declarative_base()\n",
    "registry": "import sqlalchemy.orm as o\nregistry = o.registry()\nBase = registry.generate_base()\n",
    "Flask": "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\nBase = db.Model\n",
    "Flask, own class": (
        "from flask_sqlalchemy import SQLAlchemy\nclass Own(SQLAlchemy): pass\ndb = Own()\nBase = db.Model\n"
    ),
    "for the type checker": (
        "from typing import TYPE_CHECKING, Any\nfrom sqlalchemy.orm import registry\nr = registry()\n"
        "if TYPE_CHECKING:\n    Base = Any\nelse:\n    Base = r.generate_base()\n"
    ),
    "either": "Base = object if typing else declarative_base()\n",
    "alias": "from sqlalchemy.orm import DeclarativeBase\nclass First(DeclarativeBase): pass\nBase = First\n",
    "abstract in between": (
        "from sqlalchemy.orm import DeclarativeBase\nclass Root(DeclarativeBase): pass\n"
        "class Base(Root):\n    __abstract__ = True\n"
    ),
    "mixins": (
        "from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass\nfrom sqlalchemy.ext.asyncio import AsyncAttrs\n"
        "class Base(MappedAsDataclass, AsyncAttrs, DeclarativeBase): pass\n"
    ),
    "advanced-alchemy": "from advanced_alchemy.base import UUIDBase as Base\n",
    "as_declarative": "from sqlalchemy.orm import as_declarative\n@as_declarative()\nclass Base: pass\n",
}


@pytest.mark.parametrize("base", BASES)
def test_bases(tmp_path: Path, base: str) -> None:
    """
    A class is mapped if its base makes it so, whichever way that base is made, also in another module.
    """
    models = models_of(
        tmp_path,
        app__base=BASES[base],
        app__models="from app.base import Base\nclass A(Base):\n    __tablename__ = 'a'\n    x = Column(Integer)\n",
    )
    model = found(models, "app.models", "A")

    assert (False, "column") == (model.abstract, model.attributes["x"].kind)


@pytest.mark.parametrize(
    ["source", "abstract"],
    [
        ("class A(Base): pass", True),
        ("class A(Base):\n    __tablename__ = 'a'", False),
        ("class A(Base):\n    __table__ = t", False),
        ("class A(Base):\n    @declared_attr\n    def __tablename__(cls): return 'a'", False),
        ("class P(Base):\n    __tablename__ = 'p'\nclass A(P): pass", False),
        ("class A(Base):\n    __abstract__ = True\n    __tablename__ = 'a'", True),
        ("A = Base", True),
    ],
)
def test_abstract(tmp_path: Path, source: str, abstract: bool) -> None:
    """
    A class without a table is an abstract base.
    """
    start = "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\n"

    assert abstract == found(models_of(tmp_path, app=start + source), "app", "A").abstract


@pytest.mark.parametrize(
    "source",
    [
        "class A: pass",
        "class A(BaseModel): pass",
        "class A(Unknown): pass",
        "class A(A): pass",
        "class A(B): pass\nclass B(A): pass",
        "A = make()",
        "from elsewhere import A",
    ],
)
def test_not_mapped(tmp_path: Path, source: str) -> None:
    """
    Nothing else is a model.
    """
    models = models_of(tmp_path, app=source)

    assert models.of(models.project.resolve("app", "A")) is None


START = """
from sqlalchemy.orm import DeclarativeBase, registry
class Base(DeclarativeBase): pass
"""


@pytest.mark.parametrize(
    ["written", "expected"],
    [
        ("x = Column(Integer, primary_key=True)", {"primary_key": True, "nullable": False, "type_text": "Integer"}),
        ("x = Column('y', sa.String(10))", {"name": "y", "nullable": True, "type_text": "sa.String"}),
        ("x: Mapped[int]", {"nullable": False}),
        ("x: Mapped[int | None]", {"nullable": True}),
        ("x: Mapped['Optional[int]'] = mapped_column()", {"nullable": True}),
        ("x: Mapped[int] = mapped_column(nullable=True)", {"nullable": True}),
        ("x: Mapped[int] = mapped_column(nullable=OPTIONAL)", {"nullable": None}),
        ("x = mapped_column(ForeignKey('user.id'))", {"nullable": True, "foreign_keys": ("user.id",)}),
        ("x = db.Column(db.ForeignKey(User.id), unique=True)", {
            "nullable": True, "foreign_keys": ("User.id",), "unique": True,
        }),
        ("x: Mapped[str] = mapped_column(deferred=True)", {"nullable": False, "deferred": True}),
        ("x = deferred(Column(Text))", {"nullable": True, "deferred": True, "type_text": "Text"}),
        ("x: Mapped[str] = mapped_column(init=False)", {"nullable": False, "init": False}),
        ("x = Column(DateTime, onupdate=func.now())", {
            "nullable": True, "onupdate": True, "onupdate_in_sql": True, "type_text": "DateTime",
        }),
        ("x = Column(DateTime, onupdate=utcnow)", {"nullable": True, "onupdate": True, "type_text": "DateTime"}),
        ("x = Column(DateTime, server_default=text('now()'), server_onupdate=FetchedValue())", {
            "nullable": True, "server_default": True, "server_onupdate": True, "type_text": "DateTime",
        }),
        ("x = Column(Integer, Computed('y + 1'))", {
            "nullable": True, "server_default": True, "server_onupdate": True, "type_text": "Integer",
        }),
        ("x: Mapped[key]", {"nullable": False, "primary_key": True}),
        ("x: Mapped[Annotated[int, mapped_column(unique=True)]]", {"nullable": False, "unique": True}),
    ],
)  # fmt: skip
def test_columns(tmp_path: Path, written: str, expected: dict[str, object]) -> None:
    """
    A column says what its arguments, its annotation and the type of its annotation say.
    """
    source = f"{START}key = Annotated[int, mapped_column(primary_key=True)]\nclass A(Base):\n    {written}\n"
    got = attribute(tmp_path, source)
    assert got.column is not None
    said = {
        name: value
        for name, value in got.column._asdict().items()
        if value != type(got.column)()._asdict()[name]
    }

    assert ("column", {name: value for name, value in expected.items() if value is not None}) == (
        got.kind,
        said,
    )


@pytest.mark.parametrize(
    ["written", "kind", "reads", "path"],
    [
        ("x = synonym('name')", "synonym", ("name",), ()),
        ("x = composite(Point, '_x', '_y')", "composite", ("_x", "_y"), ()),
        ("x = association_proxy('person', 'email')", "association proxy", ("person",), ("person", "email")),
        ("x = column_property(select(1))", "column property", (), ()),
        ("@hybrid_property\n    def x(self): return self.a + self.b.c", "hybrid", ("a", "b"), ()),
        ("@property\n    def x(self):\n        self.a\n        return self.b", "property", ("a", "b"), ()),
        ("@functools.cached_property\n    def x(self): return self.a", "property", ("a",), ()),
        (
            "@property\n    def x(self): return 1\n    @x.setter\n    def x(self, v): self.z = v",
            "property",
            (),
            (),
        ),
        ("@declared_attr\n    def x(cls): return Column(Integer)", "column", (), ()),
        ("@declared_attr\n    def x(cls): return make(cls)", "unknown", (), ()),
        ("x = make_column()", "unknown", (), ()),
        ("x = other", "unknown", (), ()),
        ("x, y = make()", "unknown", (), ()),
        ("x = 1", "plain", (), ()),
        ("x: int = 1", "plain", (), ()),
        ("x: ClassVar[Mapped[int]]", "plain", (), ()),
        ("def x(self): pass", "plain", (), ()),
        ("if True:\n        x = Column(Integer)", "column", (), ()),
    ],
)
def test_kinds(
    tmp_path: Path, written: str, kind: str, reads: tuple[str, ...], path: tuple[str, ...]
) -> None:
    """
    Each attribute has a kind, and what it reads; what is not understood is unknown.
    """
    got = attribute(tmp_path, f"{START}class A(Base):\n    {written}\n")

    assert (kind, reads, path) == (got.kind, got.reads, got.path)


OTHERS = """
class Parent(Base):
    __tablename__ = "parent"
    id = Column(Integer, primary_key=True)
    child_id = Column(ForeignKey("child.id"))
class Child(Base):
    __tablename__ = "child"
    id = Column(Integer, primary_key=True)
    a_id = Column(ForeignKey("a.id"))
class Both(Base):
    __tablename__ = "both"
    a_id = Column(ForeignKey(column="a.id"))
class A(Base):
    __tablename__ = "a"
    id = Column(Integer, primary_key=True)
    parent_id = Column(ForeignKey("parent.id"))
"""


@pytest.mark.parametrize(
    ["written", "expected"],
    [
        ("x = relationship('Parent')", ("Parent", "MANYTOONE", False, "select")),
        ("x = relationship(Parent, lazy='joined')", ("Parent", "MANYTOONE", False, "joined")),
        ("x = relationship(lambda: Child)", ("Child", "ONETOMANY", True, "select")),
        ("x = relationship('app.Child', uselist=False)", ("Child", "ONETOMANY", False, "select")),
        ("x: Mapped['Parent'] = relationship()", ("Parent", "MANYTOONE", False, "select")),
        ("x: Mapped[list['Child']] = relationship(lazy=False)", ("Child", "ONETOMANY", True, "joined")),
        ("x: Mapped[Optional['Child']] = relationship()", ("Child", "ONETOMANY", False, "select")),
        ("x: WriteOnlyMapped['Child'] = relationship()", ("Child", "ONETOMANY", True, "write_only")),
        ("x = orm.relationship('Child', secondary='link')", ("Child", "MANYTOMANY", True, "select")),
        ("x = relationship('Child', lazy=chosen)", ("Child", "ONETOMANY", True, "")),
        ("x = db.relationship('Child', lazy='dynamic')", ("Child", "ONETOMANY", True, "dynamic")),
        ("x = relationship('A')", ("A", "ONETOMANY", True, "select")),
        ("x = relationship('A', remote_side=[id])", ("A", "MANYTOONE", False, "select")),
        ("x = relationship('Both')", ("Both", "", None, "select")),
        ("x = relationship('Nowhere')", ("", "", None, "select")),
        ("x = relationship(choose())", ("", "", None, "select")),
    ],
)
def test_relationships(tmp_path: Path, written: str, expected: tuple[str, str, bool | None, str]) -> None:
    """
    A relationship knows its target and when it is loaded; its direction where annotations or foreign keys tell.
    """
    got = attribute(tmp_path, f"{START}{OTHERS}    {written}\n").relationship
    assert got is not None

    assert expected == (got.target.name, got.direction, got.uselist, got.lazy)


def test_what_a_relationship_says(tmp_path: Path) -> None:
    """
    The other arguments of a relationship are kept.
    """
    written = (
        "x = relationship('Child', back_populates='a', cascade='all, delete-orphan', viewonly=True, "
        "collection_class=set, foreign_keys=[Child.a_id], remote_side='Child.a_id', passive_deletes=True)"
    )
    got = attribute(tmp_path, f"{START}{OTHERS}    {written}\n").relationship
    assert got is not None

    assert ("a", "all, delete-orphan", True, "set", "Child.a_id", "Child.a_id", True) == (
        got.back_populates,
        got.cascade,
        got.viewonly,
        got.collection_class,
        got.foreign_keys,
        got.remote_side,
        got.passive_deletes,
    )


@pytest.mark.parametrize(
    ["backref", "lazy"],
    [("'owner'", "select"), ("backref('owner', lazy='joined')", "joined")],
)
def test_backrefs(tmp_path: Path, backref: str, lazy: str) -> None:
    """
    A `backref` adds an attribute to the other class, in whichever module that is.
    """
    models = models_of(
        tmp_path,
        app__base=START,
        app__item="from app.base import Base\nclass Item(Base):\n    __tablename__ = 'item'\n"
        "    user_id = Column(ForeignKey('user.id'))\n",
        app__user="from app.base import Base\nclass User(Base):\n    __tablename__ = 'user'\n"
        f"    items = relationship('Item', backref={backref})\n",
    )
    got = found(models, "app.item", "Item").attributes["owner"].relationship
    here = found(models, "app.user", "User").attributes["items"].relationship
    assert got is not None
    assert here is not None

    assert (
        Target("class", "app.user", "User"),
        "MANYTOONE",
        False,
        lazy,
        "items",
        True,
        "owner",
        "ONETOMANY",
    ) == (
        got.target,
        got.direction,
        got.uselist,
        got.lazy,
        got.back_populates,
        got.from_backref,
        here.back_populates,
        here.direction,
    )


def test_inheritance(tmp_path: Path) -> None:
    """
    Attributes come from mixins and bases in the order of the MRO, and know who defined them.
    """
    source = f"""{START}
class Stamped:
    created = Column(DateTime)
    x = Column(Integer)
class Named(Stamped):
    x = Column(String)
class P(Base):
    __tablename__ = "p"
    id = Column(Integer, primary_key=True)
class A(Named, P):
    pass
"""
    model = found(models_of(tmp_path, app=source), "app", "A")

    assert (
        {"x": "Named", "created": "Stamped", "id": "P"},
        [("app", "Named"), ("app", "Stamped"), ("app", "P"), ("app", "Base")],
        True,
    ) == (
        {name: one.owner[1] for name, one in model.attributes.items() if one.kind == "column"},
        list(model.bases),
        model.complete,
    )


def test_bases_that_are_not_known(tmp_path: Path) -> None:
    """
    With a base that is not known any other attribute is unknown; without one it is none.
    """
    source = (
        f"{START}from elsewhere import Mixin\nclass A(Mixin, Base):\n    __tablename__ = 'a'\n"
        "class B(Base):\n    __tablename__ = 'b'\n"
    )
    models = models_of(tmp_path, app=source)
    unknown = found(models, "app", "A").get("anything")

    assert ("unknown", None) == (unknown and unknown.kind, found(models, "app", "B").get("anything"))


def test_sqlmodel(tmp_path: Path) -> None:
    """
    With SQLModel only `table=True` is mapped, and each annotated field is a column.
    """
    source = """
from sqlmodel import SQLModel, Field, Relationship
class HeroBase(SQLModel):
    name: str
    age: int | None = None
class A(HeroBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="team.id")
    team: "Team" = Relationship(back_populates="heroes", sa_relationship_kwargs={"lazy": "selectin"})
class Team(SQLModel, table=True):
    id: int = Field(primary_key=True)
    heroes: list["A"] = Relationship(back_populates="team")
"""
    models = models_of(tmp_path, app=source)
    model = found(models, "app", "A")
    team, heroes = (
        found(models, "app", of).attributes[name] for of, name in (("A", "team"), ("Team", "heroes"))
    )
    assert team.relationship is not None
    assert heroes.relationship is not None

    assert (
        True,
        False,
        {"id": "column", "team_id": "column", "team": "relationship", "name": "column", "age": "column"},
        ("Team", "MANYTOONE", False, "selectin"),
        ("A", "ONETOMANY", True),
    ) == (
        found(models, "app", "HeroBase").abstract,
        model.abstract,
        {name: one.kind for name, one in model.attributes.items()},
        (team.relationship.target.name, *team.relationship[3:1:-1], team.relationship.lazy),
        (heroes.relationship.target.name, heroes.relationship.direction, heroes.relationship.uselist),
    )


@pytest.mark.parametrize("call", ["mapper_registry.map_imperatively", "mapper"])
def test_imperative_mapping(tmp_path: Path, call: str) -> None:
    """
    A class that is mapped by a call has the columns of its table, and the properties of the call.
    """
    source = f"""
from sqlalchemy.orm import mapper, registry, relationship
mapper_registry = registry()
users = Table("users", mapper_registry.metadata, Column("id", Integer, primary_key=True), Column("name", String))
class A:
    def __init__(self): pass
class Other: pass
def start():
    {call}(Other, others)
    {call}(A, users, properties={{"others": relationship(Other, lazy="selectin"), "strange": make()}})
"""
    model = found(models_of(tmp_path, app=source), "app", "A")

    assert (
        False,
        {
            "__init__": "plain",
            "id": "column",
            "name": "column",
            "others": "relationship",
            "strange": "unknown",
        },
    ) == (
        model.abstract,
        {name: one.kind for name, one in model.attributes.items()},
    )


def test_tables(tmp_path: Path) -> None:
    """
    The name of the table, what is unique in it, and the mapper's arguments are kept; `__table__` gives columns.
    """
    source = f"""{START}
class A(Base):
    __tablename__ = "a"
    __table_args__ = (UniqueConstraint("x", "y"), Index("i", "z", unique=True), Index("j", "z"), {{"schema": "s"}})
    __mapper_args__ = {{"eager_defaults": True}}
class B(Base):
    __table__ = Table("b", Base.metadata, Column("id", Integer))
"""
    models = models_of(tmp_path, app=source)
    one, other = found(models, "app", "A"), found(models, "app", "B")
    assert one.mapper_args is not None

    assert ("a", (("x", "y"), ("z",)), True, "b", "column") == (
        one.table,
        one.unique,
        one.mapper_args.constant("eager_defaults"),
        other.table,
        other.attributes["id"].kind,
    )


def test_registry_decorators(tmp_path: Path) -> None:
    """
    `@registry.mapped` and `@registry.mapped_as_dataclass` map a class without a base.
    """
    source = f"""{START}
r = registry()
@r.mapped
class A:
    __tablename__ = "a"
@r.mapped_as_dataclass(kw_only=True)
class B:
    __tablename__ = "b"
@other.thing
class C:
    __tablename__ = "c"
"""
    models = models_of(tmp_path, app=source)

    assert [True, True, False] == [
        models.of(models.project.resolve("app", name)) is not None for name in "ABC"
    ]
